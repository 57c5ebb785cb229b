"""Verification from stored windows: the real estimate, the real rule, the real machine."""

from __future__ import annotations

import numpy as np
import pytest

from perfd.jobs.follow import Follower
from perfd.jobs.verify import VerifyJob
from perfd.model.batch import Batch
from perfd.model.finding import Effect
from perfd.model.histogram import Histogram
from perfd.model.series import (
    CPU_SHARE,
    CPU_TIME,
    HOST_CPU,
    INSTANCE_REQUESTS,
    REQUESTS,
    STEADY,
    Series,
)
from perfd.model.ticket import State, Verdict
from perfd.model.window import Gauge, Window
from perfd.store.memory import MemoryStore
from perfd.store.settings import StoreSettings
from perfd.tickets.settings import TicketSettings
from tests.fakes import CountingMeter
from tests.tickets.samples import T0, deploy, finding, found

FIX_AT = T0 + 1920.0


class World:
    """Minutes of log-normal traffic on two operations, in a memory store."""

    def __init__(self) -> None:
        meter = CountingMeter()
        self.store = MemoryStore(StoreSettings(), pace=1.0, meter=meter)
        self.follower = Follower(
            self.store, TicketSettings(), pace=1.0, base_url="http://perfd", meter=meter
        )
        self.job = VerifyJob(self.store, self.follower, pace=1.0)
        self.random = np.random.default_rng(11)

    def traffic(
        self,
        version: str,
        start: float,
        minutes: int,
        median: float,
        *,
        operation: str = "POST /quote",
        per_minute: int = 60,
        errors: int = 0,
    ) -> None:
        series = Series.of(
            REQUESTS,
            service="pricing",
            version=version,
            environment="prod",
            operation=operation,
            status="ok",
            phase=STEADY,
        )
        windows = []
        for minute in range(minutes):
            values = self.random.lognormal(np.log(median), 0.4, per_minute)
            histogram = Histogram.of(values.tolist())
            at = start + 60.0 * minute
            windows.append(Window(series, at, 60.0, per_minute, errors, histogram))
        self.store.append(Batch(windows=tuple(windows)))

    def host(self, version: str, start: float, minutes: int, *, others: float, cpu: float) -> None:
        """One instance on one host of two cores; `others` use a share of it, `cpu` is of a request.

        Sixty requests a minute; latencies are of the instance's windows, as in `traffic`.
        """
        place = {"service": "pricing", "version": version, "environment": "prod"}
        seat = {**place, "instance": f"{version}-1"}
        own = 60 * cpu / 60.0 / 2.0
        held = Histogram.of([cpu * 1.4] * 60)
        windows, gauges = [], []
        for at in (start + 60.0 * minute for minute in range(minutes)):
            steady = Series.of(INSTANCE_REQUESTS, **seat, phase=STEADY)
            windows.append(Window(steady, at, 60.0, 60, 0, held))
            values = (
                (Series.of(CPU_TIME, **seat, phase=STEADY), 60 * cpu),
                (Series.of(CPU_SHARE, **seat, host="node-1"), own),
                (Series.of(HOST_CPU, host="node-1"), others + own),
            )
            gauges += [Gauge.single(series, at, 60.0, value) for series, value in values]
        self.store.append(Batch(windows=tuple(windows), gauges=tuple(gauges)))

    def regression(self) -> None:
        """One hour of 1.0.0 at 20 ms, half an hour of 1.1.0 at 36 ms, and its ticket."""
        for operation in ("POST /quote", "GET /list"):
            self.traffic("1.0.0", T0 - 3600, 60, 0.020, operation=operation)
        self.traffic("1.1.0", T0, 30, 0.036)
        sides = [
            self.job._side(self.ticketless(), version, start, start + length)
            for version, start, length in (("1.0.0", T0 - 3600, 3600), ("1.1.0", T0, 1800))
        ]
        for side in sides:
            side.speak(by_metric=False)
        before, after = (side.measure("POST /quote", "latency.p95") for side in sides)
        assert before
        assert after
        ratio = after.value / before.value
        effect = Effect(ratio, (ratio * 0.95, ratio * 1.05), after.value - before.value)
        now = T0 + 1860
        self.follower.record([found(before=before, after=after, effect=effect)], [], now)

    @staticmethod
    def ticketless() -> object:
        """What `_side` needs of a ticket: its service and environment."""
        return finding()

    def deploy(self, version: str = "1.1.1", **changes: object) -> None:
        self.follower.record([], [deploy(version, FIX_AT, **changes)], FIX_AT)

    def after(self, minutes: float) -> tuple[State, Verdict | None]:
        self.job.run(FIX_AT + 60.0 * minutes)
        (ticket,) = self.follower.tickets()
        return ticket.state, ticket.verification.verdict


@pytest.fixture
def world() -> World:
    world = World()
    world.regression()
    return world


