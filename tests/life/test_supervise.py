"""Parts start downstream first, stop upstream first, and say how they are."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from perfd.clock import ManualClock
from perfd.errors import StoreError
from perfd.supervise import Supervisor, notify_systemd, watchdog_period


class Recorded:
    def __init__(self, name: str, diary: list[str], failures: int = 0) -> None:
        self.name = name
        self._diary = diary
        self._failures = failures

    async def start(self) -> None:
        self._diary.append(f"start {self.name}")
        if self._failures:
            self._failures -= 1
            raise StoreError(f"{self.name} is not there")

    async def stop(self) -> None:
        self._diary.append(f"stop {self.name}")


class Stuck(Recorded):
    async def stop(self) -> None:
        await asyncio.Event().wait()


async def test_parts_stop_in_the_reverse_order() -> None:
    diary: list[str] = []
    supervisor = Supervisor(ManualClock())
    for name in ("store", "web", "receiver"):
        supervisor.add(Recorded(name, diary), essential=name == "store")
    await supervisor.start()
    await supervisor.stop(within=1)
    assert diary == ["start store", "start web", "start receiver",
                     "stop receiver", "stop web", "stop store"]  # fmt: skip


async def test_an_essential_part_that_cannot_start_is_fatal() -> None:
    supervisor = Supervisor(ManualClock())
    supervisor.add(Recorded("store", [], failures=1), essential=True)
    with pytest.raises(StoreError, match="store is not there"):
        await supervisor.start()
    assert supervisor.failed.is_set()


async def test_an_optional_part_is_degraded_and_does_not_stop_the_rest() -> None:
    diary: list[str] = []
    supervisor = Supervisor(ManualClock())
    supervisor.add(Recorded("tracker", diary, failures=99))
    supervisor.add(Recorded("web", diary), essential=True)
    await supervisor.start()
    states = {s.component: (s.state, s.detail) for s in supervisor.statuses()}
    assert states == {"tracker": ("degraded", "tracker is not there"), "web": ("ok", "")}
    await supervisor.stop(within=1)


async def test_a_part_that_does_not_stop_is_left_after_its_time() -> None:
    diary: list[str] = []
    supervisor = Supervisor(ManualClock())
    supervisor.add(Recorded("store", diary))
    supervisor.add(Stuck("receiver", diary))
    await supervisor.start()
    await supervisor.stop(within=0.01)
    assert diary[-1] == "stop store"


def test_work_is_stale_after_three_missed_turns() -> None:
    clock = ManualClock()
    supervisor = Supervisor(clock)
    supervisor.beat("flush", every=10)
    clock.advance(29)
    assert supervisor.stale() == []
    clock.advance(2)
    assert supervisor.stale() == ["flush"]
    supervisor.beat("flush", every=10)
    assert supervisor.stale() == []


@pytest.mark.parametrize("abstract", [False, True])
def test_the_service_manager_is_told(tmp_path: Path, abstract: bool) -> None:
    address = f"@perfd-test-{tmp_path.name}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + address[1:] if abstract else address)
        manager.settimeout(1)
        assert notify_systemd("READY=1", {"NOTIFY_SOCKET": address})
        assert manager.recv(64) == b"READY=1"


def test_without_a_service_manager_nothing_is_sent() -> None:
    assert not notify_systemd("READY=1", {})
    assert watchdog_period({}) is None


def test_the_watchdog_is_fed_twice_in_its_time() -> None:
    assert watchdog_period({"WATCHDOG_USEC": "30000000"}) == 15.0
    assert watchdog_period({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}) is None
