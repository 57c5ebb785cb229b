"""Telemetry: what services send, and what it leaves out, distorts, delays or repeats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from perfd.model.series import METRIC_REQUESTS, REQUESTS
from perfd.model.ticket import State, Ticket
from perfd.web.reader import Reader
from perfd.web.views.service import service_page
from tests.scenarios.reporting import CUMULATIVE, DELTA, EXPLICIT, EXPONENTIAL
from tests.scenarios.world import MINUTE, START, Instance, Operation, Reporting, Service, World

SLOW = 1.5
OTHER_BOUNDS = (0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024)


def watched(
    seed: int, *, rate: float = 2.0, errors: float = 0.002, **reporting: Any
) -> tuple[World, Service]:
    """`pricing` with a day of history and five minutes of live telemetry."""
    world = World(seed=seed)
    operation = Operation(rate=rate, errors=errors)
    service = world.service("pricing", operation, reporting=Reporting(**reporting))
    world.run(minutes=5)
    return world, service


def judged(world: World, *versions: str) -> None:
    """These versions, and no others, were deploys, and perfd has looked at each."""
    assert [d.version for d in world.deploys("pricing")] == list(versions)
    assert all(j.looks > 0 for j in world.judgements("pricing")), world.reasons()


def quiet(world: World) -> None:
    """The deploy of 1.1.0 was judged, and no ticket came of it."""
    judged(world, "1.1.0")
    assert world.tickets() == [], world.reasons()


def blamed(world: World) -> Ticket:
    """The only ticket, which names 1.1.0."""
    ticket = world.ticket_for("pricing")
    assert [s.version for s in ticket.suspects] == ["1.1.0"]
    judged(world, "1.1.0")
    return ticket


def requests(world: World, name: str = REQUESTS) -> int:
    """What perfd has counted of the service since the world began to run."""
    windows = world.store.windows(name, {"service": "pricing"}, START, world.now)
    return sum(w.count for w in windows)


# --- sampled traces -------------------------------------------------------------------------------


def test_a_tenth_of_the_traces() -> None:
    """One trace in ten is kept and says so: a slower build gets its ticket, with true counts."""
    world, pricing = watched(1, rate=6.0, sampled=0.1)
    pricing.deploy("1.1.0", slower=SLOW)
    world.run(minutes=45)
    ticket = blamed(world)
    assert ticket.effect.ratio == pytest.approx(SLOW, rel=0.12)
    assert requests(world) == pytest.approx(6.0 * 50 * MINUTE, rel=0.08)


def test_a_tenth_of_the_traces_of_an_equal_build() -> None:
    """One trace in ten is kept: an equal build gets no ticket."""
    world, pricing = watched(2, rate=6.0, sampled=0.1)
    pricing.deploy("1.1.0")
    world.run(minutes=45)
    quiet(world)


def test_the_sampling_rate_changes_with_an_equal_build() -> None:
    """From all traces to one in ten with the deploy: no ticket, neither on time nor on CPU."""
    world, pricing = watched(3, rate=6.0)
    pricing.deploy("1.1.0")
    pricing.reporting.sampled = 0.1
    world.run(minutes=45)
    quiet(world)


def test_the_sampling_rate_changes_without_a_word() -> None:
    """The same from a sampler that leaves no trace state: no ticket, CPU per request is muted."""
    world, pricing = watched(4, rate=6.0, tracestate=False)
    pricing.deploy("1.1.0")
    pricing.reporting.sampled = 0.1
    world.run(minutes=45)
    quiet(world)


@pytest.mark.slow
def test_a_few_traces_less_without_a_word() -> None:
    """From all traces to two thirds, and no trace state: no ticket about CPU per request."""
    world, pricing = watched(9, rate=6.0, tracestate=False)
    pricing.deploy("1.1.0")
    pricing.reporting.sampled = 0.66
    world.run(minutes=45)
    quiet(world)


@pytest.mark.slow
def test_the_sampling_rate_changes_with_a_slower_build() -> None:
    """Fewer traces and a slower build at once: its latency is judged all the same."""
    world, pricing = watched(5, rate=6.0)
    pricing.deploy("1.1.0", slower=SLOW)
    pricing.reporting.sampled = 0.1
    world.run(minutes=45)
    assert blamed(world).metric.startswith("latency.")


def slow_and_failed(durations: np.ndarray, failed: np.ndarray) -> np.ndarray:
    """The policy of most tail samplers: whatever is slow or failed, and some of the rest."""
    return np.asarray((durations > 0.080) | failed | (durations * 1e6 % 20.0 < 1.0))


@pytest.mark.slow
def test_a_tail_sampler_beside_the_metric() -> None:
    """A tail sampler begins with an equal build: the metric speaks, no ticket."""
    world, pricing = watched(6, rate=6.0, metrics=True)
    pricing.deploy("1.1.0")
    pricing.reporting.tail = slow_and_failed
    world.run(minutes=45)
    quiet(world)


@pytest.mark.slow
def test_a_tail_sampler_beside_the_metric_of_a_slower_build() -> None:
    """Spans are the slow ones, all requests are in the metric: the ticket has the true ratio."""
    world, pricing = watched(7, rate=6.0, metrics=True, tail=slow_and_failed)
    pricing.deploy("1.1.0", slower=SLOW)
    world.run(minutes=45)
    assert blamed(world).effect.ratio == pytest.approx(SLOW, rel=0.12)


@pytest.mark.slow
def test_a_tail_sampler_without_a_metric() -> None:
    """A tail sampler begins with an equal build, and nothing else counts: no ticket."""
    world, pricing = watched(8, rate=6.0, errors=0.02)
    pricing.deploy("1.1.0")
    pricing.reporting.tail = slow_and_failed
    world.run(minutes=45)
    quiet(world)


@pytest.mark.slow
def test_a_tail_sampler_all_along() -> None:
    """A tail sampler on both sides, and nothing else counts: an equal build gets no ticket."""
    world, pricing = watched(10, rate=4.0, tail=slow_and_failed)
    pricing.deploy("1.1.0")
    world.run(minutes=45)
    quiet(world)


# --- metrics only ---------------------------------------------------------------------------------


def metered(seed: int, histogram: str, temporality: str, **build: Any) -> World:
    """A service that sends no spans, and its deploy."""
    world, pricing = watched(
        seed, spans=False, metrics=True, histogram=histogram, temporality=temporality
    )
    pricing.deploy("1.1.0", **build)
    world.run(minutes=45)
    return world


def test_metrics_only_explicit_and_cumulative() -> None:
    """No spans, the usual histogram: a slower build gets its ticket, from exact means."""
    ticket = blamed(metered(11, EXPLICIT, CUMULATIVE, slower=SLOW))
    assert ticket.metric == "latency.mean"
    assert ticket.effect.ratio == pytest.approx(SLOW, rel=0.1)


def test_metrics_only_explicit_and_cumulative_of_an_equal_build() -> None:
    """No spans, the usual histogram: an equal build gets no ticket."""
    quiet(metered(12, EXPLICIT, CUMULATIVE))


@pytest.mark.slow
def test_metrics_only_explicit_and_delta() -> None:
    """No spans, a histogram that begins anew with each export: a slower build gets its ticket."""
    blamed(metered(13, EXPLICIT, DELTA, slower=SLOW))


@pytest.mark.slow
def test_metrics_only_explicit_and_delta_of_an_equal_build() -> None:
    """No spans, a histogram that begins anew with each export: an equal build gets no ticket."""
    quiet(metered(14, EXPLICIT, DELTA))


@pytest.mark.slow
def test_metrics_only_exponential_and_cumulative() -> None:
    """No spans, a fine histogram: a slower build gets its ticket, on its p95."""
    assert blamed(metered(15, EXPONENTIAL, CUMULATIVE, slower=SLOW)).metric == "latency.p95"


def test_metrics_only_exponential_and_cumulative_of_an_equal_build() -> None:
    """No spans, a fine histogram: an equal build gets no ticket."""
    quiet(metered(16, EXPONENTIAL, CUMULATIVE))


@pytest.mark.slow
def test_metrics_only_exponential_and_delta() -> None:
    """No spans, a fine histogram of deltas: a slower build gets its ticket."""
    blamed(metered(17, EXPONENTIAL, DELTA, slower=SLOW))


@pytest.mark.slow
def test_metrics_only_exponential_and_delta_of_an_equal_build() -> None:
    """No spans, a fine histogram of deltas: an equal build gets no ticket."""
    quiet(metered(18, EXPONENTIAL, DELTA))


@pytest.mark.slow
def test_metrics_only_and_fixed() -> None:
    """No spans: the fix of a slower build is seen in the metric, and verified."""
    world, pricing = watched(19, spans=False, metrics=True)
    pricing.deploy("1.1.0", slower=SLOW)
    world.run(minutes=40)
    pricing.deploy("1.1.1")
    world.run(minutes=45)
    assert world.ticket_for("pricing").state is State.VERIFIED


@pytest.mark.slow
def test_metrics_only_without_a_version() -> None:
    """No spans and no version label, all processes replaced by slower ones: one ticket."""
    world, pricing = watched(28, spans=False, metrics=True, versioned=False)
    pricing.deploy("1.1.0", slower=SLOW)
    world.run(minutes=50)
    assert world.ticket_for("pricing").metric == "latency.mean"


def test_pages_of_a_service_without_spans() -> None:
    """No spans: the service's page shows rate, errors and durations all the same."""
    world, _ = watched(27, spans=False, metrics=True, errors=0.05)
    world.run(minutes=10)
    assert world.engine is not None
    reader = Reader(world.store, world.engine.collecting.aggregate)
    page = service_page(reader, "pricing", world.now)
    assert page is not None
    (row,) = page.operations
    assert (row.name, row.rate) == ("POST /quote", "2.0 /s")
    assert row.errors.startswith("5.")
    assert page.service.red.quantile(0.5) == pytest.approx(0.04, rel=0.15)


