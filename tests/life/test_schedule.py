"""A job never runs twice at once, a failure is counted, and the end waits for what runs."""

from __future__ import annotations

import asyncio

from perfd.clock import ManualClock
from perfd.schedule import Schedule
from tests.fakes import CountingMeter


def scheduled(seconds: float, job: object) -> tuple[Schedule, CountingMeter]:
    meter = CountingMeter()
    schedule = Schedule(ManualClock(), meter)
    schedule.every(seconds, "work", job)  # type: ignore[arg-type]
    return schedule, meter


async def test_the_real_scheduler_calls_the_job_with_the_time() -> None:
    called = asyncio.Event()
    times: list[float] = []

    async def job(now: float) -> None:
        times.append(now)
        called.set()

    schedule, meter = scheduled(0.01, job)
    schedule.start()
    await asyncio.wait_for(called.wait(), 5)
    await schedule.stop(within=1)
    assert times[0] == ManualClock().now()
    assert meter.total("perfd_job_runs", job="work", outcome="ok") >= 1


async def test_a_run_is_skipped_while_the_last_one_goes_on() -> None:
    release = asyncio.Event()

    async def job(now: float) -> None:
        await release.wait()

    schedule, meter = scheduled(1, job)
    entry = schedule._entries["work"]
    await schedule._fire(entry)
    await schedule._fire(entry)
    assert meter.total("perfd_job_runs", outcome="skipped") == 1
    release.set()
    await schedule.stop(within=1)
    assert meter.total("perfd_job_runs", outcome="ok") == 1


async def test_a_failure_is_counted_and_the_next_run_comes() -> None:
    async def job(now: float) -> None:
        raise ValueError("no")

    schedule, meter = scheduled(1, job)
    entry = schedule._entries["work"]
    for _ in range(2):
        await schedule._fire(entry)
        assert entry.task is not None
        await entry.task
    assert meter.total("perfd_job_runs", outcome="failed") == 2


async def test_the_end_waits_and_then_cancels() -> None:
    async def job(now: float) -> None:
        await asyncio.Event().wait()

    schedule, meter = scheduled(1, job)
    await schedule._fire(schedule._entries["work"])
    await schedule.stop(within=0.01)
    assert meter.total("perfd_job_runs", outcome="cancelled") == 1
