"""Went away: a change that is over by the last third of the time after is not there to be fixed."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from perfd.detect.scan.suspect import Suspect
from perfd.model.finding import Check

NAME = "persistence"
KEPT = 0.5  # of the shift
FADED = 0.25  # of the shift, from the first third to the last
FADING = 4.0  # standard errors of a third
DEVIATIONS = 2.0
LAST = (1, 3)  # cells at the end that may be back
BACK = 2.5  # deviations of a cell: below the new level for sure


def check(suspect: Suspect) -> Check:
    """The last third keeps half of the shift, beyond doubt, and the last cells are not back.

    Nor is it on its way back, from the first third to the last.

    The last cells are taken as they were measured: a median over a day learns late of a return.
    """
    cells = np.flatnonzero(suspect.after)
    third = cells[-max(len(cells) // 3, 1) :]
    late = float(suspect.x[third].mean() - suspect.x[suspect.before].mean())
    late = late if suspect.shift > 0.0 else -late
    error = suspect.noise / math.sqrt(len(third))
    last = _lasts(suspect)
    back = any(_back(level, suspect) for level in last)
    fading = _early(suspect, cells) - late > max(FADED * suspect.size, FADING * error)
    kept = late >= KEPT * suspect.size and late > DEVIATIONS * error
    passed = kept and not back and not fading
    verdict = f"{late / suspect.size:.0%} of the change is left in the last {len(third)} cells"
    if back:
        verdict = f"{min(last) / suspect.size:.0%} of the change is left in the last cells"
    return Check(NAME, passed, verdict, {"late": late, "last": min(last), "error": error})


def _early(suspect: Suspect, cells: NDArray[np.int64]) -> float:
    """The first third, turned upward."""
    third = cells[: max(len(cells) // 3, 1)]
    level = suspect.upward(suspect.x)
    return float(level[third].mean() - level[suspect.before].mean())


def _back(level: float, suspect: Suspect) -> bool:
    """Nearer to the old level, and further from the new one than cells are by chance."""
    return level < KEPT * suspect.size and level < suspect.size - BACK * suspect.deviation


def _lasts(suspect: Suspect) -> list[float]:
    """Medians of the last cells, also of what looks like outliers, against the baseline."""
    level = suspect.upward(suspect.measured - suspect.season)
    usual = np.median(level[suspect.before])
    return [float(np.median(level[-number:]) - usual) for number in LAST]
