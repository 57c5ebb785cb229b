"""Where a series splits best into two levels, for a block of series at once (Page 1954).

C(t) = sqrt(L R / (L + R)) (mean right - mean left), with L and R cells that count on either side.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Cells = NDArray[np.int64]


class Split(NamedTuple):
    """Per series: `at` is the first cell of the new level; `shift` is right less left.

    `gain` is C there, of the sign of the shift and in the unit of the values; `edge` is the part
    of the cells that had to be left on either side.
    """

    at: Cells
    gain: Array
    shift: Array
    edge: Array
    error: Array  # the residuals (series, cells)


def best_split(x: Array, weights: Array, least: int) -> Split:
    """The split of largest |C| with at least `least` counting cells on either side.

    `x` and `weights` (series, cells); a series without room for a split has a gain of 0.
    """
    gains, shifts = contrasts(x, weights, least)
    at = np.argmax(np.abs(gains), axis=1)
    rows = np.arange(len(x))
    told = weights.sum(axis=1)
    edge = np.minimum(least / np.maximum(told, 1.0), 0.5)
    return Split(at, gains[rows, at], shifts[rows, at], edge, _residuals(x, weights, at))


def contrasts(x: Array, weights: Array, least: int) -> tuple[Array, Array]:
    """C(t) and the shift for every t; 0 where a side is too short."""
    left = np.cumsum(weights, axis=1) - weights  # of the cells before t
    sums = np.cumsum(weights * x, axis=1) - weights * x
    all_weights = weights.sum(axis=1)[:, None]
    right = all_weights - left
    total = (weights * x).sum(axis=1)[:, None]
    room = (left >= least) & (right >= least)
    lower, upper = np.where(room, left, 1.0), np.where(room, right, 1.0)
    shift = np.where(room, (total - sums) / upper - sums / lower, 0.0)
    return shift * np.sqrt(lower * upper / np.maximum(all_weights, 1.0)), shift


def _residuals(x: Array, weights: Array, at: Cells) -> Array:
    """What is left of each series after its two levels."""
    after = np.arange(x.shape[1]) >= at[:, None]
    return x - np.where(after, _level(x, weights * after), _level(x, weights * ~after))


def _level(x: Array, weights: Array) -> Array:
    level: Array = (weights * x).sum(axis=1) / np.maximum(weights.sum(axis=1), 1e-9)
    return level[:, None]
