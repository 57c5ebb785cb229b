"""Went away: a change that is over by the last third of the time after is not there to be fixed."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from perfd.detect.scan.suspect import Suspect
from perfd.model.finding import Check

NAME = "persistence"
KEPT = 0.5  # of the shift
DEVIATIONS = 2.0
LAST = 6  # cells


def check(suspect: Suspect) -> Check:
    """The last third keeps half of the shift, by itself beyond doubt, and the last cells do so too.

    The last cells are taken as they were measured: a median over a day learns late of a return.
    """
    cells = np.flatnonzero(suspect.after)
    third = cells[-max(len(cells) // 3, 1) :]
    late = float(suspect.x[third].mean() - suspect.x[suspect.before].mean())
    late = late if suspect.shift > 0.0 else -late
    error = suspect.noise / math.sqrt(len(third))
    last = _last(suspect, cells[-LAST:])
    kept = min(late, last) >= KEPT * suspect.size
    passed = bool(kept and late > DEVIATIONS * error)
    verdict = f"{late / suspect.size:.0%} of the change is left in the last {len(third)} cells"
    return Check(NAME, passed, verdict, {"late": late, "last": last, "error": error})


def _last(suspect: Suspect, cells: NDArray[np.int64]) -> float:
    """The median of the last cells, against the baseline."""
    level = suspect.upward(suspect.measured - suspect.season)
    return float(np.median(level[cells]) - np.median(level[suspect.before]))
