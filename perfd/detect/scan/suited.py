"""Which series a test of levels is for, and how finely a series is told.

The test works on logarithms: it knows no 0, and counts of a few are no level. What has these needs
k of n, and the count test of shares. A value told in whole milliseconds is a level, but no finer
than its resolution.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from perfd.detect.scan.settings import ScanSettings

Array = NDArray[np.float64]

ZEROS = 0.1  # of the cells with a value
FEW = 10.0  # whole numbers around less than this are counts
ALIKE = 1e-9  # of the level: what is nearer is the same number


def unsuited(values: Array, settings: ScanSettings) -> dict[int, str]:
    """Row and reason for every series (series, cells) that is not judged; NaN is missing."""
    known = np.isfinite(values)
    told = known.sum(axis=1)
    reasons = {}
    for i in np.flatnonzero(told < settings.fewest):
        reasons[int(i)] = f"{told[i]} cells with a value; {settings.fewest} needed"
    for i in np.flatnonzero(counting(values)):
        reasons.setdefault(int(i), "counts or mostly zero: needs k of n, and the count test")
    return reasons


def counting(values: Array) -> NDArray[np.bool_]:
    """Which rows are 0 or below in over a tenth of their cells, or small whole numbers."""
    known = np.isfinite(values)
    told = np.maximum(known.sum(axis=1), 1)
    there = np.where(known, values, 0.0)
    zeros = (known & (values <= 0.0)).sum(axis=1) > ZEROS * told
    whole = (there == np.floor(there)).all(axis=1) & known.any(axis=1)
    mean = there.sum(axis=1) / told
    counts = whole & (mean < FEW) & (there.max(axis=1) > there.min(axis=1, initial=np.inf))
    flagged: NDArray[np.bool_] = zeros | counts
    return flagged


def resolution(y: Array) -> Array:
    """The least difference between two values of each row of logarithms `y` that has no gaps."""
    gaps = np.diff(np.sort(y, axis=1), axis=1)
    least: Array = np.where(gaps > ALIKE, gaps, np.inf).min(axis=1)
    return np.where(np.isfinite(least), least, 0.0)
