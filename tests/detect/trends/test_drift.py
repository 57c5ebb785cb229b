"""Slow drift, and what a step, a weekend or a wander has of it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from perfd.detect.trends.drift import Drift, drifts, short

CELLS = 336
HOURS = np.arange(float(CELLS))
MONDAY = 4 * 86_400.0  # 1970-01-05


def look(moves: np.ndarray, seed: int = 1, sd: float = 0.01) -> Drift:
    draw = np.random.default_rng(seed)
    day = 0.05 * np.sin(2.0 * math.pi * HOURS / 24.0)
    found = drifts((moves + day + sd * draw.standard_normal(CELLS))[None], MONDAY, 3600.0, 0.0, 168)
    assert len(found) == 1
    return found[0]


def test_a_ramp_and_its_slope() -> None:
    found = look(0.05 * HOURS / 168.0)
    assert found.passed, found.checks[-1]
    low, high = found.ci
    assert low <= math.expm1(0.05) <= high
    assert high - low < 0.03


@pytest.mark.parametrize("at", [60, 168, 280])
def test_a_step_is_no_drift(at: int) -> None:
    assert not look(np.where(at <= HOURS, 0.2, 0.0)).passed


def test_two_steps_are_no_drift() -> None:
    assert not look(0.1 * (HOURS >= 100) + 0.1 * (HOURS >= 230)).passed


def test_weekends_are_no_drift() -> None:
    assert not look(np.where((HOURS // 24) % 7 >= 5, 0.2, 0.0)).passed


def test_a_fall_is_no_drift() -> None:
    assert not look(-0.05 * HOURS / 168.0).passed


def test_the_floor() -> None:
    draw = np.random.default_rng(2)
    x = (0.05 * HOURS / 168.0 + 0.005 * draw.standard_normal(CELLS))[None]
    (found,) = drifts(x, MONDAY, 3600.0, 0.10, 168)
    assert (found.checks[-1].name, found.checks[-1].passed) == ("effect floor", False)


def test_what_is_too_short() -> None:
    x = np.zeros((3, CELLS))
    x[1, :250] = np.nan
    x[2, ::3] = np.nan
    assert short(x, 168).tolist() == [False, True, True]
    assert drifts(x[1:], MONDAY, 3600.0, 0.0, 168) == []


def test_gaps_and_spikes() -> None:
    draw = np.random.default_rng(3)
    x = 0.06 * HOURS / 168.0 + 0.01 * draw.standard_normal(CELLS)
    x[draw.integers(0, CELLS, 20)] = np.nan
    x[draw.integers(0, CELLS, 8)] += 1.0
    (found,) = drifts(x[None], MONDAY, 3600.0, 0.0, 168)
    assert found.passed, found.checks[-1]
