"""The list of streams that have a chunk, hour by hour: what is missing from it is noticed."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable

import numpy as np

from perfd.errors import Corrupt
from perfd.store.columns import Ints, compress, ints, pack_ints, unpack_ints
from perfd.store.damage import Damage
from perfd.store.increments import Kind
from perfd.store.seal import seal, unseal

_COUNT = 4  # bytes of the number of streams, in front of the list


class Hours:
    """Rows of the table `hour` of one kind."""

    def __init__(self, kind: Kind, damage: Damage) -> None:
        self._kind = kind
        self._damage = damage

    def read(self, connection: sqlite3.Connection, hours: range) -> dict[int, Ints]:
        """Sorted slots by hour."""
        rows = connection.execute(
            "SELECT hour, body FROM hour WHERE kind = ? AND hour >= ? AND hour < ? ORDER BY hour",
            (self._kind, hours.start, hours.stop),
        )
        lists: dict[int, Ints] = {}
        for hour, sealed in rows:
            try:
                lists[hour] = _unpack(unseal(sealed, self._kind, hour))
            except Corrupt:
                self._damage.report("hour", f"{self._kind} {hour}")
        return lists

    def slots(self, connection: sqlite3.Connection, hour: int) -> list[int]:
        """The streams of one hour."""
        found = self.read(connection, range(hour, hour + 1))
        return found[hour].tolist() if hour in found else []

    def write(self, connection: sqlite3.Connection, hour: int, slots: Iterable[int]) -> None:
        """Replace the list of an hour; an empty one is removed."""
        kept = sorted(set(slots))
        if not kept:
            self.delete(connection, hour)
            return
        connection.execute(
            "INSERT OR REPLACE INTO hour (kind, hour, body) VALUES (?, ?, ?)",
            (self._kind, hour, seal(_pack(ints(kept)), self._kind, hour)),
        )

    def delete(self, connection: sqlite3.Connection, hour: int) -> None:
        """Forget an hour."""
        connection.execute("DELETE FROM hour WHERE kind = ? AND hour = ?", (self._kind, hour))

    def delete_until(self, connection: sqlite3.Connection, hour: int) -> None:
        """Forget an hour and all before it."""
        connection.execute("DELETE FROM hour WHERE kind = ? AND hour <= ?", (self._kind, hour))


def _pack(slots: Ints) -> bytes:
    distances = pack_ints(np.diff(slots, prepend=0))
    return len(slots).to_bytes(_COUNT, "little") + compress(distances)


def _unpack(body: bytes) -> Ints:
    count = int.from_bytes(body[:_COUNT], "little")
    return np.cumsum(unpack_ints(zlib.decompress(body[_COUNT:]), count))
