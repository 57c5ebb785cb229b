"""What is full, what will be and when, and what is so every day."""

from __future__ import annotations

import math

import numpy as np
import pytest

from perfd.detect.trends.saturation import Forecast, filling, full, peaking

HOURS = np.arange(168.0)
HORIZON = 14 * 24.0


def fill(parts: np.ndarray) -> Forecast:
    return filling(parts, parts, 24, HORIZON)


def passed(recent: np.ndarray, hours: np.ndarray) -> bool:
    return all(check.passed for check in full(recent, hours, 0.9))


def test_full_for_an_hour() -> None:
    hours = np.full(48, 0.5)
    hours[-1] = 0.95
    assert passed(np.full(12, 0.95), hours)
    assert not passed(np.array([0.95] * 11 + [0.7]), hours)


def test_full_every_night() -> None:
    hours = np.where(np.arange(97) % 24 == 0, 0.97, 0.3)
    checks = full(np.full(12, 0.97), hours, 0.9)
    assert (checks[-1].name, checks[-1].passed) == ("no habit", False)


def test_a_first_day_says_nothing() -> None:
    assert not passed(np.full(12, 0.97), np.full(20, 0.97))


def test_a_disk_that_fills() -> None:
    draw = np.random.default_rng(3)
    found = fill(0.3 + 0.003 * HOURS + 0.002 * draw.standard_normal(168))
    assert found.passed
    early, late = found.ci
    assert early <= (1.0 - 0.3 - 0.003 * 167) / 0.003 <= late
    assert late - early < 8.0


def test_a_disk_that_began_to_fill() -> None:
    draw = np.random.default_rng(6)
    begun = 0.3 + 0.006 * np.maximum(HOURS - 125.0, 0.0)
    found = fill(begun + 0.002 * draw.standard_normal(168))
    assert found.passed
    assert found.ci[0] <= (1.0 - begun[-1]) / 0.006 <= found.ci[1]


def test_a_disk_that_is_cleaned_up_now_and_then() -> None:
    draw = np.random.default_rng(7)
    teeth = 0.3 + 0.3 * ((HOURS + 30.0) / 66.0 % 1.0)
    assert not fill(teeth + 0.002 * draw.standard_normal(168)).passed


def test_a_disk_that_has_time() -> None:
    found = fill(0.1 + 0.0005 * HOURS)
    assert (found.checks[-2].name, found.checks[-2].passed) == ("near", False)


def test_a_disk_that_does_not_fill() -> None:
    draw = np.random.default_rng(4)
    found = fill(0.7 + 0.01 * draw.standard_normal(168))
    assert not found.passed


def peaks(daily: float, noise: float = 0.005) -> np.ndarray:
    draw = np.random.default_rng(5)
    day = 0.2 * np.maximum(np.sin(2.0 * math.pi * HOURS / 24.0), 0.0)
    return 0.4 + day + daily * np.floor(HOURS / 24.0) + noise * draw.standard_normal(168)


def test_peaks_that_rise() -> None:
    found = peaking(peaks(0.02), HORIZON)
    assert found.passed
    assert found.line.slope * 24.0 == pytest.approx(0.02, rel=0.15)
    early, late = found.ci
    assert early <= found.ahead <= late


@pytest.mark.parametrize("daily", [0.0, -0.02])
def test_peaks_of_a_season_alone(daily: float) -> None:
    assert not peaking(peaks(daily), HORIZON).passed


def test_peaks_of_a_few_days() -> None:
    found = peaking(peaks(0.02)[:100], HORIZON)
    assert [c.name for c in found.checks] == ["enough"]