def test_a_fix_is_verified_once_there_is_enough(world: World) -> None:
    world.deploy()
    world.traffic("1.1.1", FIX_AT, 40, 0.020)
    world.traffic("1.1.1", FIX_AT, 40, 0.020, operation="GET /list")
    assert world.after(20) == (State.VERIFYING, Verdict.INCONCLUSIVE)
    assert world.after(40) == (State.VERIFIED, Verdict.VERIFIED)


def test_no_fix_is_not(world: World) -> None:
    world.deploy()
    world.traffic("1.1.1", FIX_AT, 40, 0.036)
    assert world.after(40) == (State.OPEN, None)


def test_a_claimed_fix_that_does_nothing_has_failed(world: World) -> None:
    (ticket,) = world.follower.tickets()
    world.deploy(message=f"Perf-Ticket: {ticket.id}")
    world.traffic("1.1.1", FIX_AT, 40, 0.036)
    assert world.after(40) == (State.OPEN, Verdict.FAILED)


@pytest.mark.parametrize(
    ("others", "cpu", "verdict"),
    [
        (0.85, 0.015, (State.VERIFYING, Verdict.INCONCLUSIVE)),  # the same code, on a busy host
        (0.10, 0.015, (State.OPEN, Verdict.FAILED)),  # slow, and no host to blame
        (0.85, 0.027, (State.OPEN, Verdict.FAILED)),  # on a busy host, and the code is as costly
    ],
)
def test_a_fix_on_a_busy_host_is_not_judged(
    world: World, others: float, cpu: float, verdict: tuple[State, Verdict]
) -> None:
    (ticket,) = world.follower.tickets()
    world.host("1.0.0", T0 - 3600, 60, others=0.1, cpu=0.015)
    world.deploy(message=f"Perf-Ticket: {ticket.id}")
    world.traffic("1.1.1", FIX_AT, 40, 0.036)
    world.host("1.1.1", FIX_AT, 40, others=others, cpu=cpu)
    assert world.after(40) == verdict
    (ticket,) = world.follower.tickets()
    assert ("busy with something else" in ticket.verification.text) is (
        verdict[1] is Verdict.INCONCLUSIVE
    )


@pytest.mark.parametrize(
    ("median", "verdict"),
    [
        (0.020, (State.VERIFIED, Verdict.VERIFIED)),
        (0.036, (State.OPEN, Verdict.FAILED)),
    ],
)
def test_the_time_of_the_busy_host_is_left_out(
    world: World, median: float, verdict: tuple[State, Verdict]
) -> None:
    (ticket,) = world.follower.tickets()
    world.host("1.0.0", T0 - 3600, 60, others=0.1, cpu=0.015)
    world.deploy(message=f"Perf-Ticket: {ticket.id}")
    quiet_at = FIX_AT + 2400
    world.traffic("1.1.1", FIX_AT, 40, 0.036)
    world.traffic("1.1.1", quiet_at, 40, median)
    world.host("1.1.1", FIX_AT, 40, others=0.85, cpu=0.015)
    world.host("1.1.1", quiet_at, 40, others=0.1, cpu=0.015)
    assert world.after(82) == verdict
    (ticket,) = world.follower.tickets()
    assert ticket.verification.text.endswith("busy with something else")


def test_half_a_fix_is_partial(world: World) -> None:
    world.deploy()
    world.traffic("1.1.1", FIX_AT, 40, 0.0285)
    assert world.after(40) == (State.OPEN, Verdict.PARTIAL)


def test_a_fix_that_breaks_a_neighbour_is_partial(world: World) -> None:
    world.deploy()
    world.traffic("1.1.1", FIX_AT, 40, 0.020)
    world.traffic("1.1.1", FIX_AT, 40, 0.030, operation="GET /list")
    assert world.after(40) == (State.OPEN, Verdict.PARTIAL)


def test_a_fix_by_failing_is_partial(world: World) -> None:
    world.deploy()
    world.traffic("1.1.1", FIX_AT, 40, 0.020, errors=6)
    assert world.after(40) == (State.OPEN, Verdict.PARTIAL)


def test_the_old_version_beside_the_new_one_does_not_count(world: World) -> None:
    world.deploy()
    world.traffic("1.1.1", FIX_AT, 40, 0.020)
    world.traffic("1.1.0", FIX_AT, 40, 0.036)
    assert world.after(40) == (State.VERIFIED, Verdict.VERIFIED)


def test_a_rollback_is_verified_like_a_fix(world: World) -> None:
    world.deploy("1.0.0")
    world.traffic("1.0.0", FIX_AT, 40, 0.020)
    assert world.after(40) == (State.VERIFIED, Verdict.VERIFIED)


def test_no_traffic_waits_for_the_deadline(world: World) -> None:
    world.deploy()
    assert world.after(40) == (State.VERIFYING, Verdict.INCONCLUSIVE)
    (ticket,) = world.follower.tickets()
    world.follower.tick(ticket.verification.deadline)
    assert world.follower.tickets()[0].state is State.OPEN
