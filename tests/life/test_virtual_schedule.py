"""Virtual time: runs come in the order of the clock, the same way each time."""

from __future__ import annotations

import pytest

from perfd.clock import ManualClock
from perfd.schedule import Job, VirtualSchedule


def noting(name: str, into: list[tuple[str, float]]) -> Job:
    async def job(now: float) -> None:
        into.append((name, now))

    return job


async def test_runs_come_in_the_order_of_time_and_then_of_adding() -> None:
    schedule, runs = VirtualSchedule(ManualClock(100.0)), list[tuple[str, float]]()
    schedule.every(20.0, "slow", noting("slow", runs))
    schedule.every(10.0, "fast", noting("fast", runs))
    schedule.at(115.0, noting("once", runs))
    await schedule.run_until(120.0)
    assert runs == [("fast", 110.0), ("once", 115.0), ("slow", 120.0), ("fast", 120.0)]


async def test_a_job_sees_its_own_time_and_the_clock_ends_where_it_was_told_to() -> None:
    clock = ManualClock(100.0)
    schedule, seen = VirtualSchedule(clock), list[float]()

    async def job(now: float) -> None:
        seen.append(clock.now() - now)

    schedule.every(7.0, "job", job)
    await schedule.run_until(125.0)
    assert (seen, clock.now()) == ([0.0, 0.0, 0.0], 125.0)


async def test_what_a_job_raises_is_raised() -> None:
    async def job(now: float) -> None:
        raise LookupError("gone")

    schedule = VirtualSchedule(ManualClock())
    schedule.every(1.0, "job", job)
    with pytest.raises(LookupError):
        await schedule.run_until(ManualClock().now() + 1.0)


def test_an_interval_that_never_ends_is_refused() -> None:
    with pytest.raises(ValueError, match="never ends"):
        VirtualSchedule(ManualClock()).every(0.0, "job", noting("job", []))
