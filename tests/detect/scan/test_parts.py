"""The pieces of the scan, each against another way of computing it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from perfd.detect.scan import cusum, season
from perfd.detect.scan.binomial import dispersion, signed_roots
from perfd.detect.scan.noise import long_run
from perfd.detect.scan.outliers import inlying, running_median
from perfd.detect.scan.tails import scan_tail
from tests.detect.scan.scanned import HOUR, MONDAY, correlated, daily

few = settings(max_examples=40, deadline=None)


@few
@given(st.floats(2.5, 12.0), st.floats(0.001, 0.4))
def test_scan_tail_is_the_formula_in_terms_of_the_normal_density(b: float, edge: float) -> None:
    looks = np.log((1.0 - edge) ** 2 / edge**2)
    expected = b * stats.norm.pdf(b) * ((1.0 - 1.0 / b**2) * looks + 4.0 / b**2)
    found = float(scan_tail(np.array(b), np.array(edge)))
    assert found == pytest.approx(min(expected, 1.0), rel=1e-9)


def test_scan_tail_bounds_what_white_noise_does() -> None:
    x = np.random.default_rng(3).standard_normal((4000, 200))
    weights = np.ones_like(x)
    split = cusum.best_split(x, weights, 10)
    for level in (0.2, 0.05, 0.01):
        beyond = (scan_tail(np.abs(split.gain), split.edge) < level).mean()
        assert level / 4.0 < beyond < 1.2 * level  # conservative, and not by much


@few
@given(st.integers(8, 40), st.integers(0, 10_000))
def test_contrast_is_the_difference_of_means(at: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    x, weights = draw.standard_normal((1, 50)), (draw.random((1, 50)) < 0.9).astype(float)
    told = weights[0] > 0.0
    left, right = x[0, :at][told[:at]], x[0, at:][told[at:]]
    gains, shifts = cusum.contrasts(x, weights, 3)
    room = min(len(left), len(right)) >= 3
    expected = right.mean() - left.mean() if room else 0.0
    scale = np.sqrt(len(left) * len(right) / (len(left) + len(right)))
    assert shifts[0, at] == pytest.approx(expected, abs=1e-9)
    assert gains[0, at] == pytest.approx(expected * scale, abs=1e-9)


def test_long_run_deviation_of_correlated_noise() -> None:
    error = correlated(200, 2000, seed=1)
    found = long_run(error, np.ones_like(error), 0.0, (12, 24))
    assert np.median(found) == pytest.approx(0.02, rel=0.1)  # 0.01 sqrt(1.6 / 0.4)


def test_noise_is_never_below_the_quantum() -> None:
    flat = np.zeros((1, 100))
    assert long_run(flat, np.ones_like(flat), 0.002, (12, 24))[0] >= 0.002


def test_season_is_found_beside_a_step_and_none_where_there_is_none() -> None:
    step = 0.2 * (np.arange(336) >= 200)
    y = correlated(20, 336, seed=2) + step
    found = season.seasons(y + daily(336), MONDAY, HOUR)
    assert np.abs(found - daily(336)).max() < 0.03
    assert np.abs(season.seasons(y, MONDAY, HOUR)).mean() < 0.002


def test_weekends_have_a_shape_of_their_own() -> None:
    weekend = season.weekend(MONDAY, HOUR, 336)
    assert weekend.sum() == 4 * 24
    assert not weekend[:120].any()
    assert weekend[120:168].all()
    y = np.where(weekend, 1.0, 2.0) * daily(336) + correlated(5, 336, seed=3)
    assert (
        np.abs(season.seasons(y, MONDAY, HOUR) - np.where(weekend, 1, 2) * daily(336)).max() < 0.04
    )


def test_running_median_is_the_median_of_what_is_there() -> None:
    x = np.random.default_rng(4).standard_normal((3, 60))
    found = running_median(x, 7)
    for at in range(60):
        assert found[:, at] == pytest.approx(np.median(x[:, max(at - 3, 0) : at + 4], axis=1))


def test_a_transient_is_left_out_and_a_step_is_not() -> None:
    x = correlated(1, 336, seed=5)
    x[0, 100:106] += 0.3
    x[0, 250:] += 0.3
    near = inlying(x, 25, 8, 0.002)
    assert not near[0, 100:106].any()
    assert near[0, 250:].mean() > 0.97


def test_the_last_cells_of_a_new_level_are_not_outliers() -> None:
    x = correlated(1, 336, seed=6)
    x[0, 328:] += 0.3
    assert inlying(x, 25, 8, 0.002)[0, 328:].sum() >= 7
    x[0, 328:] -= 0.3
    x[0, 330:] += 0.3  # six cells may still be a transient
    assert not inlying(x, 25, 8, 0.002)[0, 330:].any()


def test_signed_root_is_the_g_test() -> None:
    k = np.array([[3.0, 5.0, 4.0, 12.0, 9.0, 11.0]])
    n = np.full_like(k, 100.0)
    table = [[12, 32], [288, 268]]
    g = stats.chi2_contingency(table, correction=False, lambda_="log-likelihood").statistic
    assert signed_roots(k, n, 2)[0, 3] == pytest.approx(np.sqrt(g), rel=1e-9)


def test_dispersion_of_binomial_counts_is_one_and_of_others_more() -> None:
    draw = np.random.default_rng(7)
    n, rate = np.full((50, 400), 10_000.0), np.full((50, 400), 0.01)
    plain = draw.binomial(10_000, 0.01, n.shape).astype(float)
    wild = draw.binomial(10_000, draw.beta(25, 2475, n.shape)).astype(float)
    assert np.median(dispersion(plain, n, rate)) < 1.3
    assert np.median(dispersion(wild, n, rate)) > 4.0
