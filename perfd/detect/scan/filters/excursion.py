"""Excursions: a series that comes and goes by itself has to stay for longer before it is a change.

Looked at is what was measured, also what the test left out as spikes and transients.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from perfd.detect.scan.suspect import Suspect
from perfd.detect.tails import MAD_TO_SD
from perfd.model.finding import Check

NAME = "excursion"
REACHED = 0.5  # of the shift
FAR = 2.0  # times the shift: what went further is something else
DEVIATIONS = 3.5  # robust ones, that an excursion is away at least
TIMES = 8  # the longest excursion


def check(suspect: Suspect) -> Check:
    """The new level outlasts eight times the longest excursion to about as far."""
    level = suspect.upward(suspect.measured - suspect.season)
    usual = float(np.median(level[suspect.before]))
    spread = MAD_TO_SD * float(np.median(np.abs(level[suspect.before] - usual)))
    away = level - usual >= max(REACHED * suspect.size, DEVIATIONS * spread)
    away &= level - usual <= FAR * suspect.size
    if suspect.told is not None:
        away &= suspect.told
    begin = int(np.flatnonzero(suspect.known)[0])
    longest = _longest(away[begin : suspect.at])
    lasts = len(level) - suspect.at
    verdict = f"it lasts for {lasts} cells; the longest excursion before was one of {longest}"
    inputs: dict[str, float | int | str] = {"cells": lasts, "longest": longest}
    return Check(NAME, lasts >= TIMES * longest, verdict, inputs)


def _longest(away: NDArray[np.bool_]) -> int:
    """The longest run; one cell in between ends none."""
    padded = np.concatenate([[False], away, [False]])
    padded[1:-1] |= padded[:-2] & padded[2:]
    turns = np.flatnonzero(padded[1:] != padded[:-1])
    return int((turns[1::2] - turns[::2]).max(initial=0))
