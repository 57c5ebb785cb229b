"""The long-run standard deviation: that of a cell as if its neighbours said nothing new.

A mean over m correlated cells varies by s²/m with s² = sd² (1 + phi) / (1 - phi), not by sd²/m.
Beside this model stand means of half a day and a day, which need none; the largest counts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MOST = 0.95  # correlation
FEWEST_BATCHES = 5


def long_run(
    error: Array, weights: Array, quantum: float | Array, batches: tuple[int, ...]
) -> Array:
    """For each row of residuals, of which those of weight 0 do not count.

    `batches` are sizes in cells; `quantum` is the least standard deviation of a cell, in all rows
    or each.
    """
    told = weights.sum(axis=1)
    variance = (weights * error * error).sum(axis=1) / np.maximum(told - 2.0, 1.0)
    variance = np.maximum(variance, np.square(quantum))
    phi = correlation(error, weights, told)
    modelled = variance * (1.0 + phi) / (1.0 - phi)
    batched = [_batched(error, weights, size) for size in batches]
    spread: Array = np.sqrt(np.max([modelled, *batched], axis=0))
    return spread


def correlation(error: Array, weights: Array, told: Array) -> Array:
    """Of neighbours, with Kendall's correction for short series, between 0 and 0.95."""
    both = weights[:, 1:] * weights[:, :-1]
    product = (both * error[:, 1:] * error[:, :-1]).sum(axis=1)
    square = (both * error[:, 1:] ** 2).sum(axis=1) + (both * error[:, :-1] ** 2).sum(axis=1)
    phi = 2.0 * product / np.maximum(square, 1e-300)
    phi += (1.0 + 3.0 * phi) / np.maximum(told, 1.0)
    clipped: Array = np.clip(phi, 0.0, MOST)
    return clipped


def _batched(error: Array, weights: Array, size: int) -> Array:
    """`size` times the variance of the means of batches that are at least half full."""
    number = error.shape[1] // size
    if number < FEWEST_BATCHES:
        return np.zeros(len(error))
    tail = slice(error.shape[1] - number * size, None)
    w = weights[:, tail].reshape(-1, number, size).sum(axis=2)
    sums = (weights * error)[:, tail].reshape(-1, number, size).sum(axis=2)
    full = w >= size / 2.0
    many = full.sum(axis=1)
    square = np.where(full, sums * sums / np.maximum(w, 1.0), 0.0).sum(axis=1)
    return np.where(many >= FEWEST_BATCHES, square / np.maximum(many - 1.0, 1.0), 0.0)
