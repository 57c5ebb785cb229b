"""Composition: shares add up to one, so a function that got cheaper raises all others.

Most functions do not change: the median of their shifts is what the whole did to the parts. What
is left of a rise beside it is the function's own. Where CPU per request is known, it must not
contradict: share times CPU per request is what the function costs a request.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from perfd.detect.functions.rise import Rise, Usual
from perfd.detect.tails import MAD_TO_SD
from perfd.detect.wording import percent
from perfd.model.finding import Check

Array = NDArray[np.float64]

NAME = "composition"
KEPT = 0.5  # of the rise
DEVIATIONS = 2.0
FEWEST = 10  # functions, of whose shifts a median says something
SAMPLES = 50  # on both sides, for a function to be one of them
MEDIAN_ERROR = 1.2533  # of a median, in those of a mean


def usual(k: Array, n: Array, at: int) -> Usual | None:
    """Of self samples `k` (functions, cells) in `n` (cells); None of too few functions."""
    told = np.isfinite(k)
    counts = np.where(told, k, 0.0)
    k0, k1 = counts[:, :at].sum(axis=1), counts[:, at:].sum(axis=1)
    known = (k0 >= SAMPLES) & (k1 >= SAMPLES)
    if int(known.sum()) < FEWEST:
        return None
    sizes = float(np.nansum(n[:at])), float(np.nansum(n[at:]))
    shifts = np.log(k1[known] / sizes[1]) - np.log(k0[known] / sizes[0])
    middle = float(np.median(shifts))
    spread = MAD_TO_SD * float(np.median(np.abs(shifts - middle)))
    number = int(known.sum())
    return Usual(middle, MEDIAN_ERROR * spread / math.sqrt(number), number)


def check(rise: Rise) -> Check:
    """Half of the rise, and beyond doubt, is the function's own."""
    shift = rise.counts.shift
    inputs: dict[str, float | int | str] = {"shift": shift}
    dearer = _dearer(rise, inputs)
    if dearer is False:
        return Check(NAME, False, f"its cost per request did not rise{_costs(rise)}", inputs)
    if rise.usual is None:
        verdict = "too few functions to tell its rise from the fall of others"
        return Check(NAME, dearer is True, verdict if dearer is None else _told(rise), inputs)
    own = shift - rise.usual.shift
    error = math.hypot(rise.counts.shift_error, rise.usual.error)
    inputs |= {"usual": rise.usual.shift, "own": own, "error": error}
    passed = own >= KEPT * shift and own > DEVIATIONS * error
    others = f"most others {percent(math.expm1(rise.usual.shift))}"
    return Check(NAME, passed, f"{_told(rise)}; {others}{_costs(rise)}", inputs)


def _dearer(rise: Rise, inputs: dict[str, float | int | str]) -> bool | None:
    """Whether a request costs more of it for sure; None where that is not known."""
    if rise.cost is None:
        return None
    own = rise.counts.shift + math.log(rise.cost.after / rise.cost.before)
    error = math.hypot(rise.counts.shift_error, rise.cost.error)
    inputs |= {"cost": own, "cost_error": error}
    if own + DEVIATIONS * error < KEPT * rise.counts.shift:
        return False
    return True if own - DEVIATIONS * error > 0.0 else None


def _told(rise: Rise) -> str:
    return f"its share {percent(math.expm1(rise.counts.shift))}"


def _costs(rise: Rise) -> str:
    if rise.cost is None:
        return ""
    old = rise.counts.before * rise.cost.before
    new = rise.counts.after * rise.cost.after
    return f"; {1e6 * old:.3g} → {1e6 * new:.3g} µs of CPU per request"
