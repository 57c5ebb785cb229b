"""Recurring work: APScheduler says when, and a registry of our own knows what is running.

In a simulation a clock that is advanced says when, and runs follow each other in its order.

APScheduler's defaults skip a late run silently and its shutdown cancels running coroutines, so runs
are coalesced without a grace time, and every run is a task of ours that is awaited at the end.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from perfd.clock import ManualClock
from perfd.interfaces import Clock, Meter

log = logging.getLogger(__name__)

Job = Callable[[float], Awaitable[None]]
JITTER = 0.02  # of an interval, so that jobs of one period do not all start together


@dataclass(slots=True)
class _Entry:
    name: str
    seconds: float
    job: Job
    task: asyncio.Task[None] | None = None
    last_success: float = 0.0


class Schedule:
    """Runs each job every so many seconds, never twice at once, and never forgets a running one."""

    def __init__(self, clock: Clock, meter: Meter) -> None:
        self._clock = clock
        self._meter = meter
        self._entries: dict[str, _Entry] = {}
        self._scheduler: Any = None

    def every(self, seconds: float, name: str, job: Job) -> None:
        """Add a job; it is called with the wall time of its run."""
        entry = self._entries[name] = _Entry(name, seconds, job)
        self._meter.gauge(
            "perfd_job_last_success_timestamp_seconds", lambda: entry.last_success, job=name
        )

    def start(self) -> None:
        """Begin; needs a running event loop."""
        from apscheduler.schedulers.asyncio import AsyncIOScheduler
        from apscheduler.triggers.interval import IntervalTrigger

        self._scheduler = AsyncIOScheduler(
            timezone="UTC",
            job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1},
        )
        for entry in self._entries.values():
            trigger = IntervalTrigger(
                seconds=entry.seconds, jitter=entry.seconds * JITTER, timezone="UTC"
            )
            self._scheduler.add_job(self._fire, trigger, args=[entry], name=entry.name)
        self._scheduler.start()

    async def _fire(self, entry: _Entry) -> None:
        """Start a run unless the last one is still going; returns at once."""
        if entry.task is not None and not entry.task.done():
            self._meter.count("perfd_job_runs", job=entry.name, outcome="skipped")
            return
        entry.task = asyncio.create_task(self._run(entry), name=f"job:{entry.name}")

    async def _run(self, entry: _Entry) -> None:
        began = self._clock.monotonic()
        outcome = "failed"
        try:
            await entry.job(self._clock.now())
            outcome = "ok"
            entry.last_success = self._clock.now()
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        except Exception:
            log.exception("job %s failed; it runs again in %.3g s", entry.name, entry.seconds)
        finally:
            self._meter.count("perfd_job_runs", job=entry.name, outcome=outcome)
            took = self._clock.monotonic() - began
            self._meter.observe("perfd_job_seconds", took, job=entry.name)

    async def stop(self, within: float) -> None:
        """Start nothing more, and give what runs `within` seconds to end."""
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=False)
            self._scheduler = None
        running = [e.task for e in self._entries.values() if e.task and not e.task.done()]
        if not running:
            return
        _, late = await asyncio.wait(running, timeout=within)
        for task in late:
            log.warning("%s did not end within %.3g s; cancelled", task.get_name(), within)
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


class VirtualSchedule:
    """The same work in virtual time: the clock stands still during a run, and jumps to the next.

    Runs that are due at the same time follow each other in the order in which their jobs were
    added, so that the same world runs the same way each time. What a job raises is raised to
    whoever advances the time: a simulation does not go on with half a daemon.
    """

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._order = itertools.count()
        self._due: list[tuple[float, int, float, Job]] = []

    def every(self, seconds: float, name: str, job: Job) -> None:
        """Add a job; its first run comes after one interval."""
        if seconds <= 0:
            raise ValueError(f"{name}: an interval of {seconds:g} s never ends")
        self._add(self._clock.now() + seconds, next(self._order), seconds, job)

    def at(self, time: float, job: Job) -> None:
        """Run a job once, at a time that is not over."""
        self._add(max(time, self._clock.now()), next(self._order), 0.0, job)

    async def run_until(self, end: float) -> None:
        """Run all that is due up to and including `end`, and leave the clock there."""
        while self._due and self._due[0][0] <= end:
            due, order, seconds, job = heapq.heappop(self._due)
            self._clock.advance(due - self._clock.now())
            if seconds:
                self._add(due + seconds, order, seconds, job)
            await job(due)
        self._clock.advance(end - self._clock.now())

    def _add(self, due: float, order: int, seconds: float, job: Job) -> None:
        heapq.heappush(self._due, (due, order, seconds, job))


def in_thread(work: Callable[[float], None]) -> Job:
    """A job out of blocking work, which runs beside the event loop."""

    async def run(now: float) -> None:
        await asyncio.to_thread(work, now)

    return run
