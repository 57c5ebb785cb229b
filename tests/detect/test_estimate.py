"""Estimates and comparisons: right on average, calibrated without a change, sure of a real one."""

import math

import numpy as np
import pytest
from scipy import stats

from perfd.detect import measures
from perfd.detect.cells import mean_cells, quantile_cells
from perfd.detect.columns import columns
from perfd.detect.estimate import Comparison, compare, estimate
from perfd.detect.noise import noise
from perfd.model.histogram import Histogram
from perfd.model.series import REQUESTS, Series
from perfd.model.window import Gauge, Window

SERIES = Series.of(REQUESTS, service="s", version="1", operation="o")


def ar1(minutes: int, sd: float, rho: float, rng: np.random.Generator) -> np.ndarray:
    steps = rng.normal(0.0, sd * math.sqrt(1.0 - rho * rho), minutes)
    values = [rng.normal(0.0, sd)]
    for step in steps[1:]:
        values.append(rho * values[-1] + step)
    return np.array(values)


def windows(
    effects: np.ndarray, rate: float, rng: np.random.Generator, start: int = 0, errors: float = 0.02
) -> list[Window]:
    found = []
    for minute, effect in enumerate(effects, start):
        n = int(rng.poisson(rate))
        values = np.exp(rng.normal(math.log(0.02) + effect, 0.8, n)).tolist()
        failed = int(rng.binomial(n, errors))
        found.append(Window(SERIES, 60.0 * minute, 60.0, n, failed, Histogram.of(values)))
    return found


def pair(
    rng: np.random.Generator, rate: float, shift: float = 0.0, sd: float = 0.02, rho: float = 0.7
) -> tuple[list[Window], list[Window]]:
    effects = ar1(90, sd, rho, rng)
    effects[60:] += shift
    return windows(effects[:60], rate, rng), windows(effects[60:], rate, rng, 60)


def compared(metric: str, rng: np.random.Generator, rate: float, **kw: float) -> Comparison:
    found = compare(metric, *pair(rng, rate, **kw))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("metric", "true"),
    [
        (measures.LATENCY_MEAN, 0.02),
        (measures.LATENCY_P50, 0.02),
        (measures.LATENCY_P95, 0.02 * math.exp(0.8 * stats.norm.ppf(0.95))),
        (measures.ERROR_RATE, 0.02),
    ],
)
def test_intervals_hold_the_truth_as_often_as_they_say(metric: str, true: float) -> None:
    rng = np.random.default_rng(11)
    held = 0
    for _ in range(60):
        found = estimate(metric, windows(ar1(60, 0.02, 0.7, rng), 40.0, rng))
        assert found is not None
        held += found.ci[0] <= true <= found.ci[1]
    assert held >= 52  # 95 % of 60 is 57; 52 is its 1 in 500


@pytest.mark.parametrize("metric", measures.OF_OPERATIONS)
@pytest.mark.parametrize("rate", [3.0, 45.0])
def test_without_a_change_small_p_values_are_rare(metric: str, rate: float) -> None:
    rng = np.random.default_rng(5)
    p = np.array([compared(metric, rng, rate).p for _ in range(40)])
    assert (p < 0.01).sum() <= 3
    assert (p < 0.2).sum() <= 16


def test_correlated_windows_are_not_independent_evidence() -> None:
    """The control: a test that takes windows for independent is wrong many times as often."""
    rng = np.random.default_rng(6)
    naive = ours = 0
    for _ in range(50):
        before, after = pair(rng, 300.0, sd=0.1, rho=0.9)
        levels = [[w.histogram.mean_log for w in side] for side in (before, after)]
        naive += stats.ttest_ind(*levels, equal_var=False).pvalue < 0.01
        found = compare(measures.LATENCY_MEAN, before, after)
        assert found is not None
        ours += min(found.p, 1.0 - found.p) < 0.005
    assert naive > 3 * max(ours, 3)


