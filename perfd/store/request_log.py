"""The request log: an acknowledgement is a promise, and this is what keeps it.

Accepted bodies are appended to segments of bounded size and synced in groups: one sync at a time,
in a thread, covers everything appended before it began. A sync that failed is never tried again and
trusted, because the kernel may have dropped the pages and the error with them; the log then fails
for good. A restart never appends to an old segment, so a torn tail stays where it is and ends that
segment.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from perfd.errors import Overloaded, StoreError
from perfd.interfaces import Clock, LogRecord, Meter, Signal
from perfd.store import log_format
from perfd.store.disk import Disk
from perfd.store.settings import LogSettings

Durability = Literal["fsync", "os", "memory"]

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_RETRY_AFTER = 5.0  # seconds: a full log or disk empties with the next flush or when space is made


@dataclass(slots=True)
class Segment:
    """One file; `last` is first - 1 while it is empty. `file` is None for one that is only read.

    `named` tells whether its name in the directory would survive a cut of power.
    """

    path: Path
    first: int
    last: int
    size: int
    file: int | None = None
    named: bool = True


class SegmentLog:
    """`durability`: "fsync" waits for the disk, "os" for the kernel, "memory" writes nothing.

    `after` is how far the store has come: positions go on behind it and behind what is on disk.
    Used from one event loop; `on_failure` is called once, from it, when the promise cannot be kept.
    """

    def __init__(
        self,
        directory: Path,
        settings: LogSettings,
        *,
        durability: Durability,
        after: int,
        clock: Clock,
        meter: Meter,
        disk: Disk | None = None,
        on_failure: Callable[[StoreError], None] = lambda _: None,
    ) -> None:
        self._directory = directory
        self._settings = settings
        self._durability = durability
        self._clock = clock
        self._meter = meter
        self._disk = disk or Disk()
        self._on_failure = on_failure
        directory.mkdir(parents=True, exist_ok=True)
        self._segments = _existing(directory)
        self._size = sum(segment.size for segment in self._segments)
        self._next = max([after, *(max(s.first, s.last) for s in self._segments)]) + 1
        self._durable = self._next - 1
        self._unsynced: list[Segment] = []
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._commit: asyncio.Task[None] | None = None
        self._failure: StoreError | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="perfd-log")

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self._size

    def append(
        self, signal: Signal, media: str, encoding: str, received_at: float, body: bytes
    ) -> int:
        """Write one record and return its position. Raises Overloaded when there is no room."""
        self._check()
        position = self._next
        if self._durability != "memory":
            record = LogRecord(position, signal, media, encoding, received_at, body)
            parts = log_format.encode(record)
            size = sum(part.nbytes for part in parts)
            segment = self._segment_for(size)
            self._write(segment, parts)
            segment.last = position
            segment.size += size
            self._size += size
        self._next += 1
        return position

    async def durable(self, position: int) -> None:
        """Wait until everything up to `position` is as durable as the setting promises."""
        self._check()
        if self._durability != "fsync" or position <= self._durable:
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append((position, waiter))
        if self._commit is None:
            self._commit = asyncio.create_task(self._commit_all(), name="log-commit")
        await waiter

    def replay(self, after: int) -> Iterator[LogRecord]:
        """Records behind a position that were there when this was called, one at a time."""
        end = self._next - 1
        for segment in [s for s in self._segments if s.last > after]:
            for record in log_format.read(segment.path, self._corrupt):
                if after < record.position <= end:
                    yield record

    def forget(self, upto: int) -> None:
        """Delete segments whose records are all at or before a position, but not the open one."""
        for segment in [s for s in self._segments[:-1] if s.last <= upto]:
            if segment in self._unsynced:
                continue
            segment.path.unlink(missing_ok=True)
            self._segments.remove(segment)
            self._size -= segment.size

    def close(self) -> None:
        """Sync what is left and release the files; safe to call twice."""
        self._thread.shutdown(wait=True)
        if self._failure is None and self._durability == "fsync":
            self._sync(self._open_segments())
        for segment in self._segments:
            self._release(segment)

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    # --- writing ----------------------------------------------------------------------------------

    def _segment_for(self, size: int) -> Segment:
        if self._size + size > self._settings.max_bytes:
            raise self._refuse("full", "the request log is full; the store has to catch up")
        last = self._segments[-1] if self._segments else None
        if last and last.file is not None and last.size + size <= self._settings.segment_bytes:
            return last
        return self._roll()

    def _roll(self) -> Segment:
        path = self._directory / f"{self._next:020d}.log"
        try:
            file = self._disk.create(path)
        except OSError as error:
            raise self._unwritable(error) from error
        if self._segments:
            self._retire(self._segments[-1])
        segment = Segment(path, self._next, self._next - 1, 0, file, named=False)
        self._segments.append(segment)
        return segment

    def _retire(self, segment: Segment) -> None:
        if self._durability != "fsync":
            self._release(segment)
        elif segment.file is not None:
            self._unsynced.append(segment)

    def _write(self, segment: Segment, parts: list[memoryview]) -> None:
        assert segment.file is not None
        try:
            while parts:
                parts = _rest(parts, self._disk.write(segment.file, parts))
        except OSError as error:
            self._cut(segment)
            raise self._unwritable(error) from error

    def _cut(self, segment: Segment) -> None:
        """Take the torn record away, or the next one would stand behind garbage."""
        assert segment.file is not None
        try:
            self._disk.truncate(segment.file, segment.size)
        except OSError as error:
            self._fail(error)

    def _unwritable(self, error: OSError) -> Exception:
        if self._failure is not None:
            return self._failure
        if error.errno in _NO_SPACE:
            return self._refuse("disk", "no space left for the request log")
        return self._fail(error)

    def _refuse(self, reason: str, words: str) -> Overloaded:
        self._meter.count("perfd_log_refusals", reason=reason)
        return Overloaded(words, retry_after=_RETRY_AFTER)

    # --- group commit -----------------------------------------------------------------------------

    async def _commit_all(self) -> None:
        try:
            while self._waiters and self._failure is None:
                await self._commit_once()
        finally:
            self._commit = None

    async def _commit_once(self) -> None:
        target, segments = self._next - 1, self._open_segments()
        began = self._clock.monotonic()
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._thread, self._sync, segments)
        except OSError as error:
            self._fail(error)
            return
        self._meter.observe("perfd_log_fsync_seconds", self._clock.monotonic() - began)
        self._durable = target
        self._settle(segments)
        self._resolve(target)

    def _open_segments(self) -> list[Segment]:
        current = [s for s in self._segments[-1:] if s.file is not None]
        return [*self._unsynced, *current]

    def _sync(self, segments: list[Segment]) -> None:
        for segment in segments:
            if segment.file is not None:
                self._disk.sync(segment.file)
        if not all(segment.named for segment in segments):
            self._disk.sync_directory(self._directory)

    def _settle(self, synced: list[Segment]) -> None:
        for segment in synced:
            segment.named = True
            if segment in self._unsynced:
                self._unsynced.remove(segment)
                self._release(segment)

    def _resolve(self, target: int) -> None:
        waiting, self._waiters = self._waiters, []
        for position, waiter in waiting:
            if position > target:
                self._waiters.append((position, waiter))
            elif not waiter.done():
                waiter.set_result(None)

    def _fail(self, error: OSError) -> StoreError:
        """No promise from here on: every waiter and every later call hears of it."""
        if self._failure is None:
            self._failure = StoreError(f"the request log cannot be kept: {error}")
            waiting, self._waiters = self._waiters, []
            for _, waiter in waiting:
                if not waiter.done():
                    waiter.set_exception(self._failure)
            self._on_failure(self._failure)
        return self._failure

    def _release(self, segment: Segment) -> None:
        if segment.file is not None:
            self._disk.close(segment.file)
            segment.file = None

    def _corrupt(self, what: str) -> None:
        self._meter.count("perfd_store_corruptions", what=what)


def _existing(directory: Path) -> list[Segment]:
    """Segments of earlier runs. All but the last end where the next one begins."""
    paths = sorted(directory.glob("*.log"))
    firsts = [int(path.stem) for path in paths]
    found = []
    for index, (path, first) in enumerate(zip(paths, firsts, strict=True)):
        if index + 1 < len(paths):
            last = firsts[index + 1] - 1
        else:
            last = log_format.last_position(path, first)
        found.append(Segment(path, first, last, path.stat().st_size))
    return found


def _rest(parts: list[memoryview], written: int) -> list[memoryview]:
    """What of `parts` is still to be written."""
    left = []
    for part in parts:
        taken = min(written, part.nbytes)
        written -= taken
        if taken < part.nbytes:
            left.append(part[taken:])
    return left
