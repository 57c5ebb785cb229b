"""Theil-Sen and Mann-Kendall against scipy's, and what their corrections promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from perfd.detect.trends.mann_kendall import inflation, mann_kendall
from perfd.detect.trends.theil_sen import theil_sen

few = settings(max_examples=60, deadline=None)
levels = st.lists(st.integers(-50, 50), min_size=5, max_size=60)


@few
@given(levels)
def test_kendall_is_scipys(values: list[int]) -> None:
    x = np.array(values, dtype=float)
    t = np.arange(len(x), dtype=float)
    theirs = stats.kendalltau(t, x, method="asymptotic")
    ours = mann_kendall(x)
    if np.isnan(theirs.statistic):
        assert (ours.tau, ours.p) == (0.0, 1.0)
        return
    assert ours.tau == pytest.approx(theirs.statistic, rel=1e-9, abs=1e-12)
    assert ours.p == pytest.approx(theirs.pvalue, rel=1e-9)


@few
@given(levels)
def test_line_is_scipys(values: list[int]) -> None:
    x = np.array(values, dtype=float) / 7.0
    t = 3.0 * np.arange(len(x)) + 1.0
    theirs, ours = stats.theilslopes(x, t, alpha=0.95), theil_sen(t, x)
    for mine, name in ((ours.slope, "slope"), (ours.low, "low_slope"), (ours.high, "high_slope")):
        assert mine == pytest.approx(getattr(theirs, name), rel=1e-9, abs=1e-12)
    assert ours.intercept == pytest.approx(theirs.intercept, rel=1e-9, abs=1e-12)


@few
@given(levels, st.floats(-5.0, 5.0), st.floats(0.5, 4.0))
def test_line_follows_what_is_added(values: list[int], slope: float, scale: float) -> None:
    x, t = np.array(values, dtype=float), np.arange(len(values), dtype=float)
    plain, moved = theil_sen(t, x), theil_sen(t, scale * x + slope * t)
    assert moved.slope == pytest.approx(scale * plain.slope + slope, abs=1e-6)
    assert moved.low <= moved.slope <= moved.high


@few
@given(levels)
def test_inflation_widens(values: list[int]) -> None:
    x, t = np.array(values, dtype=float), np.arange(len(values), dtype=float)
    plain, wide = theil_sen(t, x), theil_sen(t, x, 4.0)
    assert wide.low <= plain.low <= plain.high <= wide.high
    assert mann_kendall(x, 4.0).p >= mann_kendall(x).p


def correlated(cells: int, phi: float, draw: np.random.Generator) -> np.ndarray:
    x = draw.standard_normal(cells)
    x[1:] *= np.sqrt(1.0 - phi * phi)
    for at in range(1, cells):
        x[at] += phi * x[at - 1]
    return x


def test_the_size_on_correlated_noise() -> None:
    """AR(0.6) at 5 %: plain is wrong in a third, ours in less than a tenth."""
    draw, t = np.random.default_rng(5), np.arange(56.0)
    plain = ours = 0
    for _ in range(200):
        x = correlated(56, 0.6, draw)
        line = theil_sen(t, x)
        plain += mann_kendall(x).p < 0.05
        ours += mann_kendall(x, inflation(x - line.slope * t)).p < 0.05
    assert plain > 40
    assert ours <= 24


def test_independent_noise_is_left_alone() -> None:
    draw = np.random.default_rng(6)
    factors = [inflation(draw.standard_normal(100)) for _ in range(100)]
    assert min(factors) >= 1.0
    assert np.median(factors) < 1.2
