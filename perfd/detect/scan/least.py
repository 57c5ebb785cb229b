"""The smallest step that a series would have shown, from its own noise."""

from __future__ import annotations

import math

from perfd.detect.scan.settings import ScanSettings
from perfd.detect.scan.tails import scan_bound
from perfd.detect.tails import normal_quantile

POWER = 0.9
DAY = 24  # cells


def least_step(noise: float, cells: int, settings: ScanSettings, after: int = DAY) -> float:
    """The shift (log scale; of a rate relative to its mean) beyond chance nine times in ten.

    `noise` is the long-run standard deviation of a cell, of `cells` that count the last `after` are
    at the new level: (b + z) s sqrt(1/L + 1/R), b being where the look-elsewhere p is `alpha`.
    Filters are not in it; the self-test, which asks them all, finds somewhat larger ones.
    """
    after = min(max(after, settings.least), max(cells // 2, 1))
    before = max(cells - after, 1)
    reach = scan_bound(settings.alpha, min(settings.least / max(cells, 1), 0.5))
    error = noise * math.sqrt(1.0 / before + 1.0 / after)
    return max((reach + normal_quantile(POWER)) * error, math.log1p(settings.floor))
