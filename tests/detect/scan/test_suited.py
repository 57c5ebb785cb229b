"""Which series the test of levels is for, and how finely it believes what it is told."""

import numpy as np
import pytest

from perfd.detect.scan.levels import Levels
from perfd.detect.scan.suited import counting, resolution, unsuited
from perfd.detect.scan.walk import Walk
from tests.detect.scan.scanned import HOUR, MONDAY, SETTINGS, correlated, daily, look_from

CELLS = 480
LATE = np.arange(CELLS) >= 400


def walked(values: np.ndarray, width: float = HOUR) -> Walk:
    walk = Walk(Levels(np.atleast_2d(values), MONDAY, width, SETTINGS), SETTINGS)
    look_from(walk, CELLS)
    return walk


def test_mostly_zero_series_are_left_to_the_count_test() -> None:
    """The level would double: what is not zero is not all that there is."""
    draw = np.random.default_rng(1)
    zero = draw.random(CELLS) < np.where(LATE, 0.2, 0.6)
    values = np.where(zero, 0.0, np.where(LATE, 2.0, 1.0) * np.exp(0.05 * draw.random(CELLS)))
    assert counting(values[None]).all()
    assert walked(values).tracks == {}
    assert "count test" in unsuited(values[None], SETTINGS)[0]


def test_small_counts_are_left_to_the_count_test() -> None:
    draw = np.random.default_rng(2)
    values = draw.poisson(np.where(LATE, 6.0, 3.0)).astype(float)
    assert walked(values).tracks == {}
    assert "count test" in unsuited(values[None], SETTINGS)[0]


def test_many_counts_and_few_zeros_are_a_level() -> None:
    draw = np.random.default_rng(3)
    values = draw.poisson(np.where(LATE, 1_300.0, 1_000.0)).astype(float)
    values[::50] = 0.0
    assert not counting(values[None]).any()
    assert len(walked(values).confirmed) == 1


def test_what_is_too_short_says_so() -> None:
    values = np.full((1, CELLS), np.nan)
    values[0, -50:] = 1.0
    assert unsuited(values, SETTINGS) == {0: "50 cells with a value; 72 needed"}
    assert unsuited(np.full((1, CELLS), 1.5), SETTINGS) == {}


def test_resolution_is_the_least_difference() -> None:
    y = np.log(np.array([[5.0, 6.0, 5.0, 8.0], [2.0, 2.0, 2.0, 2.0]]))
    assert resolution(y) == pytest.approx([np.log(6.0 / 5.0), 0.0])


@pytest.mark.parametrize("level", [0.0083, 0.0207, 0.1504])
def test_whole_milliseconds_do_not_step_of_themselves(level: float) -> None:
    """Noise of 4 % around a value between two of the clock's."""
    values = level * np.exp(correlated(20, CELLS, seed=4, sd=0.04) + daily(CELLS))
    assert walked(np.round(values, 3)).confirmed == []


def test_whole_milliseconds_may_step() -> None:
    values = np.where(LATE, 0.0140, 0.0083) * np.exp(correlated(1, CELLS, seed=5, sd=0.04))
    walk = walked(np.round(values, 3))
    assert [abs(s.step.at - 400) <= 3 for s in walk.confirmed] == [True]


@pytest.mark.parametrize("begin", [168, 251])
def test_a_series_that_began_in_the_window_may_step(begin: int) -> None:
    """What is not there yet neither looks calm nor makes the rest look wild."""
    log = correlated(10, CELLS, seed=6, sd=0.028) + daily(CELLS) + 0.2 * LATE
    log[:, :begin] = np.nan
    assert sorted(s.series for s in walked(np.exp(log)).confirmed) == list(range(10))
    calm = correlated(20, CELLS, seed=7, sd=0.028) + daily(CELLS)
    calm[:, :begin] = np.nan
    assert walked(np.exp(calm)).confirmed == []


def test_a_long_gap_is_no_calm_either() -> None:
    log = correlated(10, CELLS, seed=8, sd=0.028) + 0.2 * LATE
    log[:, 220:330] = np.nan
    assert sorted(s.series for s in walked(np.exp(log)).confirmed) == list(range(10))


@pytest.mark.parametrize("width", [300.0, 1800.0, 7200.0])
def test_cells_of_any_width_and_a_day_in_them_are_no_change(width: float) -> None:
    """Of cells of five minutes the window is a day and a bit: the morning is no ramp."""
    turns = 2.0 * np.pi * np.arange(CELLS) * width / 86_400.0
    log = correlated(6, CELLS, seed=9) + 0.05 * np.sin(turns + np.arange(6)[:, None])
    walk = Walk(Levels(np.exp(log), MONDAY, width, SETTINGS), SETTINGS)
    look_from(walk, CELLS, every=24)
    assert walk.confirmed == []
    assert walk.trends == {}


@pytest.mark.parametrize("width", [300.0, 7200.0])
def test_cells_of_any_width_may_step(width: float) -> None:
    log = correlated(4, CELLS, seed=10) + 0.1 * LATE
    walk = Walk(Levels(np.exp(log), MONDAY, width, SETTINGS), SETTINGS)
    look_from(walk, CELLS)
    assert sorted(seen.series for seen in walk.confirmed) == [0, 1, 2, 3]


def test_constant_series_are_quiet() -> None:
    for level in (1e-9, 0.25, 3.0, 1e12):
        assert walked(np.full(CELLS, level)).tracks == {}
