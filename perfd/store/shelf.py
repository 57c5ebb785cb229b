"""One kind's rows, hot and packed, written and read as one."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from perfd.store import keys
from perfd.store.chunks import Chunks
from perfd.store.damage import Damage
from perfd.store.foreign import Revised
from perfd.store.grid import MINUTES_PER_HOUR, hour
from perfd.store.hot import Hot
from perfd.store.increments import Kind
from perfd.store.roll import Row
from perfd.store.streams import Stream


class Shelf:
    """The tables of one kind."""

    def __init__(self, kind: Kind, damage: Damage) -> None:
        self.kind = kind
        self.hot = Hot(kind, damage)
        self.chunks = Chunks(kind, damage)

    def add(
        self,
        connection: sqlite3.Connection,
        streams: Mapping[int, Stream],
        increments: dict[int, Any],
        rev: int,
    ) -> dict[int, Any]:
        """Add increments, by key, to the partials that are there; returns the whole partials."""
        held = self.hot.latest(connection, streams, sorted(increments))
        whole = {
            key: held[key].merge(item) if key in held else item for key, item in increments.items()
        }
        self.hot.write(connection, streams, whole, rev)
        return whole

    def absorb(
        self,
        connection: sqlite3.Connection,
        streams: Mapping[int, Stream],
        rows: Mapping[int, Revised],
    ) -> int:
        """Take rows of other writers, by key; returns how many could not be taken.

        Whether an hour is packed is read from the chunks: no clock and no order is relied upon.
        """
        hours = {key: keys.key(hour(keys.number_of(key)), keys.slot_of(key)) for key in rows}
        packed = self.chunks.existing(connection, set(hours.values()))
        late: defaultdict[int, dict[int, Revised]] = defaultdict(dict)
        fresh: dict[int, Revised] = {}
        for key, row in rows.items():
            if hours[key] in packed:
                late[hours[key]][keys.number_of(key) % MINUTES_PER_HOUR] = row
            else:
                fresh[key] = row
        self.hot.replace(connection, streams, fresh)
        return sum(
            self.chunks.amend(connection, streams[keys.slot_of(key)], keys.number_of(key), news)
            for key, news in late.items()
        )

    def scan(
        self,
        connection: sqlite3.Connection,
        streams: Mapping[int, Stream],
        numbers: range,
        step: int = 1,
    ) -> Iterator[Row[Any]]:
        """The rows of these streams in these minutes, wherever they are."""
        if streams and numbers:
            yield from self.chunks.scan(connection, streams, numbers, step)
            yield from self.hot.scan(connection, streams, numbers, step)
