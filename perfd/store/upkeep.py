"""What the store does when nobody asks: pack, expire, stay within its bound, set damage aside.

Each call does a bounded part of the work: an hour of each kind at most. So a clock that jumps ahead
for a moment can cost a few of the oldest hours, and never the whole history.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager

from perfd.errors import StoreError
from perfd.interfaces import Meter
from perfd.store import lifetimes
from perfd.store.aside import Aside
from perfd.store.damage import Damage
from perfd.store.database import Database
from perfd.store.documents import Documents
from perfd.store.grid import Grid
from perfd.store.increments import Kind
from perfd.store.packing import Packer
from perfd.store.settings import StoreSettings
from perfd.store.shelf import Shelf
from perfd.store.streams import Streams

_log = logging.getLogger(__name__)

_STREAMS_AT_ONCE = 64  # one transaction: some 20 ms, so that an append never waits long
_HOURS_OVER_BOUND = 4  # dropped in one call while the store is too large
_FREE_PAGES = 256  # kept for reuse: the next hours need them again
_PAGES_AT_ONCE = 256

Changing = Callable[[], AbstractContextManager[sqlite3.Connection]]


class Upkeep:
    """The parts of `Store.maintain`; `changing` begins a transaction of the store."""

    def __init__(
        self,
        settings: StoreSettings,
        grid: Grid,
        database: Database,
        changing: Changing,
        shelves: Mapping[Kind, Shelf],
        packers: Sequence[Packer],
        streams: Streams,
        documents: Documents,
        damage: Damage,
        aside: Aside,
        meter: Meter,
    ) -> None:
        self._max_bytes = settings.max_bytes
        self._rows_live = lifetimes.of_rows(settings.retention)
        self._documents_live = lifetimes.of_documents(settings.retention)
        self._grid = grid
        self._database = database
        self._changing = changing
        self._shelves = shelves
        self._packers = packers
        self._streams = streams
        self._documents = documents
        self._damage = damage
        self._aside = aside
        self._meter = meter

    def step(self, now: float, sealed: int) -> None:
        """A bounded part of what is due; minutes before `sealed` take no more increments."""
        self._set_aside()
        for packer in self._packers:
            self._pack(packer, sealed)
        with self._changing() as connection:
            self._expire(connection, now)
        self._stay_within_bound()
        self._shrink()

    def _pack(self, packer: Packer, sealed: int) -> None:
        with self._database.reading() as connection:
            due = packer.due(connection, sealed)
        if due is None:
            return
        hour, slots = due
        for start in range(0, len(slots), _STREAMS_AT_ONCE):
            with self._changing() as connection:
                packer.pack(connection, hour, slots[start : start + _STREAMS_AT_ONCE])
        self._meter.count("perfd_store_compactions", kind=packer.kind)

    def _expire(self, connection: sqlite3.Connection, now: float) -> None:
        for kind, seconds in self._rows_live.items():
            horizon = self._grid.horizon(now, seconds)
            oldest = self._shelves[kind].chunks.oldest(connection)
            if oldest is not None and oldest < horizon:
                self._drop(connection, kind, oldest, "age")
            else:
                self._streams.forget(connection, kind, horizon)
        for document, seconds in self._documents_live.items():
            gone = self._documents.expire(connection, document, now - seconds)
            self._count(document, gone, "age")

    def _stay_within_bound(self) -> None:
        for _ in range(_HOURS_OVER_BOUND):
            if self.used() <= self._max_bytes:
                return
            with self._changing() as connection:
                oldest = {
                    kind: hour
                    for kind, shelf in self._shelves.items()
                    if (hour := shelf.chunks.oldest(connection)) is not None
                }
                if not oldest:
                    return
                kind = min(oldest, key=lambda kind: oldest[kind])
                self._drop(connection, kind, oldest[kind], "size")

    def _drop(self, connection: sqlite3.Connection, kind: Kind, hour: int, reason: str) -> None:
        gone = self._shelves[kind].chunks.expire(connection, hour)
        self._count(kind, gone, reason)

    def _count(self, what: str, gone: int, reason: str) -> None:
        if gone:
            self._meter.count("perfd_store_expired", gone, what=what, reason=reason)

    def used(self) -> int:
        """Bytes of the database that hold something."""
        pages = self._database.pragma("page_count") - self._database.pragma("freelist_count")
        return pages * self._database.pragma("page_size")

    def _shrink(self) -> None:
        """Give pages back once far more are free than an hour needs."""
        free, pages = self._database.pragma("freelist_count"), self._database.pragma("page_count")
        if free > max(_FREE_PAGES, pages // 4):
            self._database.vacuum(_PAGES_AT_ONCE)

    def _set_aside(self) -> None:
        for table, key in self._damage.take():
            try:
                with self._changing() as connection:
                    self._aside.take(connection, table, key)
            except StoreError as error:
                _log.warning("store: %s %s could not be set aside: %s", table, key, error)
