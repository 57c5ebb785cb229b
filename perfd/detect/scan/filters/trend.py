"""Trend: a ramp is not a step. A step must be more likely than all ramps of three days and longer.

Both are compared by how much they take from the squared error, in units of its variance: twice a
log-likelihood ratio. Of correlated noise that is its *innovations*, what a cell adds to what the
one before it said: a ramp adds a little in each cell and a step all at once, which tells them apart
days before their shapes do. The likelihood is the mean over all times that the step, and over all
times and lengths that the ramp may have (a Bayes factor): the best of many ramps always fits.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from perfd.detect.scan.noise import correlation
from perfd.detect.scan.suspect import Array, Suspect
from perfd.model.finding import Check

NAME = "trend"
LENGTHS = (80, 113, 160, 226, 320)  # cells of a ramp
ROLLOUTS = (0, 6, 12)  # cells that a step may take
SHORTEST = 12  # cells of a ramp that must be seen
EVERY = 6  # cells between the starts that are tried
AROUND = 6  # cells by which the step may be moved
UNSURE = 2.0  # twice the logarithm of the odds: less says nothing
SURE = (4.0, 0.0)  # lead that needs no more, and twice, the confirmations; less is no step
LONGEST = len(SURE)  # times the confirmations
MOST = 999_999.0

Cells = NDArray[np.int64]


def check(suspect: Suspect) -> Check:
    """The odds of a step against those of a ramp."""
    told = np.flatnonzero(suspect.weights > 0.0)
    x, phi = suspect.x[told], _phi(suspect, told)
    unit = (suspect.noise * (1.0 - phi)) ** 2  # the variance that such innovations would have
    steps = _gains(x, _steps(told, suspect.at), told, phi) / unit
    ramps = _gains(x, _ramps(told), told, phi) / unit
    lead = _evidence(steps, len(ROLLOUTS) * len(told)) - _evidence(ramps, len(ramps))
    odds = min(math.exp(min(abs(lead), 50.0) / 2.0), MOST)
    kinds = "a step and no ramp" if lead > 0.0 else "a ramp and no step"
    inputs: dict[str, float | int | str] = {"lead": lead, "correlation": phi}
    inputs |= {"step": float(steps.max()), "ramp": float(ramps.max())}
    return Check(NAME, lead > -UNSURE, f"the odds are {odds:.3g} to 1 that it is {kinds}", inputs)


def doubt(verdict: Check) -> int:
    """How many times the confirmations are needed: time tells a step from a ramp.

    Beyond `LONGEST` none suffice.
    """
    return 1 + sum(float(verdict.inputs["lead"]) < sure for sure in SURE)


def _evidence(gains: Array, tried: int) -> float:
    """Twice the logarithm of the mean likelihood of what was `tried`; others say nothing."""
    best = float(gains.max())
    return best + 2.0 * math.log(float(np.exp(0.5 * (gains - best)).sum()) / tried)


def _phi(suspect: Suspect, told: Cells) -> float:
    """The correlation of neighbours, both levels taken out."""
    new = told >= suspect.at
    x = suspect.x[told]
    error = np.zeros_like(suspect.x)
    error[told] = x - np.where(new, x[new].mean(), x[~new].mean())
    weights = (suspect.weights > 0.0).astype(float)
    return float(correlation(error[None], weights[None], np.array([len(told)]))[0])


def _steps(told: Cells, at: int) -> Array:
    """Templates (steps, cells) that rise at about that time, within half a day."""
    pairs = [
        (start - 1, length + 1)
        for length in ROLLOUTS
        for start in range(at - AROUND - length // 2, at + AROUND + 1)
    ]
    return _rises(told, pairs)


def _ramps(told: Cells) -> Array:
    """Templates (ramps, cells) that rise somewhere inside."""
    first, last = int(told[0]), int(told[-1])
    pairs = [
        (start, length)
        for length in LENGTHS
        for start in range(first - length // 2, last - SHORTEST, EVERY)
    ]
    return _rises(told, pairs)


def _rises(told: Cells, pairs: list[tuple[int, int]]) -> Array:
    """From 0 at each start to 1 after its length."""
    starts, lengths = np.array(pairs, dtype=float).T[:, :, None]
    rises: Array = np.clip((told - starts) / lengths, 0.0, 1.0)
    return rises


def _gains(x: Array, templates: Array, told: Cells, phi: float) -> Array:
    """What each template takes from the squared error of the innovations of `x` around a level."""
    level = _innovations(np.ones((1, len(x))), told, phi)[0]
    level /= np.linalg.norm(level)
    shapes = _innovations(templates, told, phi)
    shapes -= np.outer(shapes @ level, level)
    own = shapes @ _innovations(x[None], told, phi)[0]
    gains: Array = own**2 / np.maximum(np.einsum("rc,rc->r", shapes, shapes), 1e-12)
    return gains


def _innovations(rows: Array, told: Cells, phi: float) -> Array:
    """Each cell less `phi` times the one before; after a gap the cell itself, as likely."""
    fresh: Array = rows * np.sqrt(1.0 - phi * phi)
    after = np.flatnonzero(np.diff(told) == 1) + 1
    fresh[:, after] = rows[:, after] - phi * rows[:, after - 1]
    return fresh
