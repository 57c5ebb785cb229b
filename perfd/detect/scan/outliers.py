"""Spikes and transients: cells far from a running median, which follows a step without delay.

They are left out and not drawn in: of a transient of some hours even what is left after clipping
looks like a change of its own, and like noise for the whole window.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from perfd.detect.tails import MAD_TO_SD

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

DEVIATIONS = 3.5
ROWS = 200  # at once: the windows of a median are copied


def inlying(
    x: Array, width: int, least: int, quantum: float | Array, told: Mask | None = None
) -> Mask:
    """Which cells of `x` (series, cells) are within 3.5 robust deviations of the median around.

    Over `width` cells; what lasts for less than half of them is an outlier, unless it still lasts
    and has for nearly `least` cells: that may be a new level, too young for the median. `quantum`
    is the smallest deviation that any series, or each, is believed to have;
    `told` are the cells with a value, by default all.
    """
    if x.shape[1] <= 2 * width:
        return np.ones(x.shape, dtype=bool)
    error = np.abs(x - running_median(x, width))
    spread = MAD_TO_SD * _median(error, told)
    bound = DEVIATIONS * np.maximum(spread, quantum)[:, None]
    near: Mask = error <= bound
    former = np.median(x[:, -least - width : -least], axis=1)
    away = np.abs(x[:, -least:] - former[:, None]) > bound
    near[:, -(width // 2) :] |= (away.sum(axis=1) >= least - 1)[:, None]
    return near


def _median(error: Array, told: Mask | None) -> Array:
    """Of the cells with a value: what fills a gap does not vary and makes the rest look wild."""
    if told is None or told.all():
        return np.asarray(np.median(error, axis=1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a row of nothing
        median: Array = np.nanmedian(np.where(told, error, np.nan), axis=1)
    return np.nan_to_num(median)


def running_median(x: Array, width: int) -> Array:
    """Centred, of an odd width; at the edges over the part that exists."""
    half = width // 2
    median = np.empty_like(x)
    for row in range(0, len(x), ROWS):
        windows = sliding_window_view(x[row : row + ROWS], width, axis=1)
        median[row : row + ROWS, half:-half] = np.partition(windows, half, axis=-1)[..., half]
    for at in range(half):
        median[:, at] = np.median(x[:, : at + half + 1], axis=1)
        median[:, -1 - at] = np.median(x[:, -1 - at - half :], axis=1)
    return median
