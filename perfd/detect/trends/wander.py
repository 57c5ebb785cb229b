"""Whether a level merely wanders: a random walk has no trend, and nearly always seems to have one.

Its gains from block to block have a mean of zero, and are independent; so the plain t-test of their
mean holds for it, where any test of the level itself does not.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from perfd.detect.tails import student_tail

Array = NDArray[np.float64]

FEWEST = 3  # gains, below which nothing is told
MOST = 1e9  # what is said of a ratio to nothing


class Gains(NamedTuple):
    """Student's t of the mean gain, and one-sided p that it is no more than zero."""

    t: float
    p: float


def gains(levels: Array) -> Gains:
    """Of levels of consecutive blocks."""
    steps = np.diff(levels)
    if len(steps) < FEWEST:
        return Gains(0.0, 0.5)
    error = float(steps.std(ddof=1)) / math.sqrt(len(steps))
    t = min(float(steps.mean()) / error, MOST) if error > 0.0 else MOST
    return Gains(t, student_tail(t, len(steps) - 1.0))
