"""The smallest step, computed from the noise, is where the test itself begins to see steps."""

from __future__ import annotations

import numpy as np
import pytest

from perfd.detect.scan.cusum import best_split
from perfd.detect.scan.least import least_step
from perfd.detect.scan.tails import scan_tail
from tests.detect.scan.scanned import SETTINGS


def power(shift: float, noise: float, cells: int, after: int) -> float:
    """How often white noise with a step is beyond chance."""
    draw = np.random.default_rng(3)
    x = noise * draw.standard_normal((2_000, cells))
    x[:, cells - after :] += shift
    split = best_split(x, np.ones_like(x), SETTINGS.least)
    return float((scan_tail(np.abs(split.gain) / noise, split.edge) < SETTINGS.alpha).mean())


@pytest.mark.parametrize(("noise", "cells", "after"), [(0.03, 336, 24), (0.1, 168, 24)])
def test_the_step_is_seen_nine_times_in_ten(noise: float, cells: int, after: int) -> None:
    least = least_step(noise, cells, SETTINGS, after)
    assert 0.88 < power(least, noise, cells, after) < 0.96
    assert power(0.7 * least, noise, cells, after) < 0.5


def test_no_step_is_smaller_than_the_floor() -> None:
    assert least_step(1e-6, 336, SETTINGS) == pytest.approx(np.log1p(SETTINGS.floor))


def test_more_noise_and_less_time_hide_more() -> None:
    assert least_step(0.02, 336, SETTINGS) < least_step(0.04, 336, SETTINGS)
    assert least_step(0.02, 336, SETTINGS, 24) < least_step(0.02, 336, SETTINGS, 10)
