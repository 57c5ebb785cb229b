"""A whole history cut into levels and lines."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from perfd.detect.scan.segments import Cutting, segments
from perfd.detect.scan.stretches import cut

HOUR = 3600.0
HISTORIES = 6


def noise(cells: int, seed: int, correlation: float = 0.0) -> np.ndarray:
    draw = np.random.default_rng(seed)
    x = draw.standard_normal(cells)
    for at in range(1, cells):
        x[at] = correlation * x[at - 1] + np.sqrt(1.0 - correlation**2) * x[at]
    return x


def firsts(x: np.ndarray) -> list[int]:
    return [segment.first for segment in segments(x, 0.0, HOUR)[1:]]


def test_an_unchanged_history_is_one_level() -> None:
    wrong = sum(bool(firsts(noise(240, seed))) for seed in range(HISTORIES))
    assert wrong == 0  # alpha is 1 in 1,000


def test_correlated_noise_is_not_cut_either() -> None:
    wrong = sum(bool(firsts(noise(240, seed, 0.6))) for seed in range(HISTORIES))
    assert wrong == 0


def test_several_steps_are_all_found_and_their_levels() -> None:
    x = 0.3 * noise(300, 1)
    x[80:] += 3.0
    x[120:] -= 3.0
    x[200:] += 6.0
    found = segments(x, 0.0, HOUR)
    assert [s.first for s in found] == pytest.approx([0, 80, 120, 200], abs=1)
    assert [s.mean for s in found] == pytest.approx([0.0, 3.0, 0.0, 6.0], abs=0.2)
    assert [s.slope for s in found] == [0.0, 0.0, 0.0, 0.0]


def test_a_ramp_is_one_stretch_with_a_slope() -> None:
    x = 0.3 * noise(300, 2)
    x[100:200] += np.linspace(0.0, 8.0, 100)
    x[200:] += 8.0
    found = segments(x, 0.0, HOUR)
    assert [s.first for s in found] == pytest.approx([0, 100, 200], abs=8)
    assert found[1].slope == pytest.approx(0.08, rel=0.1)
    assert found[0].slope == found[2].slope == 0.0


def test_spikes_and_a_daily_season_cut_nothing() -> None:
    x = 0.3 * noise(336, 3) + np.sin(2.0 * np.pi * np.arange(336) / 24.0)
    x[[40, 41, 150, 290]] += 10.0
    assert firsts(x) == []
    x[200:] += 2.0
    assert firsts(x) == pytest.approx([200], abs=1)


def test_a_history_of_two_modes_is_not_cut() -> None:
    draw = np.random.default_rng(9)
    x = 10.0 * (draw.random(220) < 0.5) + 0.1 * noise(220, 9)
    assert firsts(x) == []


def test_gaps_keep_their_place() -> None:
    x = 0.2 * noise(200, 4)
    x[120:] += 3.0
    x[60:90] = np.nan
    assert firsts(x) == pytest.approx([120], abs=1)


def test_a_long_history_is_cut_on_means() -> None:
    x = 0.5 * noise(3_200, 5)
    x[1_000:] += 2.0
    assert firsts(x) == pytest.approx([1_000], abs=4)


@pytest.mark.parametrize("x", [[], [1.0], [1.0, np.nan, 2.0]])
def test_too_little_to_cut(x: list[float]) -> None:
    assert segments(np.array(x), 0.0, HOUR) == []


@pytest.mark.parametrize("cells", [3, 4, 7, 60])
def test_a_constant_history_is_one_level(cells: int) -> None:
    (only,) = segments(np.full(cells, 5.0), 0.0, HOUR)
    assert (only.first, only.end, only.slope) == (0, cells, 0.0)
    assert only.mean == pytest.approx(5.0)


@given(arrays(float, st.integers(3, 80), elements=st.floats(-1e6, 1e6)))
def test_any_history_is_covered_without_overlap(x: np.ndarray) -> None:
    found = segments(x, 0.0, HOUR)
    assert [0, *(s.end for s in found)] == [*(s.first for s in found), len(x)]
    assert all(np.isfinite([s.mean, s.slope]).all() for s in found)


@given(st.integers(0, 10_000), st.integers(12, 24))
def test_the_cut_is_the_best_of_all(seed: int, cells: int) -> None:
    """Against every way to cut once or not at all, at a toll that allows no second cut."""
    y = noise(cells, seed)
    y[cells // 2 :] += 2.0
    least, toll = 4, 0.4 * float(((y - y.mean()) ** 2).sum())

    def left(part: np.ndarray) -> float:
        return float(((part - part.mean()) ** 2).sum())

    once = [left(y[:at]) + left(y[at:]) + toll for at in range(least, cells - least + 1)]
    found = cut(y, least, toll, 1e9)
    paid = float(found.error @ found.error) + toll * (len(found.means) - 1)
    assert paid <= min([left(y), *once]) + 1e-9


def test_a_finer_cutting_finds_more() -> None:
    x = 0.5 * noise(200, 6)
    x[100:] += 0.35
    fine, coarse = Cutting(alpha=0.2), Cutting(alpha=1e-9)
    assert len(segments(x, 0.0, HOUR, fine)) >= len(segments(x, 0.0, HOUR, coarse)) == 1
