"""Went away: a change that is over by the last third of the time after is not there to be fixed."""

from __future__ import annotations

import math

import numpy as np

from perfd.detect.scan.suspect import Suspect
from perfd.model.finding import Check

NAME = "persistence"
KEPT = 0.5  # of the shift
DEVIATIONS = 2.0
LAST = 3  # cells
SLACK = 0.75  # long-run deviations that so few cells may be off


def check(suspect: Suspect) -> Check:
    """The last third keeps half of the shift, beyond doubt, and the last cells are not back.

    These are taken as they were measured: a median over a day learns late of a return.
    """
    cells = np.flatnonzero(suspect.after)
    third = cells[-max(len(cells) // 3, 1) :]
    late = float(suspect.x[third].mean() - suspect.x[suspect.before].mean())
    late = late if suspect.shift > 0.0 else -late
    error = suspect.noise / math.sqrt(len(third))
    last = _last(suspect)
    back = last < KEPT * suspect.size - SLACK * suspect.noise
    passed = not back and late >= KEPT * suspect.size and late > DEVIATIONS * error
    verdict = f"{late / suspect.size:.0%} of the change is left in the last {len(third)} cells"
    return Check(NAME, passed, verdict, {"late": late, "last": last, "error": error})


def _last(suspect: Suspect) -> float:
    """The median of the last cells, also of those that look like outliers, against the baseline."""
    level = suspect.upward(suspect.measured - suspect.season)
    return float(np.median(level[-LAST:]) - np.median(level[suspect.before]))
