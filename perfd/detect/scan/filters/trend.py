"""Trend: a ramp is not a step. A step must fit better than every ramp of two days and longer.

Both are compared by how much they take from the squared error, in units of the long-run variance;
twice a log-likelihood ratio. A ramp has one parameter more than a step (its length) and may win by
chance, a line through the whole window has one fewer.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from perfd.detect.scan.suspect import Array, Suspect
from perfd.model.finding import Check

NAME = "trend"
LENGTHS = (48, 96, 168, 252, 336)  # cells
SHORTEST = 12  # cells of a ramp that must be seen
EVERY = 4  # cells between the starts that are tried
RAMP_MARGIN = 4.0  # what the best of many ramps may gain by chance
LINE_MARGIN = 3.0


def check(suspect: Suspect) -> Check:
    """The step's gain against that of the best ramp and of the line."""
    told = np.flatnonzero(suspect.weights > 0.0)
    x = suspect.x[told] - suspect.x[told].mean()
    unit = suspect.noise**2
    step = _gains(x, (told >= suspect.at).astype(float)[None])[0] / unit
    line = _gains(x, told.astype(float)[None])[0] / unit
    ramp = _gains(x, _ramps(told)).max() / unit
    passed = step > line + LINE_MARGIN and step > ramp - RAMP_MARGIN
    verdict = f"a step explains {step:.0f}, the best ramp {ramp:.0f}, a line {line:.0f}"
    inputs: dict[str, float | int | str] = {"step": step, "ramp": float(ramp), "line": line}
    return Check(NAME, bool(passed), verdict, inputs)


def doubtful(verdict: Check) -> bool:
    """Whether a ramp fits nearly as well as the step that passed: time will tell."""
    return float(verdict.inputs["ramp"]) > float(verdict.inputs["step"]) - RAMP_MARGIN


def _ramps(told: NDArray[np.int64]) -> Array:
    """Templates (ramps, cells) that rise from 0 to 1 somewhere inside."""
    first, last = told[0], told[-1]
    rows = [
        np.clip((told - start) / length, 0.0, 1.0)
        for length in LENGTHS
        for start in range(first - length // 2, last - SHORTEST, EVERY)
    ]
    return np.array(rows)


def _gains(x: Array, templates: Array) -> Array:
    """What each template takes from the squared error of `x`, which has mean 0."""
    centred = templates - templates.mean(axis=1, keepdims=True)
    gains: Array = (centred @ x) ** 2 / np.maximum((centred**2).sum(axis=1), 1e-12)
    return gains
