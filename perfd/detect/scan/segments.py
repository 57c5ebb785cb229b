"""All changes of a history at once: the stretches of one level or one slope that it consists of.

The scan asks whether the newest stretch is a new one; this cuts a whole history, for a picture of
it. A stretch is a level, or a line where that pays: a ramp is then one stretch and not a stair of
steps. Of all ways to cut, the one that leaves least squared error is found exactly, where each cut
must take as much as a split beyond chance does: b² of long-run variance, b from the tail with its
look-elsewhere effect. Cuts and noise are found together: from the noise of neighbours' differences,
which knows no step, up to that of what the stretches leave.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perfd.detect.scan import season
from perfd.detect.scan.look import BATCHES
from perfd.detect.scan.noise import FEWEST_BATCHES
from perfd.detect.scan.outliers import DEVIATIONS, running_median
from perfd.detect.scan.steps import filled
from perfd.detect.scan.stretches import Stretches, cut
from perfd.detect.scan.tails import scan_bound
from perfd.detect.tails import MAD_TO_SD, normal_quantile

Array = NDArray[np.float64]

ROUNDS = 12
GROWTH = 1.5  # of the variance in a round
SETTLED = 1.02
MOST_CELLS = 3_000  # the exact cut takes their square; longer histories are cut on means
MOST_SPIKES = 0.25  # of the cells; with more, the median around follows them
FLAT = 1e-12


@dataclass(frozen=True, slots=True)
class Cutting:
    """How finely a history is cut.

    `alpha` is the chance of a cut in an unchanged history of correlated noise, `least` the cells of
    a stretch (a tenth of a short history); beyond `correlation` of neighbours, wandering is taken
    for changes; `quantum` is the least noise of a cell, as a part of the spread of the history.
    """

    alpha: float = 1e-3
    least: int = 8
    correlation: float = 0.8
    quantum: float = 0.1


@dataclass(frozen=True, slots=True)
class Segment:
    """Cells from `first` up to `end`; their mean, and what they gain from cell to cell, or 0."""

    first: int
    end: int
    mean: float
    slope: float


CUTTING = Cutting()


def segments(x: Array, start: float, width: float, cutting: Cutting = CUTTING) -> list[Segment]:
    """The stretches of `x` (cells; NaN where missing), cells of `width` seconds from `start` on.

    On the scale on which changes are compared: logarithms of a latency. Means and slopes are those
    of `x` less the season of its days. Fewer than three cells with a value have no stretches.
    """
    told = np.flatnonzero(np.isfinite(x))
    if len(told) < 3:
        return []
    whole = filled(x[None])
    calm = (whole - season.seasons(whole, start, width))[0][told]
    centre, spread = float(calm.mean()), max(float(calm.std()), FLAT)
    together = math.ceil(len(told) / MOST_CELLS)
    y = _means(_without_spikes((calm - centre) / spread, cutting.least), together)
    found = _settled(y, cutting)
    bounds = [0, *(int(told[at * together]) for at in found.bounds[1:-1]), len(x)]
    return [
        Segment(first, end, centre + spread * mean, spread * slope / together)
        for first, end, mean, slope in zip(
            bounds, bounds[1:], found.means, found.slopes, strict=False
        )
    ]


def _means(y: Array, together: int) -> Array:
    """Of so many neighbours; a rest at the end is left out."""
    number = len(y) // together
    means: Array = y[: number * together].reshape(number, together).mean(axis=1)
    return means


def _without_spikes(y: Array, least: int) -> Array:
    """What lasts for less than `least` cells is drawn in to 3.5 deviations of the median around.

    Where that is more than a quarter of all cells, it is no spike but the way of the series.
    """
    width = 2 * least - 3
    if len(y) <= 2 * width:
        return y
    median = running_median(y[None], width)[0]
    error = y - median
    bound = DEVIATIONS * MAD_TO_SD * float(np.median(np.abs(error)))
    if np.mean(np.abs(error) > bound) > MOST_SPIKES:
        return y
    calm: Array = median + np.clip(error, -bound, bound)
    return calm


def _settled(y: Array, cutting: Cutting) -> Stretches:
    """Cuts by a noise that is not smaller than that of what they leave."""
    least = max(min(cutting.least, len(y) // 10), 2)
    toll = scan_bound(cutting.alpha, min(least / len(y), 0.5)) ** 2
    slope_toll = normal_quantile(cutting.alpha / 2.0) ** 2
    variance = max(_of_differences(y), cutting.quantum**2)
    for _ in range(ROUNDS):
        found = cut(y, least, toll * variance, slope_toll * variance)
        left = _long_run(found, cutting)
        if left <= SETTLED * variance:
            break
        variance = min(left, GROWTH * variance)
    return found


def _of_differences(y: Array) -> float:
    """The variance of a cell from its neighbours, as if cells were independent."""
    return float((MAD_TO_SD * np.median(np.abs(np.diff(y)))) ** 2 / 2.0)


def _long_run(found: Stretches, cutting: Cutting) -> float:
    """The long-run variance of what is left, by the scan's two opinions; the larger one counts."""
    error = found.error
    variance = float(error @ error) / max(len(error) - found.parameters, 1)
    variance = max(variance, cutting.quantum**2)
    ends = float(error[1:] @ error[1:]) + float(error[:-1] @ error[:-1])
    phi = 2.0 * float(error[1:] @ error[:-1]) / max(ends, FLAT)
    phi = min(max(phi + (1.0 + 3.0 * phi) / len(error), 0.0), cutting.correlation)
    return max(variance * (1.0 + phi) / (1.0 - phi), *(_batched(error, n) for n in BATCHES))


def _batched(error: Array, size: int) -> float:
    """`size` times the variance of the means of batches; 0 where there are fewer than five."""
    number = len(error) // size
    if number < FEWEST_BATCHES:
        return 0.0
    means = error[-number * size :].reshape(number, size).mean(axis=1)
    return size * float(means @ means) / (number - 1.0)
