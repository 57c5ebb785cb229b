"""What one would write first; each must find what is not there."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from perfd.detect.scan.cusum import best_split
from perfd.detect.scan.settings import ScanSettings
from perfd.detect.scan.tails import scan_tail
from perfd.detect.tails import normal_quantile

Array = NDArray[np.float64]

SETTINGS = ScanSettings()
RECENT = 24  # cells
WELCH = 1e-3  # what one would choose; the other control gets the scan's own


def welch(x: Array) -> NDArray[np.bool_]:
    """The last day against the days before, cells taken for independent."""
    old, new = x[:, :-RECENT], x[:, -RECENT:]
    error = old.var(axis=1, ddof=1) / old.shape[1] + new.var(axis=1, ddof=1) / RECENT
    z = np.abs(new.mean(axis=1) - old.mean(axis=1)) / np.sqrt(error)
    return np.asarray(z > -normal_quantile(WELCH / 2.0))


def plain_cusum(x: Array) -> NDArray[np.bool_]:
    """The best split, cells taken for independent."""
    split = best_split(x, np.ones_like(x), SETTINGS.least)
    b = np.abs(split.gain) / split.error.std(axis=1)
    return np.asarray(scan_tail(b, split.edge) < SETTINGS.alpha)


Test = Callable[[Array], NDArray[np.bool_]]

CONTROLS: dict[str, Test] = {"the last day by Welch's test": welch, "a plain CUSUM": plain_cusum}


def alarms(values: Array, ends: Iterable[int], test: Test) -> int:
    """How often the test begins to fire; as long as it does, that is one."""
    count, firing = 0, np.zeros(len(values), dtype=bool)
    for end in ends:
        fires = test(np.log(values[:, end - SETTINGS.window : end]))
        count += int((fires & ~firing).sum())
        firing = fires
    return count
