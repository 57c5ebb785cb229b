"""Each filter on a series made for it."""

import math

import numpy as np
import pytest

from perfd.detect.scan.filters import excursion, persistence, trend
from perfd.detect.scan.suspect import Suspect
from tests.detect.scan.scanned import SETTINGS, correlated

CELLS = 336
HOUR = np.arange(CELLS)


def suspected(x: np.ndarray, at: int, noise: float = 0.02) -> Suspect:
    flat = np.zeros(CELLS)
    return Suspect(
        x=x,
        season=flat,
        measured=x,
        weights=np.ones(CELLS),
        known=np.ones(CELLS),
        at=at,
        shift=float(x[at:].mean() - x[:at].mean()),
        noise=noise,
        p=1e-9,
        design=np.zeros((CELLS, 0)),
        weekend=flat.astype(bool),
        settings=SETTINGS,
    )


def noise(seed: int) -> np.ndarray:
    return correlated(1, CELLS, seed)[0]


def test_a_step_is_told_from_a_ramp_within_a_day() -> None:
    for seed in range(5):
        verdict = trend.check(suspected(noise(seed) + 0.05 * (HOUR >= 310), 310))
        assert verdict.passed
        assert trend.doubt(verdict) == 1


@pytest.mark.parametrize(("takes", "size"), [(6, 0.05), (12, 0.2)])
def test_a_step_may_take_hours(takes: int, size: float) -> None:
    for seed in range(5):
        x = noise(seed) + size * np.clip((HOUR - 310 + 1) / takes, 0.0, 1.0)
        assert trend.check(suspected(x, 310 + takes // 2)).passed


def test_a_ramp_is_never_surely_a_step() -> None:
    for seed in range(5):
        x = noise(seed) + 0.1 * np.clip((HOUR - 250) / 120.0, 0.0, 1.0)
        verdict = trend.check(suspected(x, 290))
        assert not verdict.passed
        assert "a ramp and no step" in verdict.verdict


def test_the_evidence_is_the_mean_likelihood() -> None:
    gains = np.array([3.0, 9.0, 1.0])
    expected = 2.0 * math.log(np.exp(gains / 2.0).sum() / 300)
    assert trend._evidence(gains, 300) == pytest.approx(expected)


def test_innovations_of_correlated_noise_are_white_and_gaps_begin_anew() -> None:
    told = np.flatnonzero(np.arange(4000) % 50 != 7)
    x = correlated(1, 4000, seed=3, sd=1.0, phi=0.8)[:, told]
    fresh = trend._innovations(x, told, 0.8)[0]
    assert fresh.std() == pytest.approx(0.6, rel=0.05)
    assert abs(np.corrcoef(fresh[1:], fresh[:-1])[0, 1]) < 0.05


def test_what_is_back_in_its_last_cells_does_not_persist() -> None:
    x = noise(1) + 0.05 * (HOUR >= 310)
    assert persistence.check(suspected(x, 310)).passed
    x[-1:] -= 0.07
    verdict = persistence.check(suspected(x, 310))
    assert not verdict.passed
    assert "last cells" in verdict.verdict


def test_what_fades_does_not_persist() -> None:
    fading = np.where(HOUR >= 300, 0.4 * np.exp(-(HOUR - 300.0) / 40.0), 0.0)
    assert not persistence.check(suspected(noise(2) + fading, 300)).passed


@pytest.mark.parametrize(("lasts", "passed"), [(1, True), (3, True), (6, False)])
def test_excursions_make_it_wait(lasts: int, passed: bool) -> None:
    x = noise(3) + 0.1 * (HOUR >= 310)
    x[200 : 200 + lasts] += 0.1
    assert excursion.check(suspected(x, 310)).passed is passed


def test_an_excursion_to_another_height_is_something_else() -> None:
    x = noise(3) + 0.05 * (HOUR >= 310)
    x[200:206] += 0.3
    assert excursion.check(suspected(x, 310)).passed


def test_one_cell_in_between_ends_no_excursion() -> None:
    away = np.array([0, 1, 1, 0, 1, 0, 0, 1, 1], dtype=bool)
    assert excursion._longest(away) == 4
    assert excursion._longest(np.zeros(5, dtype=bool)) == 0
