"""Season re-test: the step beside the day's shape and the weekend's level, all fitted at once."""

from __future__ import annotations

import numpy as np

from perfd.detect.scan.suspect import Array, Suspect
from perfd.model.finding import Check

NAME = "season"
KEPT = 0.5  # of the shift
DEVIATIONS = 3.0


def check(suspect: Suspect) -> Check:
    """The step keeps half of its size, and stays beyond doubt."""
    told = suspect.weights > 0.0
    step = (np.arange(len(suspect.x)) >= suspect.at).astype(float)
    others = np.column_stack([np.ones_like(step), suspect.weekend, suspect.design])[told]
    alone = _without(step[told], others)
    room = float(alone @ alone)
    if room < 1.0:  # of a cell: nothing of the step is its own
        return Check(NAME, False, "a step cannot be told from a weekend yet", {"room": room})
    kept = float(alone @ (suspect.x + suspect.season)[told]) / room
    kept = kept if suspect.shift > 0.0 else -kept
    error = suspect.noise / np.sqrt(room)
    passed = kept >= KEPT * suspect.size and kept > DEVIATIONS * error
    verdict = f"{kept / suspect.size:.0%} of it is left beside day and weekend"
    return Check(NAME, bool(passed), verdict, {"kept": kept, "error": float(error)})


def _without(column: Array, others: Array) -> Array:
    """The part of a column that the others do not explain."""
    weights, *_ = np.linalg.lstsq(others, column, rcond=None)
    return column - others @ weights
