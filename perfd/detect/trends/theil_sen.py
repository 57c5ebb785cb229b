"""The Theil-Sen line: the median of the slopes between all pairs of points.

A third of the points may be anything; neither spikes nor a heavy tail move it. Its interval is made
of the slopes whose ranks are as far from the middle as Kendall's S may be by chance (Sen 1968,
equation 2.6), and so much farther as the noise remembers itself.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from perfd.detect.tails import NORMAL_95
from perfd.detect.trends.mann_kendall import spread_of_s

Array = NDArray[np.float64]
Interval = tuple[float, float]


class Line(NamedTuple):
    """`slope` in units of x per unit of t, with its 95 % interval, and the value at t = 0."""

    slope: float
    low: float
    high: float
    intercept: float

    def at(self, t: float) -> float:
        """The value of the line."""
        return self.intercept + self.slope * t


def theil_sen(t: Array, x: Array, inflation: float = 1.0) -> Line:
    """Of at least two points of different t, without NaN.

    `inflation` is by how much the variance of S exceeds that of independent points.
    """
    slopes = pairs(t, x)
    slope = float(np.median(slopes))
    intercept = float(np.median(x)) - slope * float(np.median(t))
    reach = NORMAL_95 * math.sqrt(inflation * spread_of_s(x))
    number = len(slopes)
    upper = min(round((number + reach) / 2.0), number - 1)
    lower = max(round((number - reach) / 2.0) - 1, 0)
    ordered = np.partition(slopes, (lower, upper))
    return Line(slope, float(ordered[lower]), float(ordered[upper]), intercept)


def spread(t: Array, x: Array, line: Line) -> float:
    """How far 95 % of the points lie from the line at most."""
    return float(np.quantile(np.abs(x - line.intercept - line.slope * t), 0.95))


def until(line: Line, level: float, limit: float, about: float) -> tuple[float, Interval]:
    """How much more of t until the line is at the limit, with the interval (inf: never).

    `level` is what the line says of now, `about` how far that may be off. It is also off by one
    unit of t, since a point may be of any time within it.
    """
    ends = (line.high, level + about + line.high), (line.low, level - about - line.high)
    early, late = (max(limit - at, 0.0) / s if s > 0.0 else math.inf for s, at in ends)
    ahead = max(limit - level, 0.0) / line.slope if line.slope > 0.0 else math.inf
    return ahead, (early, late)


def pairs(t: Array, x: Array) -> Array:
    """The slopes between all pairs of points of different t."""
    first, second = np.triu_indices(len(t), 1)
    run = t[second] - t[first]
    apart = run != 0.0
    slopes: Array = (x[second] - x[first])[apart] / run[apart]
    return slopes
