"""Hot minutes become chunks: what is packed and what is deleted is the same, in one transaction.

Which hour is next is read from the rows, never from the clock, so a kill at any point only means
that the same hour is next again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from perfd.store import keys
from perfd.store.chunks import Chunks
from perfd.store.dictionary import Dictionary
from perfd.store.foreign import Revised, amend
from perfd.store.grid import MINUTES_PER_HOUR, hour
from perfd.store.hot import Hot
from perfd.store.increments import Kind
from perfd.store.profile_codec import coarse
from perfd.store.pruning import fold, light, targets
from perfd.store.stacks import merged
from perfd.store.streams import Stream, Streams

Minutes = list[tuple[int, Any]]


class Packer:
    """Packs one kind, an hour at a time and a few streams at a time."""

    def __init__(
        self,
        kind: Kind,
        hot: Hot,
        chunks: Chunks,
        streams: Streams,
        dictionary: Dictionary,
        keep_stacks: float,
    ) -> None:
        self.kind = kind
        self._hot = hot
        self._chunks = chunks
        self._streams = streams
        self._dictionary = dictionary
        self._keep_stacks = keep_stacks

    def due(self, connection: sqlite3.Connection, sealed: int) -> tuple[int, list[int]] | None:
        """The oldest hour with hot rows and its streams, if it takes no more increments."""
        oldest = self._hot.oldest(connection)
        if oldest is None or oldest >= sealed:
            return None
        return hour(oldest), self._hot.slots(connection, _minutes_of(hour(oldest)))

    def pack(self, connection: sqlite3.Connection, hour: int, slots: Sequence[int]) -> None:
        """Move these streams' rows of an hour into chunks, adding to chunks that exist."""
        sealed = {}
        for slot in slots:
            wanted = keys.grid(_minutes_of(hour), [slot])
            stream = self._streams.by_slot.get(slot)
            if stream is None:  # its own row was damaged; nobody can tell whose these rows are
                self._hot.disown(connection, wanted)
                continue
            minutes, stamps = self._minutes(connection, stream, hour, wanted)
            if minutes:
                sealed[slot] = self._chunks.seal(stream, hour, minutes, stamps)
            self._hot.delete(connection, wanted)
        self._chunks.write(connection, hour, sealed)

    def _minutes(
        self, connection: sqlite3.Connection, stream: Stream, hour: int, wanted: Sequence[int]
    ) -> tuple[Minutes, dict[int, int]]:
        """The hour as it will be, and the revisions of its minutes."""
        together, stamps = self._chunks.held(connection, stream, hour)
        found = self._hot.revised(connection, {stream.slot: stream}, wanted)
        news = {keys.number_of(key) % MINUTES_PER_HOUR: row for key, row in found.items()}
        if stream.foreign:
            amend(self.kind, together, stamps, news)
        else:
            _add(together, news)
        minutes = sorted(together.items(), key=itemgetter(0))
        if minutes and self.kind == Kind.PROFILE:
            minutes = self._pruned(connection, minutes)
        return minutes, stamps

    def _pruned(self, connection: sqlite3.Connection, minutes: Minutes) -> Minutes:
        """Windows of ten minutes without the tail of the hour."""
        windows = coarse(minutes)
        hour = merged(list(windows.values()))
        folded = light(hour, self._keep_stacks).tolist()
        if not folded:
            return list(windows.items())
        known = self._dictionary.nodes(connection, hour.nodes.tolist())
        moves, new = targets(hour.nodes, folded, known)
        self._dictionary.add(connection, new)
        return [(minute, fold(stacks, moves)) for minute, stacks in windows.items()]


def _add(together: dict[int, Any], news: Mapping[int, Revised]) -> None:
    """Own rows for a packed hour are what was added since, after a long stop."""
    for minute, (_, item) in news.items():
        held = together.get(minute)
        together[minute] = item if held is None else held.merge(item)


def _minutes_of(hour: int) -> range:
    return range(hour * MINUTES_PER_HOUR, (hour + 1) * MINUTES_PER_HOUR)