def test_counters_begin_anew() -> None:
    """No spans, processes restart and their counters with them: nothing is counted twice."""
    world, pricing = watched(20, spans=False, metrics=True)
    for _ in range(4):
        pricing.deploy("1.0.0")
        world.run(minutes=10)
    assert world.tickets() == [], world.reasons()
    counted = requests(world, METRIC_REQUESTS)
    assert counted == pytest.approx(2.0 * 45 * MINUTE, rel=0.1)
    assert counted < 2.0 * 45 * MINUTE * 1.05


@pytest.mark.slow
def test_exports_are_lost() -> None:
    """No spans, a third of the exports lost: the next one holds what they held; one ticket."""
    world, pricing = watched(21, spans=False, metrics=True)
    pricing.reporting.lost = 0.33
    pricing.deploy("1.1.0", slower=SLOW)
    world.run(minutes=60)
    blamed(world)


def test_other_buckets_in_an_equal_build() -> None:
    """An equal build whose histogram has other bounds: no ticket."""
    world, pricing = watched(22, spans=False, metrics=True)
    pricing.deploy("1.1.0")
    pricing.reporting.bounds = OTHER_BOUNDS
    world.run(minutes=45)
    quiet(world)


@pytest.mark.slow
def test_a_change_that_wide_buckets_hide() -> None:
    """8 % slower within buckets that are twice as wide: the mean shows it, and p95 says no more."""
    world, pricing = watched(23, rate=10.0, spans=False, metrics=True)
    pricing.deploy("1.1.0", slower=1.12)
    world.run(minutes=60)
    ticket = blamed(world)
    assert ticket.metric == "latency.mean"
    assert ticket.effect.ratio == pytest.approx(1.12, rel=0.04)


