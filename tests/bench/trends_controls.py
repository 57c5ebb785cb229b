"""What others do: least squares with its own test, Coroot's rule for leaks, two corrections of S.

Coroot's rule (auditor/memory.go) in our words: since the last fall by half, with four fifths of the
samples, least squares must rise, its last quarter at 0.3 of the whole's slope or more, and what it
adds in an hour must be 5 % of the limit or 50 MB.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from perfd.detect.tails import student_tail

Array = NDArray[np.float64]

MB = 1e6


def least_squares(x: Array, part: float, alpha: float) -> bool:
    """A rise by `part` of the level over the series, with p < alpha as of independent points."""
    t = np.arange(float(len(x)))
    slope, level = np.polyfit(t, x, 1)
    rest = x - slope * t - level
    error = math.sqrt(float(rest @ rest) / (len(x) - 2.0) / float(((t - t.mean()) ** 2).sum()))
    rises = slope * len(x) >= part * level
    return bool(rises and (error == 0.0 or student_tail(slope / error, len(x) - 2.0) < alpha))


def coroot_leak(lows: Array, limit: float) -> bool:
    """See above; hours are what a sample is here."""
    falls = np.flatnonzero(lows[1:] < 0.5 * lows[:-1])
    x = lows[int(falls[-1]) + 1 if len(falls) else 0 :]
    if len(x) < 20:
        return False
    t = np.arange(float(len(x)))
    slope = float(np.polyfit(t, x, 1)[0])
    last = float(np.polyfit(t[-len(x) // 4 :], x[-len(x) // 4 :], 1)[0])
    return slope > 0.0 and last >= 0.3 * slope and slope >= min(0.05 * limit, 50.0 * MB)


def hamed_rao(residuals: Array) -> float:
    """n/n* by the significant lags of the ranks (Hamed and Rao 1998)."""
    n = len(residuals)
    ranks = np.argsort(np.argsort(residuals)).astype(float)
    lags = np.arange(1, n - 1)
    rho = _lags(ranks, n - 2)
    rho = np.where(np.abs(rho) > 1.96 / math.sqrt(n), rho, 0.0)
    sums = float(((n - lags) * (n - lags - 1.0) * (n - lags - 2.0) * rho).sum())
    return max(1.0 + 2.0 * sums / (n * (n - 1.0) * (n - 2.0)), 1e-3)


def yue_wang(residuals: Array) -> float:
    """n/n* by all lags (Yue and Wang 2004)."""
    n = len(residuals)
    rho = _lags(residuals, n - 1)
    return max(1.0 + 2.0 * float(((1.0 - np.arange(1, n) / n) * rho).sum()), 1e-3)


def _lags(x: Array, number: int) -> Array:
    centred = x - x.mean()
    square = float(centred @ centred)
    return np.array([float(centred[k:] @ centred[:-k]) / square for k in range(1, number + 1)])
