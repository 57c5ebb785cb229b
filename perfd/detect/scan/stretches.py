"""The exact best way to cut a series into levels and lines, for a given toll on each.

The last stretch of the best cut of the first n cells begins where the best cut of the cells before
it, which is known by then, ends (Bellman 1961; Jackson and others 2005): the square of the cells.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stretches:
    """Between neighbouring `bounds`: mean and slope (0 of a level); and what they leave."""

    bounds: tuple[int, ...]
    means: tuple[float, ...]
    slopes: tuple[float, ...]
    error: Array

    @property
    def parameters(self) -> int:
        """Levels, slopes and places of cuts."""
        lines = sum(slope != 0.0 for slope in self.slopes)
        return 2 * len(self.means) - 1 + lines


def cut(y: Array, least: int, toll: float, slope_toll: float) -> Stretches:
    """Stretches of at least `least` cells; each cut costs `toll`, each slope `slope_toll`."""
    sums = _Sums(y)
    best = np.full(len(y) + 1, np.inf)
    best[0] = -toll
    last = np.zeros(len(y) + 1, dtype=np.int64)
    for end in range(least, len(y) + 1):
        level, gain = sums.fits(end - least + 1, end)
        total = best[: end - least + 1] + level - np.maximum(gain - slope_toll, 0.0)
        last[end] = np.argmin(total)
        best[end] = total[last[end]] + toll
    return _stretches(y, _bounds(last), slope_toll)


class _Sums:
    """Running sums, from which any stretch's errors follow."""

    def __init__(self, y: Array) -> None:
        cells = np.arange(len(y)) - len(y) / 2.0
        self._t, self._tt, self._y, self._yy, self._ty = (
            np.concatenate([[0.0], np.cumsum(x)])
            for x in (cells, cells * cells, y, y * y, cells * y)
        )

    def fits(self, starts: int, end: int) -> tuple[Array, Array]:
        """Squared error about a level of the cells from 0, 1, … up to `end`, and a line's gain."""
        number = end - np.arange(starts)
        t, tt, y, yy, ty = (
            sums[end] - sums[:starts] for sums in (self._t, self._tt, self._y, self._yy, self._ty)
        )
        level = yy - y * y / number
        room = np.maximum(tt - t * t / number, 1e-9)
        return level, (ty - t * y / number) ** 2 / room


def _bounds(last: NDArray[np.int64]) -> list[int]:
    bounds = [len(last) - 1]
    while bounds[-1] > 0:
        bounds.append(int(last[bounds[-1]]))
    return bounds[::-1]


def _stretches(y: Array, bounds: list[int], slope_toll: float) -> Stretches:
    error = np.empty_like(y)
    means, slopes = [], []
    for first, end in itertools.pairwise(bounds):
        mean, slope, error[first:end] = _fitted(y[first:end], slope_toll)
        means.append(mean)
        slopes.append(slope)
    return Stretches(tuple(bounds), tuple(means), tuple(slopes), error)


def _fitted(y: Array, slope_toll: float) -> tuple[float, float, Array]:
    """Mean, slope where it pays, and what is left."""
    mean = float(y.mean())
    cells = np.arange(len(y)) - (len(y) - 1) / 2.0
    room = max(float(cells @ cells), 1e-9)
    slope = float(cells @ (y - mean)) / room
    if slope * slope * room <= slope_toll:
        slope = 0.0
    return mean, slope, y - mean - slope * cells
