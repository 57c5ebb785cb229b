"""Minute rows of one kind: each the whole partial of one stream in one minute."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from perfd.errors import Corrupt
from perfd.store import keys, rows
from perfd.store.codecs import CODECS
from perfd.store.damage import Damage
from perfd.store.database import damaged
from perfd.store.foreign import Revised
from perfd.store.increments import Kind
from perfd.store.roll import Row
from perfd.store.schema import of_kind
from perfd.store.seal import seal, unseal
from perfd.store.streams import Stream

_BY_KEY = "SELECT key, rev, body FROM $_hot WHERE key IN (SELECT value FROM json_each(?))"
_BY_RANGE = "SELECT key, rev, body FROM $_hot WHERE key >= ? AND key < ?"
_WRITE = (
    "INSERT INTO $_hot (key, rev, body) VALUES (?, ?, ?)"
    " ON CONFLICT (key) DO UPDATE SET rev = excluded.rev, body = excluded.body"
    " WHERE excluded.rev >= rev"
)
_REPLACE = _WRITE.replace("excluded.rev >= rev", "excluded.rev > rev")
_SINCE = "SELECT key, rev, body FROM $_hot WHERE rev > ? AND rev <= ? ORDER BY rev, key"
_DELETE = "DELETE FROM $_hot WHERE key IN (SELECT value FROM json_each(?))"
_OLDEST = "SELECT min(key) FROM $_hot"
_NEWEST = "SELECT max(key) FROM $_hot"
_KEYS = "SELECT key FROM $_hot WHERE key >= ? AND key < ?"

# Above this many keys it is cheaper to walk the interval than to look each one up.
_MANY_KEYS = 20_000

_REMEMBERED = 4096  # rows of the last minutes, some 3 KiB each

Fetched = tuple[int, int, bytes]  # key, rev, sealed body


class Hot:
    """Rows of one kind while they still take increments."""

    def __init__(self, kind: Kind, damage: Damage) -> None:
        self._kind = kind
        self._codec = CODECS[kind]
        self._damage = damage
        self._recent: dict[int, Any] = {}
        self._newest = 0
        self.table = f"{kind}_hot"

    def read(
        self, connection: sqlite3.Connection, streams: Mapping[int, Stream], wanted: Sequence[int]
    ) -> dict[int, Any]:
        """Partials by key; damaged ones are reported and left out."""
        decode = self._codec.decode
        return {
            key: decode(stream.series, body)
            for key, stream, body in self._opened(streams, self._by_key(connection, wanted))
        }

    def latest(
        self, connection: sqlite3.Connection, streams: Mapping[int, Stream], wanted: Sequence[int]
    ) -> dict[int, Any]:
        """The same as `read`, from memory where this store wrote the row a moment ago."""
        recent = self._recent
        held = {key: recent[key] for key in wanted if key in recent}
        held.update(self.read(connection, streams, [key for key in wanted if key not in held]))
        return held

    def write(
        self,
        connection: sqlite3.Connection,
        streams: Mapping[int, Stream],
        items: Mapping[int, Any],
        rev: int,
    ) -> None:
        """Replace whole partials; a row with a greater revision stays."""
        kind, encode = self._kind, self._codec.encode
        connection.executemany(
            self._sql(_WRITE),
            (
                (key, rev, seal(encode(items[key]), kind, _id(streams, key), key, rev))
                for key in sorted(items)
            ),
        )
        self._remember(items)

    def revised(
        self, connection: sqlite3.Connection, streams: Mapping[int, Stream], wanted: Sequence[int]
    ) -> dict[int, Revised]:
        """The same as `read`, with revisions."""
        return dict(self._revised(streams, self._by_key(connection, wanted)))

    def since(
        self, connection: sqlite3.Connection, streams: Mapping[int, Stream], after: int, upto: int
    ) -> Iterator[tuple[int, Revised]]:
        """Own rows that were written after a revision, up to another, in order."""
        found = connection.execute(self._sql(_SINCE), (after, upto))
        own = (row for row in found if keys.slot_of(row[0]) in streams)
        yield from self._revised(streams, own)

    def replace(
        self,
        connection: sqlite3.Connection,
        streams: Mapping[int, Stream],
        rows: Mapping[int, Revised],
    ) -> None:
        """Rows of other writers, each with its own revision; the greatest stays."""
        kind, encode = self._kind, self._codec.encode
        connection.executemany(
            self._sql(_REPLACE),
            (
                (key, rev, seal(encode(item), kind, _id(streams, key), key, rev))
                for key, (rev, item) in sorted(rows.items())
            ),
        )

    def scan(
        self,
        connection: sqlite3.Connection,
        streams: Mapping[int, Stream],
        numbers: range,
        step: int = 1,
    ) -> Iterator[Row[Any]]:
        """The rows of these streams in these minutes.

        Those of one step and series come merged, and so do those of one series and many writers.
        """
        numbers = self._clip(connection, numbers)
        many = len(numbers) * len(streams) > _MANY_KEYS
        fetch = self._by_range if many else self._by_grid
        opened = self._opened(streams, fetch(connection, streams, numbers))
        if step == 1 and not any(stream.foreign for stream in streams.values()):
            for key, stream, body in opened:
                yield Row(keys.number_of(key), self._codec.decode(stream.series, body))
            return
        groups: defaultdict[tuple[int, int], list[bytes]] = defaultdict(list)
        of = {stream.series.id: stream.series for stream in streams.values()}
        for key, stream, body in opened:
            groups[stream.series.id, keys.number_of(key) // step].append(body)
        for (series, bucket), bodies in groups.items():
            yield Row(bucket * step, self._codec.total(of[series], bodies))

    def forget(self) -> None:
        """Trust nothing of what a failed transaction may have written."""
        self._recent.clear()

    def oldest(self, connection: sqlite3.Connection) -> int | None:
        """The first minute with a row."""
        (key,) = connection.execute(self._sql(_OLDEST)).fetchone()
        return None if key is None else keys.number_of(key)

    def slots(self, connection: sqlite3.Connection, numbers: range) -> list[int]:
        """The streams with rows in these minutes."""
        found = connection.execute(self._sql(_KEYS), keys.bounds(numbers)).fetchall()
        return sorted({keys.slot_of(key) for (key,) in found})

    def delete(self, connection: sqlite3.Connection, gone: Sequence[int]) -> None:
        """Remove rows by key."""
        for key in gone:
            self._recent.pop(key, None)
        connection.execute(self._sql(_DELETE), (rows.json(gone),))

    def disown(self, connection: sqlite3.Connection, wanted: Sequence[int]) -> None:
        """Report rows that belong to no known stream."""
        for key, _, _ in self._by_key(connection, wanted):
            self._damage.report(self.table, key)

    def verify(self, connection: sqlite3.Connection, streams: Mapping[int, Stream]) -> None:
        """Read every row once and report the damaged ones: a damaged key is found no other way."""
        for key, rev, sealed in connection.execute(
            self._sql(_BY_RANGE), (-(1 << 63), (1 << 63) - 1)
        ):
            stream = streams.get(keys.slot_of(key))
            if stream is None:
                self._damage.report(self.table, key)
            else:
                self._unseal(stream, key, rev, sealed)

    def _by_key(self, connection: sqlite3.Connection, wanted: Sequence[int]) -> Iterator[Fetched]:
        yield from rows.by_key(connection, self._sql(_BY_KEY), wanted, self._unreadable)

    def _by_grid(
        self, connection: sqlite3.Connection, streams: Mapping[int, Stream], numbers: range
    ) -> Iterable[Fetched]:
        return self._by_key(connection, keys.grid(numbers, streams))

    def _by_range(
        self, connection: sqlite3.Connection, streams: Mapping[int, Stream], numbers: range
    ) -> Iterable[Fetched]:
        try:
            found = connection.execute(self._sql(_BY_RANGE), keys.bounds(numbers))
            return [row for row in found if keys.slot_of(row[0]) in streams]
        except sqlite3.DatabaseError as error:
            if not damaged(error):
                raise
            return self._by_grid(connection, streams, numbers)

    def _clip(self, connection: sqlite3.Connection, numbers: range) -> range:
        """The part of an interval that may have rows, so that `all of time` is a short list."""
        oldest = self.oldest(connection)
        if oldest is None:
            return range(0)
        (newest,) = connection.execute(self._sql(_NEWEST)).fetchone()
        return range(max(numbers.start, oldest), min(numbers.stop, keys.number_of(newest) + 1))

    def _opened(
        self, streams: Mapping[int, Stream], fetched: Iterable[Fetched]
    ) -> Iterator[tuple[int, Stream, bytes]]:
        for key, rev, sealed in fetched:
            stream = streams[keys.slot_of(key)]
            body = self._unseal(stream, key, rev, sealed)
            if body is not None:
                yield key, stream, body

    def _revised(
        self, streams: Mapping[int, Stream], fetched: Iterable[Fetched]
    ) -> Iterator[tuple[int, Revised]]:
        for key, rev, sealed in fetched:
            stream = streams[keys.slot_of(key)]
            body = self._unseal(stream, key, rev, sealed)
            if body is not None:
                yield key, Revised(rev, self._codec.decode(stream.series, body))

    def _remember(self, items: Mapping[int, Any]) -> None:
        """Keep the rows of the last two minutes: the next increments belong to them."""
        newest = keys.number_of(max(items))
        first = keys.key(newest - 1, 0)
        if newest != self._newest or len(self._recent) > _REMEMBERED:
            self._recent = {key: held for key, held in self._recent.items() if key >= first}
            self._newest = newest
        if len(self._recent) + len(items) <= _REMEMBERED:
            self._recent.update((key, item) for key, item in items.items() if key >= first)

    def _unseal(self, stream: Stream, key: int, rev: int, sealed: bytes) -> bytes | None:
        try:
            return unseal(sealed, self._kind, stream.series.id, key, rev)
        except Corrupt:
            self._damage.report(self.table, key)
            return None

    def _unreadable(self, key: int) -> None:
        self._damage.report(self.table, key)

    def _sql(self, statement: str) -> str:
        return of_kind(statement, self._kind)


def _id(streams: Mapping[int, Stream], key: int) -> int:
    return streams[keys.slot_of(key)].series.id
