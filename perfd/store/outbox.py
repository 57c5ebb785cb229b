"""What an agent's store holds for its centre: rows stay hot until they are there.

So nothing is packed: a row that waits keeps its revision and its resolution, and one that has
arrived and takes no more increments is deleted. What waits is bounded in bytes; the oldest hours go
first, and their rows are counted.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping

from perfd.interfaces import Meter
from perfd.model.partial import Partial
from perfd.store import keys
from perfd.store.grid import MINUTES_PER_HOUR, Grid, hour
from perfd.store.increments import Kind
from perfd.store.roll import put
from perfd.store.schema import of_kind
from perfd.store.shelf import Shelf
from perfd.store.streams import Stream, Streams

_INDEX = "CREATE INDEX IF NOT EXISTS $_hot_rev ON $_hot (rev)"
_REVISIONS = " UNION ALL ".join(
    of_kind("SELECT rev FROM $_hot WHERE rev > :after", kind) for kind in Kind
)
_FIRST = "SELECT rev FROM ($) ORDER BY rev LIMIT :most".replace("$", _REVISIONS)
_COUNT = "SELECT count(*) FROM ($)".replace("$", _REVISIONS)
_ARRIVED = (
    "DELETE FROM $_hot WHERE key IN"
    " (SELECT key FROM $_hot WHERE key < ? AND rev <= ? ORDER BY key LIMIT ?)"
)
_UNSENT = "SELECT count(*) FROM $_hot WHERE key >= ? AND key < ? AND rev > ?"
_DROP = "DELETE FROM $_hot WHERE key >= ? AND key < ?"

_AT_ONCE = 10_000  # rows deleted in one transaction: some 50 ms


class Outbox:
    """`max_bytes` bounds the database of an agent; None for a store that is nobody's outbox."""

    def __init__(
        self,
        shelves: Mapping[Kind, Shelf],
        streams: Streams,
        grid: Grid,
        max_bytes: int | None,
        meter: Meter,
    ) -> None:
        self._shelves = shelves
        self._streams = streams
        self._grid = grid
        self._max_bytes = max_bytes
        self._meter = meter
        self.released = -1

    @property
    def enabled(self) -> bool:
        """Whether this is an agent's store."""
        return self._max_bytes is not None

    def prepare(self, connection: sqlite3.Connection) -> None:
        """What makes reading by revision cheap; only an agent pays for it."""
        for kind in Kind:
            connection.execute(of_kind(_INDEX, kind))

    def changed(self, connection: sqlite3.Connection, after: int, most: int) -> list[Partial]:
        """Own rows written after a revision, by revision: whole revisions, about `most` rows."""
        asked = {"after": after, "most": most + 1}
        revisions = [rev for (rev,) in connection.execute(_FIRST, asked)]
        if not revisions:
            return []
        upto = revisions[-1]
        if len(revisions) > most:  # the last one may go on: leave it, unless it is the only one
            upto = max((rev for rev in revisions if rev < upto), default=upto)
        own = {slot: s for slot, s in self._streams.by_slot.items() if not s.foreign}
        found = [row for kind in Kind for row in self._rows(connection, kind, own, after, upto)]
        return sorted(found, key=lambda partial: partial.revision)

    def waiting(self, connection: sqlite3.Connection, after: int) -> int:
        """How many rows were written after a revision."""
        (count,) = connection.execute(_COUNT, {"after": after}).fetchone()
        return int(count)

    def let_go(self, connection: sqlite3.Connection, sealed: int) -> int:
        """Delete what has arrived and takes no more increments; returns how many rows."""
        gone = 0
        for kind, shelf in self._shelves.items():
            asked = keys.key(sealed, 0), self.released, _AT_ONCE
            gone += connection.execute(of_kind(_ARRIVED, kind), asked).rowcount
            shelf.hot.forget()
        return gone

    def drop(self, connection: sqlite3.Connection, used: int, now: float) -> int | None:
        """Within the bound None; above it, the first minute behind the hour that was dropped."""
        oldest = self._oldest(connection)
        if self._max_bytes is None or used <= self._max_bytes or oldest is None:
            return None
        if oldest >= hour(self._grid.number(now)):
            return None  # the present hour is never dropped: the bound is too small for it
        first = oldest * MINUTES_PER_HOUR
        interval = keys.bounds(range(first, first + MINUTES_PER_HOUR))
        for kind, shelf in self._shelves.items():
            asked = *interval, self.released
            (unsent,) = connection.execute(of_kind(_UNSENT, kind), asked).fetchone()
            connection.execute(of_kind(_DROP, kind), interval)
            shelf.hot.forget()
            self._count(kind, unsent)
        return first + MINUTES_PER_HOUR

    def _oldest(self, connection: sqlite3.Connection) -> int | None:
        found = [shelf.hot.oldest(connection) for shelf in self._shelves.values()]
        return min((hour(number) for number in found if number is not None), default=None)

    def _count(self, kind: Kind, unsent: int) -> None:
        if unsent:
            labels = {"stage": "forward", "signal": f"{kind}s", "reason": "budget"}
            self._meter.count("perfd_dropped_items", unsent, **labels)

    def _rows(
        self,
        connection: sqlite3.Connection,
        kind: Kind,
        streams: Mapping[int, Stream],
        after: int,
        upto: int,
    ) -> Iterator[Partial]:
        for key, row in self._shelves[kind].hot.since(connection, streams, after, upto):
            start = self._grid.start(keys.number_of(key))
            yield Partial(row.revision, put(row.item, start, self._grid.width))
