"""What waits on purpose is known, and an ordinary operation is never excused for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from perfd.detect import measures, waits
from perfd.detect.around.case import Change, ScanCase
from perfd.detect.around.filters import trail
from perfd.detect.candidate import Candidate
from perfd.detect.case import DeployCase
from perfd.detect.scan.table import LEVEL, Subject
from perfd.detect.settings import DetectSettings
from perfd.detect.sides import Sides
from perfd.model.deploy import Deploy
from perfd.model.histogram import Histogram
from perfd.model.series import CPU_TIME, REQUESTS, STEADY, Series
from perfd.model.window import Gauge, Window

START, HOUR, HOURS = 1_700_006_400.0, 3600.0, 24
Values = np.ndarray
Draw = Callable[[np.random.Generator, int, float], Values]  # rng, requests, times as slow


def windows(
    rng: np.random.Generator,
    draw: Draw,
    *,
    at: float = START,
    slower: float = 1.0,
    failing: float = 0.0,
    hours: int = HOURS,
    rate: int = 60,
) -> tuple[Window, ...]:
    """A day by the hour, with three times as many requests at noon as at night."""
    of = {"service": "shop", "version": "1", "environment": "prod", "status": "ok", "phase": STEADY}
    series = Series.of(REQUESTS, operation="work", **of)
    found = []
    for hour in range(hours):
        n = int(rate * (2.0 + np.sin(hour * np.pi / 12)))
        values = draw(rng, n, slower)
        failed = int(rng.binomial(n, failing))
        window = Window(series, at + hour * HOUR, HOUR, n, failed, Histogram.of(values.tolist()))
        found.append(window)
    return tuple(found)


def cpu(side: tuple[Window, ...], part: float) -> tuple[Gauge, ...]:
    """The service computes this part of the time that its requests take."""
    series = Series.of(CPU_TIME, service="shop")
    return tuple(Gauge.single(series, w.start, w.width, part * w.histogram.total) for w in side)


def candidate(
    before: tuple[Window, ...],
    after: tuple[Window, ...],
    *,
    operation: str = "work",
    computes: float | None = 0.01,
    metric: str = measures.LATENCY_P95,
    by_metric: bool = False,
) -> Candidate:
    span = (START, START + HOURS * HOUR)
    spent = [() if computes is None else cpu(side, computes) for side in (before, after)]
    sides = Sides(
        before={operation: list(before)}, after={operation: list(after)}, older={}, history={},
        cpu_before=spent[0], cpu_after=spent[1], span_before=span, span_after=span,
        concurrent=False, provisional=False,
    )  # fmt: skip
    deploy = Deploy("shop", "prod", "2", "1", START)
    case = DeployCase(
        deploy=deploy, settings=DetectSettings(), pace=1.0, width=HOUR, end=span[1], looks=0,
        opened="", requests=(*before, *after), by_metric=by_metric,
    )  # fmt: skip
    return Candidate(case, sides, operation, metric, before, after, spent[0], spent[1], None, 0.0)


def polling(timeout: float, mean: float = 60.0, overhead: float = 0.003) -> Draw:
    """A message comes every `mean` seconds; those that wait in vain end at the time-out."""

    def draw(rng: np.random.Generator, n: int, _: float) -> Values:
        waited = rng.exponential(mean, n) + 0.004
        ended = timeout * (1.0 + overhead * rng.random(n))
        return np.minimum(waited, ended)

    return draw


def changed(old: Draw, new: Draw, seed: int = 1, **options: object) -> Candidate:
    rng = np.random.default_rng(seed)
    before = windows(rng, old)
    after = windows(rng, new, at=START + HOURS * HOUR)
    return candidate(before, after, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (polling(30.0), polling(60.0), "60 s, its time-out, which was 30 s"),
        (polling(30.0, 30.0), polling(30.0, 120.0), "30 s, its time-out; 3"),
        (polling(5.0, 40.0), polling(5.0, 7.0), "5 s, its time-out; 8"),
        (polling(20.0, overhead=0.02), polling(10.0, overhead=0.02), "10 s, its time-out"),
    ],
)
def test_a_wait_is_learned_and_its_change_is_none_of_the_code(
    old: Draw, new: Draw, words: str
) -> None:
    for case in (
        changed(old, new),
        changed(old, new, operation="GET /events/poll", computes=None),
        changed(old, new, operation="orders receive", computes=0.5),
    ):
        found = waits.check(case)
        assert found is not None
        assert not found.passed
        assert words in found.verdict
        assert float(found.inputs["share_before"]) > 0.25


def test_a_wait_of_which_all_is_slower_is_not_excused() -> None:
    """Its time-out is twice as long, and so is everything else: that is no setting."""
    assert waits.check(changed(polling(30.0), polling(60.0, 120.0), operation="poll")) is None


def test_without_cpu_and_without_a_name_nothing_is_excused() -> None:
    assert waits.check(changed(polling(30.0), polling(60.0), computes=None)) is None


def test_a_service_that_computes_meanwhile_is_not_believed() -> None:
    assert waits.check(changed(polling(30.0), polling(60.0), computes=0.2)) is None


def test_only_latencies_and_only_of_spans() -> None:
    for metric in (measures.ERROR_RATE, measures.CPU):
        assert waits.check(changed(polling(30.0), polling(60.0), metric=metric)) is None
    assert waits.check(changed(polling(30.0), polling(60.0), by_metric=True)) is None
    assert waits.check(changed(polling(30.0), polling(60.0), operation="")) is None


def test_a_time_out_that_is_a_failure_is_no_wait() -> None:
    """Of a call that hangs: as many end at 30 s, and are told as errors."""
    rng = np.random.default_rng(1)
    before, after = (
        windows(rng, polling(30.0), at=at, failing=0.4) for at in (START, START + HOURS * HOUR)
    )
    assert waits.check(candidate(before, after, operation="poll")) is None


def test_an_operation_that_begins_to_hang_is_not_excused() -> None:
    assert waits.check(changed(lognormal(0.2, 0.6), polling(30.0), operation="poll")) is None


def test_what_ends_after_its_time_out_is_slow() -> None:
    def late(rng: np.random.Generator, n: int, _: float) -> Values:
        return polling(30.0)(rng, n, 1.0) * np.where(rng.random(n) < 0.1, 1.3, 1.0)

    assert waits.check(changed(polling(30.0), late, operation="poll")) is None


def test_a_spike_that_comes_and_goes_with_the_hour_is_none() -> None:
    rng = np.random.default_rng(1)
    side = windows(rng, polling(30.0))
    other = windows(rng, polling(10.0))
    mixed = tuple(b if i % 3 else a for i, (a, b) in enumerate(zip(side, other, strict=True)))
    assert waits.learned(side) is not None
    assert waits.learned(mixed) is None
    few = tuple(replace(w, histogram=Histogram.of([30.0] * 3)) for w in side)
    assert waits.learned(few) is None
    assert waits.learned(()) is None


# --- ordinary operations --------------------------------------------------------------------------


def lognormal(median: float, spread: float) -> Draw:
    return lambda rng, n, slower: slower * median * np.exp(spread * rng.standard_normal(n))


def fixed(seconds: float, spread: float) -> Draw:
    """A computation of a fixed length, as of a model or a sleep."""
    return lambda rng, n, slower: slower * seconds * (1.0 + spread * rng.random(n))


def cached(fast: Draw, slow: Draw, hits: float) -> Draw:
    def draw(rng: np.random.Generator, n: int, slower: float) -> Values:
        return np.where(rng.random(n) < hits, fast(rng, n, slower), slow(rng, n, slower))

    return draw


def capped(inner: Draw, at: float) -> Draw:
    """A deadline, which few reach."""
    return lambda rng, n, slower: np.minimum(
        inner(rng, n, slower), at * (1.0 + 0.003 * rng.random(n))
    )


def retried(inner: Draw, after: float, share: float) -> Draw:
    """A lost packet is sent again after a fixed time."""

    def draw(rng: np.random.Generator, n: int, slower: float) -> Values:
        return inner(rng, n, slower) + after * (rng.random(n) < share)

    return draw


def ordinary(rng: np.random.Generator) -> Draw:
    """Any of the families, of any size."""
    median = float(np.exp(rng.uniform(np.log(0.002), np.log(90.0))))
    wide = lognormal(median, float(rng.uniform(0.02, 1.5)))
    narrow = fixed(median, float(rng.uniform(0.001, 0.1)))
    whole = fixed(float(rng.choice([1.0, 2.0, 5.0, 10.0, 30.0])), float(rng.uniform(0.0, 0.02)))
    hits = float(rng.uniform(0.02, 0.7))
    families: tuple[Draw, ...] = (
        wide,
        narrow,
        whole,
        cached(lognormal(median / 50.0, 0.8), wide, hits),
        cached(lognormal(median / 50.0, 0.8), narrow, hits),
        cached(lognormal(median / float(rng.uniform(2.0, 10.0)), 0.5), narrow, hits),
        capped(wide, median * float(rng.uniform(2.0, 20.0))),
        retried(wide, 1.0, float(rng.uniform(0.0, 0.2))),
        lambda rng, n, slower: slower * median * rng.gamma(2.0, 0.5, n),
    )
    return families[int(rng.integers(len(families)))]


COMPUTES = (None, 0.01, 0.9)


def excused(seeds: range, slower: float) -> list[tuple[int, float | None]]:
    """Which of so many random operations, and with how much CPU, were taken for a wait."""
    found = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        draw = ordinary(rng)
        before = windows(rng, draw, hours=8, rate=25)
        after = windows(rng, draw, hours=8, rate=25, at=START + 8 * HOUR, slower=slower)
        cases = [(computes, candidate(before, after, computes=computes)) for computes in COMPUTES]
        found += [(seed, computes) for computes, case in cases if waits.check(case) is not None]
    return found


@pytest.mark.parametrize("slower", [1.0, 2.0])
def test_two_hundred_ordinary_operations_are_never_excused(slower: float) -> None:
    """As they are, and made twice as slow; without CPU, with little and with much of it."""
    assert excused(range(200), slower) == []


@pytest.mark.slow
def test_nor_are_thousands() -> None:
    assert excused(range(1000, 4000), 2.0) == []


def test_a_spike_alone_would_excuse_many_of_them() -> None:
    """The control: of a quarter of the corpus a quarter of the requests end at one time."""
    spiked = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        values = np.log(ordinary(rng)(rng, 200, 1.0))
        within = [np.mean(np.abs(values - value) < 0.03) for value in values[:50]]
        spiked += max(within) >= waits.SHARE
    assert spiked > 50


def test_the_scan_hears_of_it() -> None:
    """In the trail of a change of unknown time, between two days of hours."""
    rng = np.random.default_rng(1)
    days = START + HOURS * HOUR, START + 2 * HOURS * HOUR
    before, after = windows(rng, polling(30.0)), windows(rng, polling(60.0), at=days[0])
    series = before[0].series
    subject = Subject("shop", "prod", "work", measures.LATENCY_MEAN, "s", series, LEVEL)
    case = ScanCase(
        Change(subject, days[0], (days[0], days[0]), 0.7, days[1]),
        DetectSettings(),
        1.0,
        HOUR,
        (START, days[0]),
        days,
        requests=(*before, *after),
        cpu=(*cpu(before, 0.01), *cpu(after, 0.01)),
    )
    told = {check.name: check for check in trail(case)}
    assert not told[waits.NAME].passed
    assert waits.NAME not in {c.name for c in trail(replace(case, cpu=()))}


def test_most_waits_are_known() -> None:
    """Random ones, of which the time-out or the messages change; a few are missed."""
    known = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        old, new = rng.choice([1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0], 2)
        mean = float(max(old, new) * np.exp(rng.uniform(np.log(0.8), np.log(5.0))))
        now = mean * float(np.exp(rng.uniform(-0.5, 0.5))) if old == new else mean
        overhead = float(rng.uniform(0.0, 0.015))
        before = windows(rng, polling(old, mean, overhead), hours=8, rate=200)
        after = windows(rng, polling(new, now, overhead), hours=8, rate=200, at=START + 8 * HOUR)
        known += waits.check(candidate(before, after)) is not None
    assert known >= 48  # the others have a message too seldom for their time-out