# --- spans and metrics of the same requests -------------------------------------------------------


@pytest.mark.slow
def test_spans_and_metrics() -> None:
    """Both of the same requests: a slower build gets one ticket, and no request counts twice."""
    world, pricing = watched(24, metrics=True)
    pricing.deploy("1.1.0", slower=SLOW)
    world.run(minutes=45)
    ticket = blamed(world)
    assert ticket.metric == "latency.p95"
    assert ticket.after.count == pytest.approx(2.0 * 30 * MINUTE, rel=0.1)


@pytest.mark.slow
def test_spans_and_metrics_of_an_equal_build() -> None:
    """Both of the same requests: an equal build gets no ticket."""
    world, pricing = watched(25, metrics=True)
    pricing.deploy("1.1.0")
    world.run(minutes=45)
    quiet(world)


@pytest.mark.slow
def test_a_build_without_spans() -> None:
    """The new build lost its tracing and keeps its metric: it is judged by that, no ticket."""
    world, pricing = watched(26, metrics=True)
    pricing.deploy("1.1.0")
    pricing.reporting.spans = False
    world.run(minutes=45)
    quiet(world)


# --- profiles -------------------------------------------------------------------------------------


def profiled(seed: int, before: float, after: float, **samplers: str) -> tuple[Ticket, str]:
    """The ticket of a slower build, and its words.

    In its profiles `quote` costs more; `before` and `after` are samples per second.
    """
    world = World(seed=seed)
    told = Reporting(samplers={"1.0.0": samplers.get("old", ""), "1.1.0": samplers.get("new", "")})
    pricing = world.service("pricing", Operation(), reporting=told)

    def stacks(instance: Instance) -> dict[tuple[str, ...], float]:
        rate, cost = (before, 1.0) if instance.build.version == "1.0.0" else (after, 2.0)
        return {("main", "quote"): rate * cost, ("main", "serve"): rate} if rate else {}

    pricing.profiled = stacks
    world.run(minutes=30)
    pricing.deploy("1.1.0", slower=SLOW)
    world.run(minutes=45)
    return blamed(world), world.messages[-1].body


