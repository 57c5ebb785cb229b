"""What is around a change of unknown time: each artefact is told, and each has its honest twin."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from perfd.detect import measures
from perfd.detect.around.by_time import around
from perfd.detect.around.case import Change, ScanCase
from perfd.detect.around.filters import trail
from perfd.detect.host_readings import HostReadings
from perfd.detect.mix import added, dearer, strata
from perfd.detect.scan.table import GAUGE, LEVEL, RATE, Subject
from perfd.detect.settings import DetectSettings
from perfd.model.finding import Check
from perfd.model.series import CPU_SHARE, INSTANCE_REQUESTS, REQUESTS, STEADY, Series
from perfd.model.window import Gauge, Window
from tests.bench.loads import histogram

HOUR = 3600.0
CHANGED = 1_700_006_400.0
PLACE = {"service": "shop", "environment": "test"}
OPERATION = "GET /a"

Level = Callable[[int], float]  # of hours since the change


@dataclass
class Stream:
    """Requests an hour and their ln(latency), of one operation and status class, or instance."""

    rate: Level
    level: Level
    operation: str = OPERATION
    status: str = "ok"


def after(before: float, since: float) -> Level:
    return lambda hour: since if hour >= 0 else before


def always(value: float) -> Level:
    return lambda _: value


@dataclass
class Story:
    """A service that changed; `hours` have passed since."""

    streams: list[Stream]
    instances: list[Stream] = field(default_factory=list)
    operation: str = OPERATION
    shift: float = 0.1
    hours: int = 14
    found: int = 14

    def case(self, seed: int = 1) -> ScanCase:
        rng = np.random.default_rng(seed)
        about = Subject(
            "shop", "test", self.operation, measures.LATENCY_MEAN, "s",
            Series.of(REQUESTS, **PLACE, operation=self.operation), LEVEL,
        )  # fmt: skip
        found = CHANGED + self.found * HOUR
        change = Change(about, CHANGED, (CHANGED, CHANGED), self.shift, found)
        spans = (CHANGED - 96 * HOUR, CHANGED), (CHANGED, CHANGED + self.hours * HOUR)
        return ScanCase(
            change,
            DetectSettings(),
            1.0,
            HOUR,
            *spans,
            requests=tuple(w for s in self.streams for w in self._windows(rng, s, "")),
            instances=tuple(
                w
                for number, s in enumerate(self.instances)
                for w in self._windows(rng, s, f"i-{number}")
            ),
        )

    def _windows(self, rng: np.random.Generator, of: Stream, instance: str) -> Iterator[Window]:
        labels = {"operation": of.operation, "status": of.status}
        series = Series.of(REQUESTS, **PLACE, version="1", phase=STEADY, **labels)
        if instance:
            series = Series.of(
                INSTANCE_REQUESTS, **PLACE, version="1", phase=STEADY, instance=instance
            )
        for hour in range(-96, self.hours):
            n = int(rng.poisson(of.rate(hour)))
            if n:
                weather = rng.normal(0.0, 0.002)
                held = histogram(np.exp(rng.normal(of.level(hour) + weather, 0.4, n)))
                yield Window(series, CHANGED + hour * HOUR, HOUR, n, 0, held)


def verdicts(case: ScanCase) -> dict[str, Check]:
    return {check.name: check for check in trail(case)}


def rejected(case: ScanCase) -> list[str]:
    return [check.name for check in trail(case) if not check.passed]


SLOWER = Stream(always(600), after(-4.0, -3.9))


def test_a_regression_is_kept() -> None:
    assert rejected(Story([SLOWER]).case()) == []


def test_a_fall_is_not_asked() -> None:
    assert (
        trail(replace(Story([SLOWER]).case(), change=Story([SLOWER], shift=-0.1).case().change))
        == ()
    )


def test_of_a_resource_nothing_is_said() -> None:
    case = Story([SLOWER]).case()
    about = replace(case.subject, kind=GAUGE, metric="memory", unit="By")
    assert trail(replace(case, change=replace(case.change, subject=about))) == ()


def test_errors_that_rise_are_kept() -> None:
    case = Story([SLOWER], shift=0.03).case()
    about = replace(case.subject, kind=RATE, metric=measures.ERROR_RATE, unit="1")
    failing = tuple(
        replace(w, errors=int(w.count * (0.04 if w.start >= CHANGED else 0.01)))
        for w in case.requests
    )
    case = replace(case, change=replace(case.change, subject=about), requests=failing)
    assert rejected(case) == []
    assert verdicts(case)["same hours"].inputs["shift"] == pytest.approx(0.03, abs=0.002)


def test_a_change_that_its_windows_do_not_show() -> None:
    assert rejected(Story([Stream(always(600), always(-4.0))]).case()) == ["same hours"]


def test_a_night_is_compared_with_nights() -> None:
    """By day it takes 30 % longer every day; the change began in the evening and shows nothing."""
    day = Stream(always(600), lambda hour: -4.0 + 0.3 * (hour % 24 >= 12))
    told = around(replace(Story([day], hours=10).case()))
    assert told is not None
    assert told.found.shift == pytest.approx(0.0, abs=0.01)


def test_more_of_a_slow_operation_is_a_mix() -> None:
    streams = [
        Stream(after(600, 500), always(-4.0)),
        Stream(after(60, 160), always(-3.0), operation="GET /slow"),
    ]
    case = Story(streams, operation="").case()
    assert rejected(case) == ["traffic mix"]
    assert verdicts(case)["traffic mix"].inputs["operations"] == pytest.approx(0.15, abs=0.02)


def test_a_regression_beside_a_mix_is_kept() -> None:
    streams = [
        Stream(after(600, 500), after(-4.0, -3.9)),
        Stream(after(60, 160), after(-3.0, -2.9), operation="GET /slow"),
    ]
    assert rejected(Story(streams, operation="", shift=0.25).case()) == []


def test_refusals_that_stop_are_a_mix() -> None:
    streams = [
        Stream(after(600, 700), always(-4.0)),
        Stream(after(100, 0), always(-5.0), status="4xx"),
    ]
    assert rejected(Story(streams).case()) == ["traffic mix"]


def test_a_crawler_that_leaves() -> None:
    streams = [Stream(always(600), always(-4.0)), Stream(after(150, 0), always(-5.2))]
    assert rejected(Story(streams).case()) == ["throughput"]


def test_a_crawler_that_comes() -> None:
    streams = [Stream(always(600), always(-4.0)), Stream(after(0, 150), always(-2.8))]
    assert "throughput" in rejected(Story(streams).case())


def test_a_regression_while_a_crawler_leaves() -> None:
    streams = [Stream(always(600), after(-4.0, -3.8)), Stream(after(150, 0), always(-5.2))]
    assert rejected(Story(streams, shift=0.4).case()) == []


def test_one_instance() -> None:
    own = [Stream(always(200), after(-4.0, -3.4))] + [Stream(always(200), always(-4.0))] * 2
    case = Story([Stream(always(600), after(-4.0, -3.8))], own, shift=0.2).case()
    assert rejected(case) == ["one instance"]


def test_one_host() -> None:
    own = [Stream(always(150), after(-4.0, -3.6))] * 2 + [Stream(always(150), always(-4.0))] * 2
    case = Story([Stream(always(600), after(-4.0, -3.8))], own, shift=0.2).case()
    gauges = [
        Gauge.single(
            Series.of(CPU_SHARE, **PLACE, version="1", instance=f"i-{n}", host=f"node-{n // 2}"),
            CHANGED,
            HOUR,
            0.2,
        )
        for n in range(4)
    ]
    assert rejected(replace(case, hosts=HostReadings(gauges))) == ["one instance"]


def test_all_instances_beside_a_bad_one() -> None:
    own = [Stream(always(200), after(-4.0, -3.0))] + [Stream(always(200), after(-4.0, -3.9))] * 2
    case = Story([Stream(always(600), after(-4.0, -3.6))], own, shift=0.4).case()
    assert rejected(case) == []


def test_the_same_last_week() -> None:
    custom = Stream(always(600), lambda hour: -4.0 + 0.1 * (hour % 168 < 14))
    case = Story([custom]).case()
    earlier = tuple(
        replace(w, start=w.start - 168 * HOUR) for w in Story([SLOWER]).case(seed=2).requests
    )
    assert rejected(replace(case, earlier={7.0: earlier})) == ["season"]


def test_hours_since_it_was_found_show_it() -> None:
    told = verdicts(Story([SLOWER], hours=24, found=14).case())["second sample"]
    assert told.passed
    assert told.inputs["cells"] == 10
    assert "second sample" not in verdicts(Story([SLOWER], hours=24, found=23).case())


def test_hours_since_it_was_found_do_not_show_it() -> None:
    brief = Stream(always(600), lambda hour: -4.0 + 0.2 * (0 <= hour < 14))
    assert rejected(Story([brief], hours=24, found=14).case()) == ["second sample"]


def test_halves_of_instances_are_told() -> None:
    own = [Stream(always(150), after(-4.0, -3.9))] * 4
    told = verdicts(Story([SLOWER], own).case())["second sample"]
    assert told.passed
    assert "either half of 4 instances" in told.verdict


# --- the arithmetic of a mix ----------------------------------------------------------------------


def windows(*parts: tuple[str, float, int]) -> list[Window]:
    rng = np.random.default_rng(5)
    return [
        Window(
            Series.of(REQUESTS, operation=name), 0.0, 1.0, n, 0,
            histogram(np.exp(rng.normal(level, 0.3, n))),
        )
        for name, level, n in parts
    ]  # fmt: skip


def test_nothing_is_added_by_the_same_mix() -> None:
    old = strata(windows(("a", 0.0, 3000), ("b", 1.0, 1000)), "operation")
    new = strata(windows(("a", 0.5, 6000), ("b", 1.5, 2000)), "operation")
    assert added(measures.LATENCY_MEAN, old, new) == pytest.approx(0.0, abs=1e-9)
    assert added(measures.LATENCY_P95, old, new) == pytest.approx(0.0, abs=1e-9)


def test_mean_and_quantile_of_another_mix() -> None:
    old = strata(windows(("a", 0.0, 9000), ("b", 2.0, 1000)), "operation")
    new = strata(windows(("a", 0.0, 8000), ("b", 2.0, 2000)), "operation")
    assert added(measures.LATENCY_MEAN, old, new) == pytest.approx(0.2, abs=0.02)
    # Of 10 % b the p95 is b's median; of 20 % its third quartile: 0.674 x 0.3 above.
    assert added(measures.LATENCY_P95, old, new) == pytest.approx(0.2, abs=0.04)
    assert dearer(old, new) == pytest.approx(math.log((8 + 2 * 7.389) / (9 + 7.389)), abs=0.03)


def test_what_went_away_counts_as_it_was() -> None:
    old = strata(windows(("a", 0.0, 9000), ("b", -1.0, 1000)), "operation")
    new = strata(windows(("a", 0.0, 9000)), "operation")
    assert added(measures.LATENCY_MEAN, old, new) == 0.0
    assert added(measures.LATENCY_MEAN, old, new, gone=True) == pytest.approx(0.1, abs=0.02)
