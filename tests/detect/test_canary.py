"""Canaries: sequences that may be looked at at any time, and what is told of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from perfd.detect.canary.case import CanaryCase
from perfd.detect.canary.sequences import ALIKE, PRECISION, TIMES, evidence, interval
from perfd.detect.canary.watch import scatter, watch
from perfd.detect.settings import DetectSettings
from perfd.model.deploy import Deploy
from perfd.model.series import INSTANCE_REQUESTS, REQUESTS, STEADY, Series
from perfd.model.window import Window
from tests.bench.loads import histogram

MINUTE = 60.0
AT = 1_700_000_040.0


def test_the_mixture_is_a_martingale() -> None:
    """The bound is where the mixture of likelihood ratios over N(0, 1/r) reaches 1 / alpha."""
    alpha, v = 0.01, 37.0
    s = math.sqrt((v + PRECISION) * math.log((v + PRECISION) / (PRECISION * alpha**2)))
    mixture = math.sqrt(PRECISION / (v + PRECISION)) * math.exp(s * s / (2 * (v + PRECISION)))
    assert mixture == pytest.approx(1.0 / alpha)
    low, _ = interval(np.array([s / v]), np.array([1.0 / v]), alpha)
    assert low[0] == pytest.approx(0.0, abs=1e-12)


def test_lower_end_comes_near() -> None:
    low, high = interval(np.full(500, 0.3), np.full(500, 0.01), 0.01)
    assert (np.diff(low) > 0.0).all()
    assert 0.28 < low[-1] < 0.3 < high[-1] < 0.32


def test_evidence_is_a_likelihood_ratio() -> None:
    k0, n0, k1, n1 = 3.0, 900.0, 4.0, 100.0
    told = evidence(np.array([k0]), np.array([n0]), np.array([k1]), np.array([n1]), 1.0)

    def law(times: float) -> float:
        return float(stats.binom.pmf(k1, k0 + k1, times * n1 / (times * n1 + n0)))

    wanted = np.mean([law(times) / law(ALIKE) for times in TIMES])
    assert math.exp(told[-1]) == pytest.approx(wanted)


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_evidence_is_at_most_one_on_average(share: float) -> None:
    """E[e] <= 1 where both fail alike: the exact sum over all splits of seven failures."""
    k = np.arange(8.0)
    total = np.full(8, 7.0)
    n1, n0 = np.full(8, 1000.0 * share), np.full(8, 1000.0 * (1.0 - share))
    each = [
        math.exp(evidence(np.array([t - x]), np.array([b]), np.array([x]), np.array([a]), 1.0)[0])
        for x, t, a, b in zip(k, total, n1, n0, strict=True)
    ]
    assert float(stats.binom.pmf(k, 7, share) @ np.array(each)) <= 1.0 + 1e-9


def served(version: str, minutes: range, rate: int, level: float, failed: float) -> list[Window]:
    rng = np.random.default_rng(len(version) + rate)
    series = Series.of(
        REQUESTS, service="shop", environment="test", version=version,
        operation="GET /a", status="ok", phase=STEADY,
    )  # fmt: skip
    return [
        Window(
            series, AT + m * MINUTE, MINUTE, rate, int(rng.binomial(rate, failed)),
            histogram(np.exp(rng.normal(level, 0.5, rate))),
        )
        for m in minutes
    ]  # fmt: skip


def case(minutes: int, *, level: float = -4.0, failed: float = 0.01) -> CanaryCase:
    old = served("1", range(-60, minutes), 400, -4.0, 0.01)
    new = served("2", range(minutes), 30, level, failed)
    deploy = Deploy("shop", "test", "2", "1", AT)
    end = AT + minutes * MINUTE
    return CanaryCase(deploy, DetectSettings(), 1.0, MINUTE, end, [*old, *new])


def test_a_slow_canary_is_suspected() -> None:
    (seen,) = watch(case(5, level=-3.3))
    assert (seen.metric, seen.operation) == ("latency.mean", "GET /a")
    assert seen.ratio is not None
    assert 1.05 < seen.ratio[0] < 2.0 < seen.ratio[1]
    assert seen.after.value / seen.before.value == pytest.approx(2.0, rel=0.1)


def test_an_equal_canary_is_not() -> None:
    assert list(watch(case(30))) == []


def test_a_failing_canary_is_suspected() -> None:
    (seen,) = watch(case(8, failed=0.15))
    assert seen.metric == "error_rate"


def test_without_a_version_there_is_no_canary() -> None:
    held = case(5, level=-3.3)
    bare = CanaryCase(
        Deploy("shop", "test", "1", "1", AT), held.settings, 1.0, MINUTE, held.end, held.requests
    )
    assert list(watch(bare)) == []


def by_instance(failed: list[list[int]]) -> list[Window]:
    return [
        Window(
            Series.of(INSTANCE_REQUESTS, instance=str(i), phase=STEADY),
            AT + minute * MINUTE, MINUTE, 1000, k,
        )
        for minute, counts in enumerate(failed)
        for i, k in enumerate(counts)
    ]  # fmt: skip


def test_scatter_between_instances() -> None:
    assert scatter([]) == 1.0
    assert scatter(by_instance([[10, 10], [90, 90]])) == 1.0  # a burst that hit both
    assert scatter(by_instance([[0, 40], [50, 2]])) > 10.0
