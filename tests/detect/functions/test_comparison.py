"""Shares before and after a known time, against scipy and against counts that were drawn."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from perfd.detect.functions.comparison import Comparison, compare, detectable

few = settings(max_examples=30, deadline=None)


@few
@given(st.integers(0, 500), st.integers(0, 500), st.integers(1_000, 100_000), st.integers(1, 9))
def test_a_binomial_share_is_compared_exactly(k0: int, k1: int, n1: int, times: int) -> None:
    n0 = n1 * times
    found = Comparison(k0, n0, k1, n1, 1.0, 300.0).p
    assert found == pytest.approx(_mid_tail(k1, k0 + k1, times), rel=1e-9, abs=1e-300)


def _mid_tail(k: int, n: int, times: int) -> float:
    """P[X > k] + P[X = k] / 2 for X ~ Bin(n, 1 / (1 + times)), in whole numbers.

    Below 1e-290 scipy's tail is wrong in the sixth digit.
    """
    above = sum(math.comb(n, i) * times ** (n - i) for i in range(k + 1, n + 1))
    twice = 2 * above + math.comb(n, k) * times ** (n - k)
    return float(Fraction(twice, 2 * (1 + times) ** n))


@few
@given(st.integers(1, 400), st.integers(1, 400), st.floats(1.05, 8.0))
def test_a_clustered_share_is_beta_binomial_with_students_tail(
    k0: int, k1: int, phi: float
) -> None:
    n0, n1, freedom = 70_000.0, 10_000.0, 200.0
    pooled = (k0 + k1) / (n0 + n1)
    law = stats.betabinom(k0 + k1, pooled * n1 / (phi - 1), pooled * n0 / (phi - 1))
    exact = law.pmf(np.arange(k1 + 1, k0 + k1 + 1)).sum() + 0.5 * law.pmf(k1)
    spread = phi * pooled * (1 - pooled) * (1 / n0 + 1 / n1)
    student = stats.t.sf((k1 / n1 - k0 / n0) / math.sqrt(spread), freedom)
    found = Comparison(k0, n0, k1, n1, phi, freedom).p
    assert found == pytest.approx(max(exact, student), rel=1e-9)


@few
@given(st.integers(0, 200), st.integers(0, 200), st.floats(1.0, 5.0))
def test_the_interval_holds_the_difference(k0: int, k1: int, phi: float) -> None:
    found = Comparison(k0, 9_000.0, k1, 3_000.0, phi, 100.0)
    assert found.ci[0] <= found.delta <= found.ci[1]
    assert found.shift_error > 0.0


def test_the_dispersion_is_that_of_the_cells() -> None:
    draw = np.random.default_rng(1)
    rates = draw.gamma(100.0 / 2.0, 2.0, 2_000)  # of mean 100 and variance 200: phi 3
    k = draw.poisson(rates).astype(float)
    found = compare(k, np.full(2_000, 50_000.0), 1_500)
    assert found is not None
    assert found.phi == pytest.approx(3.0, rel=0.1)


def test_hours_without_profiles_do_not_count() -> None:
    k, n = np.array([5.0, np.nan, 5.0, 9.0]), np.array([100.0, np.nan, 100.0, 100.0])
    found = compare(k, n, 2)
    assert found is not None
    assert (found.k0, found.n0, found.k1, found.n1) == (5.0, 100.0, 14.0, 200.0)
    assert compare(np.full(4, np.nan), n, 2) is None


@pytest.mark.parametrize(("share", "phi"), [(0.05, 1.0), (0.01, 4.0), (0.0005, 1.0)])
def test_what_is_said_to_be_detectable_is_found_nine_times_in_ten(share: float, phi: float) -> None:
    draw = np.random.default_rng(2)
    cells, samples, at, alpha, tries = 192, 5_000, 168, 1e-4, 300
    rise = detectable(share, samples * at, samples * (cells - at), phi, alpha)
    mean = samples * np.where(np.arange(cells) < at, share, share + rise)
    rates = np.tile(mean, (tries, 1))
    if phi > 1.0:
        rates = draw.gamma(rates / (phi - 1.0), phi - 1.0)
    n = np.full(cells, float(samples))
    found = [compare(row.astype(float), n, at) for row in draw.poisson(rates)]
    power = np.mean([one is not None and one.p < alpha for one in found])
    assert 0.82 < power < 0.97
