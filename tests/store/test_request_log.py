"""The request log keeps what it acknowledged, whatever happens to the process or the disk."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from perfd.clock import ManualClock
from perfd.errors import Overloaded, StoreError
from perfd.store.disk import Disk
from perfd.store.request_log import Durability, SegmentLog
from perfd.store.settings import LogSettings
from tests.fakes import CountingMeter


class FaultyDisk(Disk):
    """A disk that does what the real one does until it is told to fail."""

    def __init__(self) -> None:
        self.synced: list[int] = []
        self.directories = 0
        self.sync_error: int | None = None
        self.room: int | None = None  # bytes left before ENOSPC
        self.piece = 1 << 30  # most bytes taken by one write

    def write(self, file: int, parts: Sequence[memoryview]) -> int:
        whole = b"".join(parts)[: self.piece]
        if self.room is not None:
            if not self.room:
                raise OSError(errno.ENOSPC, "no space left on device")
            whole = whole[: self.room]
            self.room -= len(whole)
        return os.write(file, whole)

    def sync(self, file: int) -> None:
        if self.sync_error is not None:
            raise OSError(self.sync_error, "input/output error")
        super().sync(file)
        self.synced.append(file)

    def sync_directory(self, path: Path) -> None:
        super().sync_directory(path)
        self.directories += 1


OpenLog = Callable[..., SegmentLog]


@pytest.fixture
def meter() -> CountingMeter:
    return CountingMeter()


@pytest.fixture
def disk() -> FaultyDisk:
    return FaultyDisk()


@pytest.fixture
def open_log(tmp_path: Path, meter: CountingMeter, disk: FaultyDisk) -> OpenLog:
    def opened(
        durability: Durability = "fsync",
        after: int = -1,
        segment_bytes: int = 1 << 20,
        max_bytes: int = 1 << 22,
        on_failure: Callable[[StoreError], None] = lambda _: None,
    ) -> SegmentLog:
        return SegmentLog(
            tmp_path / "log",
            LogSettings(segment_bytes=segment_bytes, max_bytes=max_bytes),
            durability=durability,
            after=after,
            clock=ManualClock(),
            meter=meter,
            disk=disk,
            on_failure=on_failure,
        )

    return opened


def add(log: SegmentLog, body: bytes = b"body") -> int:
    return log.append("traces", "application/x-protobuf", "gzip", 1700000000.25, body)


def bodies(log: SegmentLog, after: int = -1) -> list[bytes]:
    return [record.body for record in log.replay(after)]


async def test_a_record_comes_back_whole(open_log: OpenLog) -> None:
    log = open_log()
    position = log.append("profiles", "application/proto", "", 12.5, b"\x00payload")
    await log.durable(position)
    log.close()
    (record,) = open_log().replay(-1)
    assert (record.position, record.signal, record.media) == (0, "profiles", "application/proto")
    assert (record.encoding, record.received_at, record.body) == ("", 12.5, b"\x00payload")


async def test_positions_go_on_after_a_restart(open_log: OpenLog) -> None:
    log = open_log()
    assert [add(log) for _ in range(3)] == [0, 1, 2]
    log.close()
    log = open_log()
    assert add(log) > 2
    log.close()
    log = open_log(after=100)
    assert add(log) == 101
    log.close()


async def test_replay_begins_behind_the_position(open_log: OpenLog) -> None:
    log = open_log(segment_bytes=200)
    positions = [add(log, b"%d" % i) for i in range(10)]
    await log.durable(positions[-1])
    assert bodies(log, positions[6]) == [b"7", b"8", b"9"]
    assert not bodies(log, positions[-1])
    log.close()


async def test_one_sync_covers_all_that_wait(open_log: OpenLog, disk: FaultyDisk) -> None:
    log = open_log()
    order: list[int] = []

    async def deliver() -> None:
        position = add(log)
        await log.durable(position)
        order.append(position)

    await asyncio.gather(*(deliver() for _ in range(50)))
    assert order == list(range(50))
    assert 1 <= len(disk.synced) <= 3
    assert disk.directories == 1
    log.close()


async def test_every_segment_is_synced_before_the_answer(
    open_log: OpenLog, disk: FaultyDisk
) -> None:
    log = open_log(segment_bytes=200)
    last = [add(log, b"x" * 100) for _ in range(5)][-1]
    await log.durable(last)
    assert len(disk.synced) == 5
    assert disk.directories == 1
    log.close()


async def test_a_failed_sync_is_final(open_log: OpenLog, disk: FaultyDisk) -> None:
    told: list[StoreError] = []
    log = open_log(on_failure=told.append)
    disk.sync_error = errno.EIO
    waiting = [log.durable(add(log)) for _ in range(3)]
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(outcome, StoreError) for outcome in outcomes)
    assert len(told) == 1
    disk.sync_error = None
    with pytest.raises(StoreError):
        add(log)
    with pytest.raises(StoreError):
        await log.durable(0)
    log.close()


async def test_a_full_disk_refuses_and_leaves_the_log_valid(
    open_log: OpenLog, disk: FaultyDisk, meter: CountingMeter
) -> None:
    log = open_log()
    add(log, b"first")
    disk.room = 60
    with pytest.raises(Overloaded):
        add(log, b"x" * 500)
    disk.room = None
    await log.durable(add(log, b"second"))
    assert bodies(log) == [b"first", b"second"]
    assert meter.total("perfd_log_refusals", reason="disk") == 1
    log.close()


async def test_short_writes_are_completed(open_log: OpenLog, disk: FaultyDisk) -> None:
    disk.piece = 7
    log = open_log()
    add(log, b"a" * 50)
    add(log, b"")
    assert bodies(log) == [b"a" * 50, b""]
    log.close()


async def test_the_bound_refuses_until_the_store_catches_up(
    open_log: OpenLog, meter: CountingMeter
) -> None:
    log = open_log(segment_bytes=300, max_bytes=1000)
    accepted = 0
    with contextlib.suppress(Overloaded):
        while accepted < 100:
            accepted = add(log, b"x" * 100)
    assert 0 < accepted < 10
    assert log.size <= 1000
    await log.durable(accepted)
    log.forget(accepted)
    add(log, b"y")
    assert meter.total("perfd_log_refusals", reason="full") == 1
    log.close()


async def test_forget_deletes_only_what_is_behind(open_log: OpenLog) -> None:
    log = open_log(segment_bytes=200)
    positions = [add(log, b"%03d" % i + b"x" * 90) for i in range(6)]
    await log.durable(positions[-1])
    before = log.size
    log.forget(positions[2])
    assert log.size < before
    assert len(bodies(log, positions[2])) == 3
    log.forget(positions[-1])
    assert bodies(log) == [b"005" + b"x" * 90]  # the open segment stays
    log.close()


@pytest.mark.parametrize("durability", ["os", "memory"])
async def test_weaker_promises_do_not_sync(
    open_log: OpenLog, disk: FaultyDisk, durability: Durability
) -> None:
    log = open_log(durability, segment_bytes=200)
    for _ in range(5):
        await log.durable(add(log, b"x" * 90))
    log.close()
    assert not disk.synced
    assert len(bodies(open_log())) == (5 if durability == "os" else 0)


async def test_memory_mode_still_replays_what_was_promised_before(open_log: OpenLog) -> None:
    log = open_log()
    await log.durable(add(log, b"promised"))
    log.close()
    log = open_log("memory")
    assert bodies(log) == [b"promised"]
    assert add(log) == 1
    assert log.size > 0
    log.forget(1)
    log.close()


# --- damage ---------------------------------------------------------------------------------------


def write_log(open_log: OpenLog, count: int, segment_bytes: int = 1 << 20) -> list[Path]:
    log = open_log(segment_bytes=segment_bytes)
    for i in range(count):
        add(log, b"%03d" % i * 30)
    directory = log._directory
    log.close()
    return sorted(directory.glob("*.log"))


def flip(path: Path, offset: int, bit: int = 0) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1 << bit
    path.write_bytes(data)


async def test_a_torn_tail_ends_the_replay(open_log: OpenLog, meter: CountingMeter) -> None:
    (path,) = write_log(open_log, 3)
    whole = path.read_bytes()
    record = len(whole) // 3
    for cut in range(0, record + 1, 3):
        path.write_bytes(whole[: len(whole) - cut])
        log = open_log("os")
        expected = 3 if cut == 0 else 2
        assert len(bodies(log)) == expected
        assert add(log) >= expected
        log._directory.joinpath(log._segments[-1].path).unlink()
        log.close()
    assert not meter.counts


async def test_zeros_at_the_end_are_a_torn_tail(open_log: OpenLog, meter: CountingMeter) -> None:
    (path,) = write_log(open_log, 3)
    path.write_bytes(path.read_bytes() + bytes(5000))
    assert len(bodies(open_log())) == 3
    assert not meter.counts


async def test_a_damaged_body_costs_one_record(open_log: OpenLog, meter: CountingMeter) -> None:
    (path,) = write_log(open_log, 3)
    flip(path, path.stat().st_size // 2)
    assert [b[:3] for b in bodies(open_log())] == [b"000", b"002"]
    assert meter.total("perfd_store_corruptions", what="log_record") == 1


async def test_a_damaged_header_costs_the_rest_of_its_segment(
    open_log: OpenLog, meter: CountingMeter
) -> None:
    first, *_ = write_log(open_log, 6, segment_bytes=350)
    flip(first, 4)
    assert [b[:3] for b in bodies(open_log())] == [b"002", b"003", b"004", b"005"]
    assert meter.total("perfd_store_corruptions", what="log_header") == 1


async def test_no_flipped_bit_is_read_as_something_else(
    open_log: OpenLog, meter: CountingMeter
) -> None:
    (path,) = write_log(open_log, 4)
    whole = path.read_bytes()
    truth = bodies(open_log())
    chance = random.Random(1)
    for _ in range(50):
        path.write_bytes(whole)
        flip(path, chance.randrange(len(whole)), chance.randrange(8))
        before = meter.total("perfd_store_corruptions")
        found = bodies(open_log("os"))
        assert set(found) <= set(truth)
        lost = len(found) < len(truth)
        assert not lost or meter.total("perfd_store_corruptions") > before
