"""One series in which the scan found a step: what the filters look at."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perfd.detect.scan.settings import ScanSettings
from perfd.detect.tails import NORMAL_95

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Suspect:
    """Arrays hold one number a cell of the whole window; logarithms where the scan works on these.

    `measured` has its gaps filled, `season` is what was taken
    out of it, `x` is without season and spikes. Cells of weight 0 do not count:
    missing, or before an older change; `known` are the cells since the last confirmed one. `at` is
    the first cell of the new level, `noise` the long-run standard deviation of a cell, `p` includes
    the look-elsewhere effect.
    """

    x: Array
    season: Array
    measured: Array
    weights: Array
    known: Array
    at: int
    shift: float
    noise: float
    p: float
    design: Array  # columns of the season
    weekend: NDArray[np.bool_]
    settings: ScanSettings
    quantum: float = 0.0  # noise of a cell that there is at least
    told: NDArray[np.bool_] | None = None  # cells with a value, spikes too; None: all
    logarithmic: bool = True  # else rates, relative to their mean

    @property
    def before(self) -> NDArray[np.bool_]:
        """Cells of the baseline."""
        return (self.weights > 0.0) & (np.arange(len(self.x)) < self.at)

    @property
    def after(self) -> NDArray[np.bool_]:
        """Cells of the new level."""
        return (self.weights > 0.0) & (np.arange(len(self.x)) >= self.at)

    @property
    def error(self) -> float:
        """Standard error of the shift."""
        return self.noise * float(np.sqrt(1.0 / self.before.sum() + 1.0 / self.after.sum()))

    @property
    def deviation(self) -> float:
        """Standard deviation of a cell around the two levels."""
        x, before, after = self.x, self.before, self.after
        error = np.concatenate([x[before] - x[before].mean(), x[after] - x[after].mean()])
        return float(np.sqrt((error @ error) / max(len(error) - 2.0, 1.0)))

    @property
    def interval(self) -> tuple[float, float]:
        """Of the shift, 95 %."""
        return self.shift - NORMAL_95 * self.error, self.shift + NORMAL_95 * self.error

    @property
    def percent(self) -> str:
        """The change in words."""
        return f"{math.expm1(self.shift) if self.logarithmic else self.shift:+.1%}"

    @property
    def size(self) -> float:
        """The shift, whichever its direction."""
        return abs(self.shift)

    def upward(self, values: Array) -> Array:
        """`values` turned so that the shift is upward."""
        return values if self.shift > 0.0 else -values