@pytest.mark.slow
def test_profiles_on_both_sides() -> None:
    """Both builds are profiled by the same sampler: the ticket names the function that got dear."""
    ticket, _ = profiled(41, 3.0, 3.0)
    assert [h.function for h in ticket.hotspots][:1] == ["quote"]


@pytest.mark.slow
def test_profiles_missing_before() -> None:
    """Only the new build is profiled: no function is new, and the ticket says why none is named."""
    ticket, words = profiled(42, 0.0, 3.0)
    assert ticket.hotspots == ()
    assert "no CPU profile of 1.0.0" in words


@pytest.mark.slow
def test_profiles_missing_after() -> None:
    """Only the old build was profiled: no function vanished, and the ticket says so."""
    ticket, words = profiled(43, 3.0, 0.0)
    assert ticket.hotspots == ()
    assert "no CPU profile of 1.1.0" in words


@pytest.mark.slow
def test_samplers_of_different_kind() -> None:
    """Another profiler in the new build: their stacks are not compared, with the reason."""
    ticket, words = profiled(44, 3.0, 3.0, old="pyspy", new="async-profiler")
    assert ticket.hotspots == ()
    assert "of different samplers" in words


# --- clocks, delays, repetitions ------------------------------------------------------------------


def skewed(seed: int, seconds: float, rate: float = 2.0, **build: Any) -> tuple[World, float]:
    """One host of three has a wrong clock; the deploy, and when it was."""
    world = World(seed=seed)
    pricing = world.service("pricing", Operation(rate=rate))
    pricing.instances[0].skew = seconds
    world.run(minutes=20)
    deployed = world.now
    pricing.deploy("1.1.0", **build)
    world.run(minutes=50)
    return world, deployed


