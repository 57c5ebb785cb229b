"""Histories for the tests of the scan: what is in them is said where they are made."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from perfd.detect.scan.levels import Levels
from perfd.detect.scan.settings import ScanSettings
from perfd.detect.scan.walk import Walk, ends

Array = NDArray[np.float64]

HOUR = 3600.0
MONDAY = 345_600.0
SETTINGS = ScanSettings()
FIRST = 240  # cells


def correlated(series: int, cells: int, seed: int, sd: float = 0.01, phi: float = 0.6) -> Array:
    """AR(1) logarithms around 0, (series, cells)."""
    draw = np.random.default_rng(seed)
    x = draw.standard_normal((series, cells)) * sd
    x[:, 1:] *= np.sqrt(1.0 - phi * phi)
    for at in range(1, cells):
        x[:, at] += phi * x[:, at - 1]
    return x


def daily(cells: int, size: float = 0.05) -> Array:
    """A sine of a day."""
    return size * np.sin(2.0 * np.pi * np.arange(cells) / 24.0)


def walked(log: Array, every: int = 6, **changed: object) -> Walk:
    """All evaluations of the exponential of these logarithms."""
    settings = ScanSettings(**changed)  # type: ignore[arg-type]
    walk = Walk(Levels(np.exp(log), MONDAY, HOUR, settings), settings)
    look_from(walk, log.shape[1], every, settings)
    return walk


def look_from(walk: Walk, cells: int, every: int = 6, settings: ScanSettings = SETTINGS) -> None:
    """The evaluations after the first ten days."""
    for end in ends(cells, every, settings, whole=True):
        if end >= FIRST:
            walk.look(end)
