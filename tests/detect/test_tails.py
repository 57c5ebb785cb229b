"""Our tails against scipy's."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from perfd.detect import tails

few = settings(max_examples=40, deadline=None)
positive = st.floats(0.5, 5000.0)


def near(value: float) -> object:
    return pytest.approx(value, rel=1e-9, abs=1e-9)


@few
@given(st.floats(-30.0, 30.0))
def test_normal_tail(z: float) -> None:
    assert tails.normal_tail(z) == pytest.approx(stats.norm.sf(z), rel=1e-9)


@few
@given(st.floats(1e-12, 1.0 - 1e-12))
def test_normal_quantile(p: float) -> None:
    assert tails.normal_quantile(p) == near(stats.norm.ppf(p))


@few
@given(st.floats(-40.0, 40.0), st.floats(1.0, 1e5))
def test_student_tail(t: float, freedom: float) -> None:
    assert tails.student_tail(t, freedom) == pytest.approx(
        stats.t.sf(t, freedom), rel=1e-9, abs=1e-300
    )


@few
@given(st.floats(1e-6, 1.0 - 1e-6), st.floats(2.0, 1e4))
def test_student_quantile(p: float, freedom: float) -> None:
    assert tails.student_quantile(p, freedom) == near(stats.t.ppf(p, freedom))


@few
@given(st.floats(0.0, 1.0), positive, positive)
def test_beta_below(x: float, a: float, b: float) -> None:
    assert tails.beta_below(x, a, b) == near(stats.beta.cdf(x, a, b))


@few
@given(st.floats(1e-6, 1.0 - 1e-6), positive, positive)
def test_beta_quantile(p: float, a: float, b: float) -> None:
    assert tails.beta_quantile(p, a, b) == near(stats.beta.ppf(p, a, b))


@few
@given(st.integers(0, 3000), st.integers(1, 3000), st.floats(1e-6, 1.0 - 1e-6))
def test_binomial_tails(k: int, n: int, p: float) -> None:
    k = min(k, n)
    assert tails.binomial_tail(k, n, p) == near(stats.binom.sf(k - 1, n, p))
    mid = stats.binom.sf(k, n, p) + 0.5 * stats.binom.pmf(k, n, p)
    assert tails.binomial_mid_tail(k, n, p) == near(mid)


def test_a_share_of_many_samples() -> None:
    assert tails.binomial_tail(10_300, 1_000_000, 0.01) == near(stats.binom.sf(10_299, 1e6, 0.01))