@pytest.mark.slow
@pytest.mark.parametrize("minutes", [-10.0, 10.0])
def test_a_wrong_clock(minutes: float) -> None:
    """One host is ten minutes ahead or behind: a slower build gets one ticket, since its deploy."""
    world, deployed = skewed(31, minutes * MINUTE, slower=SLOW)
    blamed(world)
    assert world.deploys("pricing")[0].at == pytest.approx(deployed, abs=2 * MINUTE)


@pytest.mark.parametrize("minutes", [-10.0, 10.0])
def test_a_wrong_clock_and_an_equal_build(minutes: float) -> None:
    """One host is ten minutes ahead or behind: an equal build gets no ticket."""
    world, _ = skewed(32, minutes * MINUTE, rate=1.0)
    quiet(world)
    assert requests(world) > 55 * MINUTE


def cut_off(world: World, service: Service, minutes: int, do: Callable[[int], None]) -> None:
    """Its collector is cut off and keeps everything; then it delivers it at once."""
    usual = service.reporting.delay
    for minute in range(minutes):
        do(minute)
        service.reporting.delay = (minutes - minute) * MINUTE
        world.run(minutes=1)
    service.reporting.delay = usual


def test_a_collector_delivers_an_hour_late() -> None:
    """An hour of telemetry comes at once, and late: every request is counted once; no ticket."""
    world, pricing = watched(33, rate=1.0)
    cut_off(world, pricing, 60, lambda _: None)
    world.run(minutes=10)
    assert world.tickets() == []
    assert requests(world) == pytest.approx(75 * MINUTE, rel=0.05)


@pytest.mark.parametrize("temporality", [CUMULATIVE, DELTA])
def test_a_collector_delivers_metrics_an_hour_late(temporality: str) -> None:
    """No spans, and an hour of exports at once, and late: every request is counted once."""
    world, pricing = watched(39, rate=1.0, spans=False, metrics=True, temporality=temporality)
    cut_off(world, pricing, 60, lambda _: None)
    world.run(minutes=10)
    assert world.tickets() == []
    assert requests(world, METRIC_REQUESTS) == pytest.approx(75 * MINUTE, rel=0.05)


@pytest.mark.slow
def test_a_deploy_while_the_collector_was_cut_off() -> None:
    """A slower build during the hour that comes late: one ticket, once it has come."""
    world, pricing = watched(34)
    cut_off(world, pricing, 60, lambda m: pricing.deploy("1.1.0", slower=SLOW) if m == 20 else None)
    world.run(minutes=45)
    blamed(world)


@pytest.mark.slow
def test_an_equal_deploy_while_the_collector_was_cut_off() -> None:
    """An equal build during the hour that comes late: no ticket."""
    world, pricing = watched(35)
    cut_off(world, pricing, 60, lambda m: pricing.deploy("1.1.0") if m == 20 else None)
    world.run(minutes=45)
    quiet(world)


@pytest.mark.slow
def test_a_pipeline_that_is_always_late() -> None:
    """All telemetry comes five minutes late: the deploy is found, and one ticket opened."""
    world, pricing = watched(36, delay=5 * MINUTE)
    pricing.deploy("1.1.0", slower=SLOW)
    world.run(minutes=50)
    blamed(world)


def test_bodies_that_come_twice() -> None:
    """Half of all bodies come twice since an equal build: counted once, no ticket."""
    world, pricing = watched(37, rate=1.0)
    pricing.deploy("1.1.0")
    pricing.reporting.duplicated = 0.5
    world.run(minutes=45)
    quiet(world)
    assert requests(world) == pytest.approx(50 * MINUTE, rel=0.05)
    twice = world.meter.total("perfd_dropped_items", reason="duplicate", signal="traces")
    assert twice == pytest.approx(45 * MINUTE / 2, rel=0.2)


@pytest.mark.slow
def test_bodies_that_come_twice_of_a_slower_build() -> None:
    """Half of all bodies come twice: a slower build gets one ticket."""
    world, pricing = watched(38, duplicated=0.5)
    pricing.deploy("1.1.0", slower=SLOW)
    world.run(minutes=45)
    blamed(world)
