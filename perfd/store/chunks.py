"""Packed hours of one kind: a chunk is all that one stream has in one hour."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from perfd.errors import Corrupt
from perfd.store import keys, rows
from perfd.store.codec import Cut
from perfd.store.codecs import CODECS
from perfd.store.columns import ints
from perfd.store.damage import Damage
from perfd.store.foreign import Revised, amend
from perfd.store.grid import MINUTES_PER_HOUR
from perfd.store.hours import Hours
from perfd.store.increments import Kind
from perfd.store.roll import Row
from perfd.store.schema import of_kind
from perfd.store.seal import seal, unseal
from perfd.store.stamps import body_of, stamped, stamps_of
from perfd.store.streams import Stream

_BY_KEY = "SELECT key, body FROM $_chunk WHERE key IN (SELECT value FROM json_each(?))"
_WRITE = "INSERT OR REPLACE INTO $_chunk (key, body) VALUES (?, ?)"
_EXPIRE = "DELETE FROM $_chunk WHERE key >= ? AND key < ?"
_OLDEST = "SELECT min(key) FROM $_chunk"
_KEYS = "SELECT key FROM $_chunk WHERE key >= ? AND key < ?"
_EXISTING = "SELECT key FROM $_chunk WHERE key IN (SELECT value FROM json_each(?))"


class Chunks:
    """Chunks of one kind, and the list of them."""

    def __init__(self, kind: Kind, damage: Damage) -> None:
        self._kind = kind
        self._codec = CODECS[kind]
        self._damage = damage
        self.table = f"{kind}_chunk"
        self.hours = Hours(kind, damage)

    def scan(
        self,
        connection: sqlite3.Connection,
        streams: Mapping[int, Stream],
        numbers: range,
        step: int = 1,
    ) -> Iterator[Row[Any]]:
        """The rows of these streams in these minutes; those of one step may come merged."""
        wanted = self._listed(connection, streams, numbers)
        missing = set(wanted)
        fetched = rows.by_key(connection, of_kind(_BY_KEY, self._kind), wanted, missing.add)
        for key, sealed in fetched:
            missing.discard(key)
            cut = Cut(keys.number_of(key) * MINUTES_PER_HOUR, numbers, step)
            yield from self._open(streams[keys.slot_of(key)], key, sealed, cut)
        for key in missing:
            self._damage.report(self.table, key)

    def held(
        self, connection: sqlite3.Connection, stream: Stream, hour: int
    ) -> tuple[dict[int, Any], dict[int, int]]:
        """What one stream has in one hour, by minute of the hour: partials, and their revisions.

        Only the hours of other writers have revisions.
        """
        first, key = hour * MINUTES_PER_HOUR, keys.key(hour, stream.slot)
        cut = Cut(first, range(first, first + MINUTES_PER_HOUR))
        minutes: dict[int, Any] = {}
        stamps: dict[int, int] = {}
        for _, sealed in rows.by_key(connection, of_kind(_BY_KEY, self._kind), [key], self._gone):
            minutes = {r.number - first: r.item for r in self._open(stream, key, sealed, cut)}
            if minutes and stream.foreign:
                stamps = stamps_of(unseal(sealed, self._kind, stream.series.id, key))
        return minutes, stamps

    def existing(self, connection: sqlite3.Connection, wanted: Iterable[int]) -> set[int]:
        """Those of these keys that have a chunk."""
        found = connection.execute(of_kind(_EXISTING, self._kind), (rows.json(wanted),))
        return {key for (key,) in found}

    def amend(
        self, connection: sqlite3.Connection, stream: Stream, hour: int, news: Mapping[int, Revised]
    ) -> int:
        """Bring another writer's chunk up to date; returns how many rows could not be taken."""
        minutes, stamps = self.held(connection, stream, hour)
        refused = amend(self._kind, minutes, stamps, news)
        sealed = self.seal(stream, hour, sorted(minutes.items()), stamps)
        self.write(connection, hour, {stream.slot: sealed})
        return refused

    def seal(
        self,
        stream: Stream,
        hour: int,
        minutes: Sequence[tuple[int, Any]],
        stamps: Mapping[int, int],
    ) -> bytes:
        """The chunk of one stream and hour."""
        body = self._codec.pack(minutes)
        if stream.foreign:
            body = stamped(body, stamps)
        return seal(body, self._kind, stream.series.id, keys.key(hour, stream.slot))

    def write(self, connection: sqlite3.Connection, hour: int, sealed: Mapping[int, bytes]) -> None:
        """Store the chunks of an hour, by slot."""
        listed = self.hours.slots(connection, hour)
        connection.executemany(
            of_kind(_WRITE, self._kind),
            ((keys.key(hour, slot), sealed[slot]) for slot in sorted(sealed)),
        )
        self.hours.write(connection, hour, (*listed, *sealed))

    def oldest(self, connection: sqlite3.Connection) -> int | None:
        """The first hour with a chunk, listed or not."""
        (key,) = connection.execute(of_kind(_OLDEST, self._kind)).fetchone()
        return None if key is None else keys.number_of(key)

    def expire(self, connection: sqlite3.Connection, hour: int) -> int:
        """Drop an hour; returns how many chunks it had."""
        interval = keys.bounds(range(hour, hour + 1))
        gone = connection.execute(of_kind(_EXPIRE, self._kind), interval).rowcount
        self.hours.delete_until(connection, hour)
        return gone

    def relist(self, connection: sqlite3.Connection, hour: int) -> None:
        """Make the list of an hour say what is there."""
        interval = keys.bounds(range(hour, hour + 1))
        found = connection.execute(of_kind(_KEYS, self._kind), interval).fetchall()
        self.hours.write(connection, hour, (keys.slot_of(key) for (key,) in found))

    def _listed(
        self, connection: sqlite3.Connection, streams: Mapping[int, Stream], numbers: range
    ) -> list[int]:
        """The keys of the chunks that these streams have in these minutes."""
        hours = range(numbers.start // MINUTES_PER_HOUR, -(-numbers.stop // MINUTES_PER_HOUR))
        slots = ints(sorted(streams))
        found: list[int] = []
        for hour, listed in self.hours.read(connection, hours).items():
            held = listed[np.isin(listed, slots)]
            found += [keys.key(hour, slot) for slot in held.tolist()]
        return found

    def _gone(self, key: int) -> None:
        self._damage.report(self.table, key)

    def _open(self, stream: Stream, key: int, sealed: bytes, cut: Cut) -> list[Row[Any]]:
        try:
            body = unseal(sealed, self._kind, stream.series.id, key)
        except Corrupt:
            self._damage.report(self.table, key)
            return []
        if stream.foreign:
            body = body_of(body)
        return list(self._codec.unpack(stream.series, body, cut))
