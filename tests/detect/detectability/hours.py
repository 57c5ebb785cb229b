"""Hours of series in which nothing changes, for the tests of the self-test."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from perfd.detect.detectability.copies import CopiedLevels, CopiedRates
from perfd.detect.detectability.trials import Bench
from perfd.detect.scan.settings import ScanSettings

Array = NDArray[np.float64]

MONDAY = 345_600.0
HOUR = 3600.0
CELLS = 336
SETTINGS = ScanSettings()


def bench(seed: int = 1, copies: int = 20, **changed: float) -> Bench:
    return Bench(ScanSettings(**changed), np.random.default_rng(seed), copies=copies)


def noisy(series: int, sd: float, seed: int, cells: int = CELLS) -> CopiedLevels:
    """Independent hours with a daily wave of 10 %."""
    draw = np.random.default_rng(seed)
    wave = 0.1 * np.sin(2.0 * np.pi * np.arange(cells) / 24.0)
    values = 0.1 * np.exp(wave + sd * draw.standard_normal((series, cells)))
    return CopiedLevels(values, MONDAY, HOUR)


def failing(series: int, requests: int, rate: float, seed: int) -> CopiedRates:
    """So many requests an hour, of which a part fails."""
    draw = np.random.default_rng(seed)
    n = draw.poisson(requests, (series, CELLS))
    k = draw.binomial(n, rate).astype(float)
    return CopiedRates(k, n.astype(float), MONDAY, HOUR, np.random.default_rng(seed + 1))
