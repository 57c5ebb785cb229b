"""The store and the request log of a data directory, from settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from perfd.errors import StoreError
from perfd.interfaces import Clock, Meter, Store
from perfd.store.memory import MemoryStore
from perfd.store.request_log import Durability, SegmentLog
from perfd.store.settings import StoreSettings
from perfd.store.sqlite import SqliteStore

DATABASE = "perfd.db"
LOG = "log"


def open_store(
    path: Path | None,
    settings: StoreSettings,
    *,
    pace: float,
    clock: Clock,
    meter: Meter,
    outbox: int | None = None,
) -> Store:
    """The store of the data directory `path`; without one, a store in memory.

    `outbox` makes it an agent's store: the bytes that may wait for the centre.
    """
    if path is None:
        return MemoryStore(settings, pace=pace, meter=meter)
    return SqliteStore(
        path / DATABASE, settings, pace=pace, clock=clock, meter=meter, outbox=outbox
    )


def open_log(
    path: Path,
    settings: StoreSettings,
    *,
    durability: Durability,
    after: int,
    clock: Clock,
    meter: Meter,
    on_failure: Callable[[StoreError], None],
) -> SegmentLog:
    """The request log of the data directory `path`; `after` is the store's log position."""
    return SegmentLog(
        path / LOG,
        settings.log,
        durability=durability,
        after=after,
        clock=clock,
        meter=meter,
        on_failure=on_failure,
    )