@pytest.mark.parametrize("metric", [measures.LATENCY_MEAN, measures.LATENCY_P95])
def test_a_real_change_is_measured(metric: str) -> None:
    rng = np.random.default_rng(8)
    found = [compared(metric, rng, 45.0, shift=math.log(1.5)) for _ in range(20)]
    assert np.median([f.p for f in found]) < 1e-6
    assert all(f.p < 1e-3 for f in found)
    assert np.mean([f.shift for f in found]) == pytest.approx(math.log(1.5), abs=0.04)
    assert sum(f.low <= math.log(1.5) <= f.high for f in found) >= 17


def test_the_quantile_of_cells_is_that_of_the_requests() -> None:
    rng = np.random.default_rng(9)
    values = np.exp(rng.normal(-4.0, 0.8, 20_000))
    parts = [
        Window(SERIES, 60.0 * i, 60.0, 0, 0, Histogram.of(v))
        for i, v in enumerate(np.split(values, 40))
    ]
    for q in (0.5, 0.95, 0.99):
        cells = quantile_cells(columns(parts), q)
        assert cells is not None
        assert math.exp(cells.level) == pytest.approx(np.quantile(values, q), rel=0.012)
        # The asymptotic variance of a quantile: q (1 - q) / f², with f the normal density.
        density = stats.norm.pdf(stats.norm.ppf(q)) / 0.8
        assert cells.sampling == pytest.approx(q * (1 - q) / density**2, rel=0.25)


def test_the_noise_between_windows_is_recovered() -> None:
    rng = np.random.default_rng(10)
    found = []
    for _ in range(12):
        cells = mean_cells(columns(windows(ar1(300, 0.1, 0.7, rng), 60.0, rng)))
        assert cells is not None
        found.append(noise([cells]))
    assert np.median([n.tau for n in found]) == pytest.approx(0.01, rel=0.25)
    assert np.median([n.phi for n in found]) == pytest.approx(0.7, abs=0.1)


def test_one_request_per_window() -> None:
    rng = np.random.default_rng(12)
    before = [w for w in windows(np.zeros(800), 0.8, rng) if w.count]
    after = [w for w in windows(np.full(800, 0.7), 0.8, rng, 800) if w.count]
    found = compare(measures.LATENCY_MEAN, before, after)
    assert found is not None
    assert found.p < 1e-6
    assert found.low < 0.7 < found.high


def test_nothing_measured_is_none() -> None:
    empty = [Window(SERIES, 0.0, 60.0, 5, 0)]
    assert estimate(measures.LATENCY_P95, empty) is None
    assert estimate(measures.LATENCY_MEAN, []) is None
    assert compare(measures.CPU, empty, empty) is None


def test_cpu_per_request_is_a_ratio_of_sums() -> None:
    rng = np.random.default_rng(13)
    side = windows(np.zeros(40), 45.0, rng)
    series = Series.of("process.cpu.time", service="s")
    gauges = [
        Gauge.single(series, w.start, 60.0, w.count * 0.004 * rng.uniform(0.9, 1.1)) for w in side
    ]
    found = estimate(measures.CPU, side, gauges)
    assert found is not None
    spent = sum(g.total for g in gauges) / sum(w.count for w in side)
    assert found.value == pytest.approx(spent)
    assert found.ci[0] < 0.004 < found.ci[1]
    assert found.ci[1] - found.ci[0] < 0.0005


def test_rare_errors_are_counted_exactly() -> None:
    before = [Window(SERIES, 60.0 * i, 60.0, 100, 0, Histogram.of([0.02] * 100)) for i in range(60)]
    after = [
        Window(SERIES, 60.0 * i, 60.0, 100, i % 2, Histogram.of([0.02] * 100))
        for i in range(60, 90)
    ]
    found = compare(measures.ERROR_RATE, before, after)
    assert found is not None
    assert found.effect.ratio is None
    assert found.effect.absolute == pytest.approx(0.005)
    assert found.p < 1e-3
    assert found.before.value == 0.0
    assert found.before.ci[1] == pytest.approx(stats.beta.ppf(0.975, 1, 6000))
