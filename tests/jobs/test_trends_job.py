"""From gauges and windows in the store to findings of what grows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from perfd.detect.settings import DetectSettings
from perfd.jobs.trends import TrendJob
from perfd.model.batch import FINDING, Batch, Document
from perfd.model.deploy import Deploy
from perfd.model.evidence import Found
from perfd.model.finding import CONFIRMED, TREND, Finding
from perfd.model.histogram import Histogram
from perfd.model.series import CPU_SHARE, HOST_CPU, MEMORY, REQUESTS, STEADY, Series
from perfd.model.window import Gauge, Window
from perfd.store.memory import MemoryStore
from perfd.store.settings import StoreSettings
from perfd.tickets.codec import encode
from tests.fakes import CountingMeter

HOUR, DAY = 3600.0, 86_400.0
NOW = 1_700_006_400.0 + 20.0  # midnight, and what is late has come
MB = 2.0**20

Level = Callable[[float], float]  # by hours before now


@dataclass
class Ground:
    """A store, and the job over it."""

    meter: CountingMeter = field(default_factory=CountingMeter)
    told: list[Finding] = field(default_factory=list)
    pace: float = 1.0

    def __post_init__(self) -> None:
        self.store = MemoryStore(StoreSettings(hot=30 * DAY), pace=self.pace, meter=self.meter)
        self.again()

    def again(self) -> None:
        """perfd starts."""
        self.job = TrendJob(self.store, self.record, DetectSettings(), self.pace, self.meter)

    def record(self, found: Sequence[Found], _: Sequence[Deploy], now: float) -> None:
        for one in found:
            self.told.append(one.finding)
            body = encode(one.finding)
            revision = self.store.next_revision()
            self.store.put([Document(FINDING, one.finding.id, revision, now, body)])

    def gauge(self, series: Series, hours: int, level: Level, until: float = 0.0) -> None:
        """Five-minute readings of the hours up to now, or to some hours later."""
        draw = np.random.default_rng(series.id % 2**32)
        times = np.arange(-hours * 12, until * 12) / 12.0
        values = [level(t) * (1.0 + 0.002 * draw.standard_normal()) for t in times]
        starts = [NOW - 20.0 + t * HOUR / self.pace for t in times]
        gauges = [
            Gauge.single(series, s, 60.0 / self.pace, v)
            for s, v in zip(starts, values, strict=True)
        ]
        self.store.append(Batch((), tuple(gauges)))

    def memory(self, instance: str, hours: int, level: Level) -> None:
        labels = {"service": "shop", "version": "1.0.0", "environment": "prod"}
        self.gauge(Series.of(MEMORY, **labels, instance=instance), hours, level)
        share = Series.of(CPU_SHARE, **labels, instance=instance, host="node-1")
        self.gauge(share, 2, lambda _: 0.1)


def test_a_leak_names_instances_and_when_memory_ends() -> None:
    ground = Ground()
    for name in ("a", "b"):
        ground.memory(name, 72, lambda t: 400 * MB + 4 * MB * (72 + t))
    ground.gauge(Series.of("host.memory.available", host="node-1"), 4, lambda _: 2000 * MB)
    ground.job.resources(NOW)
    (found,) = ground.told
    assert (found.kind, found.status, found.opened) == ("leak", CONFIRMED, False)
    assert (found.service, found.version, found.metric) == ("shop", "1.0.0", "memory")
    assert "a, b of 1.0.0 grow" in found.reason or "b, a of 1.0.0 grow" in found.reason
    assert "host node-1" in found.reason
    room = next(check for check in found.checks if check.name == "room")
    assert float(room.inputs["early"]) <= 250.0 <= float(room.inputs["late"])


def test_an_hour_in_a_minute() -> None:
    ground = Ground(pace=60.0)
    ground.memory("a", 72, lambda t: 400 * MB + 4 * MB * (72 + t))
    ground.job.resources(NOW)
    (found,) = ground.told
    assert (found.kind, found.status) == ("leak", CONFIRMED)
    assert found.change_at > NOW - 80.0 * HOUR / 60.0


def test_steady_memory_is_counted_and_not_told() -> None:
    ground = Ground()
    ground.memory("a", 72, lambda _: 400 * MB)
    ground.memory("b", 10, lambda t: 400 * MB + 8 * MB * (10 + t))
    ground.job.resources(NOW)
    assert ground.told == []
    judged = {"what": "memory", "outcome": "steady"}
    assert ground.meter.total("perfd_trends_judged", **judged) == 1


def test_what_lasts_is_told_once_a_day() -> None:
    ground = Ground()
    ground.memory("a", 72, lambda t: 400 * MB + 4 * MB * (72 + t))
    for minutes in (0, 10, 20):
        ground.job.resources(NOW + 60.0 * minutes)
    ground.again()
    ground.job.resources(NOW + 1800.0)
    assert len(ground.told) == 1
    ground.job.resources(NOW + 1.01 * DAY)
    assert len({finding.id for finding in ground.told}) == 1


def test_memory_of_a_host_that_fills() -> None:
    ground = Ground()
    used, free = (Series.of(f"host.memory.{name}", host="node-1") for name in ("used", "available"))
    ground.gauge(used, 60, lambda t: (8000 + 40 * t) * MB)
    ground.gauge(free, 60, lambda t: (8000 - 40 * t) * MB)
    ground.memory("a", 2, lambda _: 400 * MB)
    ground.job.resources(NOW)
    (found,) = ground.told
    assert (found.kind, found.status, found.service) == ("saturation", TREND, "shop")
    date = next(check for check in found.checks if check.name == "date")
    assert float(date.inputs["early"]) <= 200.0 <= float(date.inputs["late"])


def test_a_host_that_is_full_and_one_that_is_every_night() -> None:
    ground = Ground()
    new, nightly = (Series.of(HOST_CPU, host=f"node-{i}") for i in (1, 2))
    ground.gauge(new, 72, lambda t: 0.97 if t >= -2.0 else 0.4)
    ground.gauge(nightly, 72, lambda t: 0.97 if t % 24.0 >= 22.0 else 0.4)
    ground.job.resources(NOW)
    assert [f.series.label["host"] for f in ground.told] == ["node-1"]
    assert ground.told[0].status == CONFIRMED


def test_a_container_that_is_held_back() -> None:
    ground = Ground()
    spent, held = (
        Series.of(name, container="c1")
        for name in ("container.cpu.time", "container.cpu.throttled.time")
    )
    ground.gauge(spent, 48, lambda _: 60.0)
    ground.gauge(held, 48, lambda t: 40.0 if t >= -3.0 else 0.1)
    ground.job.resources(NOW)
    (found,) = ground.told
    assert found.metric == "container.cpu.throttled.time"


def latencies(ground: Ground, level: Level) -> None:
    """Hours of 500 requests each."""
    labels = {"service": "shop", "version": "1.0.0", "environment": "prod", "phase": STEADY}
    series = Series.of(REQUESTS, **labels, operation="GET /", status="2xx")
    draw, windows = np.random.default_rng(1), []
    for hour in range(-336, 0):
        values = level(hour) * np.exp(0.3 * draw.standard_normal(500) + 0.01 * draw.normal())
        histogram = Histogram.of(values.tolist())
        windows.append(Window(series, NOW - 20.0 + hour * HOUR, 60.0, 500, 0, histogram))
    ground.store.append(Batch(tuple(windows), ()))


def test_a_latency_that_drifts() -> None:
    ground = Ground()
    latencies(ground, lambda t: 0.050 * (1.0 + 0.08 * (336 + t) / 168.0))
    ground.job.run(NOW)
    told = {finding.metric: finding for finding in ground.told}
    assert set(told) == {"latency.mean", "latency.p95"}
    found = told["latency.mean"]
    assert (found.kind, found.status, found.opened) == ("regression", TREND, False)
    assert found.operation == "GET /"
    assert "a week" in found.reason
    assert found.before is not None
    assert found.after is not None
    assert 0.048 < found.before.value < 0.052
    assert 0.056 < found.after.value < 0.060


def test_a_latency_that_steps_does_not_drift() -> None:
    ground = Ground()
    latencies(ground, lambda t: 0.050 if t < -170 else 0.058)
    ground.job.run(NOW)
    assert ground.told == []


def errors(ground: Ground, rate: Level) -> None:
    """Hours of 2,000 requests each, of which some fail."""
    labels = {"service": "shop", "version": "1.0.0", "environment": "prod", "phase": STEADY}
    series = Series.of(REQUESTS, **labels, operation="GET /", status="5xx")
    draw, windows = np.random.default_rng(2), []
    for hour in range(-336, 0):
        failed = int(draw.binomial(2000, rate(hour)))
        windows.append(Window(series, NOW - 20.0 + hour * HOUR, 60.0, 2000, failed))
    ground.store.append(Batch(tuple(windows), ()))


def test_an_error_rate_that_drifts() -> None:
    ground = Ground()
    errors(ground, lambda t: 0.02 * (1.0 + 0.25 * (336 + t) / 168.0))
    ground.job.run(NOW)
    (found,) = ground.told
    assert (found.metric, found.unit, found.status) == ("error_rate", "1", TREND)
    assert found.checks[0].name == "counts"
    assert 0.02 < float(found.checks[0].inputs["least"]) < 0.04
    assert found.after is not None
    assert 0.026 < found.after.value < 0.034


def test_a_handful_of_errors_says_why_it_is_not_judged() -> None:
    ground = Ground()
    errors(ground, lambda _: 0.0001)
    ground.job.run(NOW)
    assert ground.told == []
    few = {"what": "drift", "outcome": "too few errors"}
    assert ground.meter.total("perfd_trends_judged", **few) == 1
