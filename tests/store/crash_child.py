"""What test_kill9.py kills: receives, acknowledges, flushes and packs, as the daemon's jobs do.

    python -m tests.store.crash_child DIRECTORY FIRST_ITEM

Item k is one request at virtual time START + 7 k whose histogram has the single bucket k, so that
it can be counted in the store's answers. Prints `o k` when k is offered, `a k` once it is durable.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from pathlib import Path

from perfd.clock import ManualClock
from perfd.model.batch import Batch
from perfd.model.histogram import Histogram
from perfd.model.series import REQUESTS, Series
from perfd.model.window import Window
from perfd.store.request_log import SegmentLog
from perfd.store.settings import LogSettings, StoreSettings
from perfd.store.sqlite import SqliteStore
from tests.fakes import CountingMeter

START = 1_699_999_200.0
SPACING = 7.0  # virtual seconds: an hour is some 500 items
CLIENTS = 4
FLUSH_EVERY = 16
MAINTAIN_EVERY = 40


def at(item: int) -> float:
    return START + SPACING * item


def open_store(directory: Path, meter: CountingMeter) -> SqliteStore:
    path = directory / "perfd.db"
    return SqliteStore(path, StoreSettings(), pace=1.0, clock=ManualClock(), meter=meter)


def open_log(directory: Path, after: int, meter: CountingMeter) -> SegmentLog:
    small = LogSettings(segment_bytes=4096)
    return SegmentLog(
        directory / "log", small, durability="fsync", after=after, clock=ManualClock(), meter=meter
    )


class Daemon:
    """Open increments, and how far into the log they reach."""

    def __init__(self, directory: Path) -> None:
        meter = CountingMeter()
        self.store = open_store(directory, meter)
        self.log = open_log(directory, self.store.log_position(), meter)
        self.open: list[Window] = []
        self.position = self.store.log_position()
        self.writing = asyncio.Lock()

    def apply(self, position: int, body: bytes) -> None:
        item = int(body)
        series = Series.of(REQUESTS, service="s", operation=str(item % 5))
        histogram = Histogram({item: 1}, 0, 1, 1.0, 0.0, 0.0)
        self.open.append(Window(series, at(item), 10.0, 1, 0, histogram))
        self.position = position

    def replay(self) -> None:
        for record in self.log.replay(self.store.log_position()):
            self.apply(record.position, record.body)
        self.store.append(self.take())

    def take(self) -> Batch:
        taken, self.open = self.open, []
        return Batch(windows=tuple(taken), log_position=self.position)

    async def receive(self, item: int) -> None:
        os.write(1, b"o %d\n" % item)
        body = b"%d" % item
        self.apply(position := self.log.append("traces", "m", "", at(item), body), body)
        await self.log.durable(position)
        os.write(1, b"a %d\n" % item)

    async def flush(self) -> None:
        async with self.writing:
            await asyncio.to_thread(self.store.append, self.take())
            self.log.forget(self.store.log_position())

    async def maintain(self, now: float) -> None:
        await asyncio.to_thread(self.store.maintain, now)

    async def serve(self, items: itertools.count[int]) -> None:
        for item in items:
            await self.receive(item)
            if item % FLUSH_EVERY == 0:
                await self.flush()
            if item % MAINTAIN_EVERY == 0:
                await self.maintain(at(item))


async def main(directory: Path, first: int) -> None:
    daemon = Daemon(directory)
    daemon.replay()
    items = itertools.count(first)
    await asyncio.gather(*(daemon.serve(items) for _ in range(CLIENTS)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
