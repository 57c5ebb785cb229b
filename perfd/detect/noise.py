"""How far a mean of cells may be from the truth: sampling noise, and noise between windows.

Windows are not independent: load, neighbours and caches last for minutes. Besides the sampling
variance of its requests each cell carries an effect of its window with variance `tau` and lag-1
correlation `phi`, whose mean over m windows varies by about tau (1 + phi) / (1 - phi) / m.
Treating requests as independent instead finds "changes" in more than half of all unchanged
deploys under heavy traffic.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from perfd.detect.cells import Cells
from perfd.detect.columns import Array

USUAL_CORRELATION = 0.6  # of neighbouring minutes, worth as much as this many windows:
USUAL_WINDOWS = 10.0
MOST_CORRELATION = 0.95
FEWEST_FREEDOM = 5.0
BATCHES = 8  # for the second opinion on the long-run variance
FEWEST_FOR_BATCHES = 24


@dataclass(frozen=True, slots=True)
class Noise:
    """Noise between windows.

    `long_run` is the variance of one window's effect with its correlations summed up, so that the
    mean over m windows varies by long_run / m. `freedom` says how well that is known.
    """

    tau: float
    phi: float
    long_run: float
    freedom: float


QUIET = Noise(0.0, 0.0, 0.0, FEWEST_FREEDOM)


@dataclass(frozen=True, slots=True)
class Spread:
    """The variance of a mean, and the degrees of freedom of that variance."""

    variance: float
    freedom: float

    def plus(self, other: Spread) -> Spread:
        """The variance of the sum of two independent errors (Welch and Satterthwaite)."""
        total = self.variance + other.variance
        doubt = self.variance**2 / self.freedom + other.variance**2 / other.freedom
        return Spread(total, total * total / doubt if doubt > 0.0 else math.inf)


def noise(sides: Sequence[Cells]) -> Noise:
    """What the finest cells of all sides together say of the noise between windows."""
    parts = [side.where(side.span == 1.0) for side in sides]
    parts = [part for part in parts if len(part) >= 2]
    if not parts:
        return QUIET
    tau = _between(parts)
    phi = _correlation(parts, tau)
    long_run = _sum_of_correlations(parts, tau, phi)
    cells = sum(len(part) - 1 for part in parts)
    # Of the variance of an AR(1) series (Bartlett 1946).
    freedom = max(cells * (1.0 - phi * phi) / (1.0 + phi * phi), FEWEST_FREEDOM)
    return Noise(tau, phi, max([long_run, *(_batched(part) for part in parts)]), freedom)


def spread(cells: Cells, between: Noise) -> Spread:
    """The variance of the weighted mean of `cells`; never below that of the sampling alone."""
    share = cells.n / cells.total
    shared = between.long_run * float((share * share / cells.span).sum())
    return sampling(cells).plus(Spread(shared, between.freedom))


def sampling(cells: Cells) -> Spread:
    """The variance of the mean if requests were all that varies."""
    return Spread(cells.sampling / cells.total, min(cells.freedom, max(cells.total - 1.0, 1.0)))


def _between(parts: Sequence[Cells]) -> float:
    """DerSimonian and Laird's moment estimate of the variance between windows."""
    excess = room = 0.0
    for part in parts:
        error = part.y - part.level
        excess += float(part.n @ (error * error)) - (len(part) - 1) * part.sampling
        room += part.total - float(part.n @ part.n) / part.total
    return max(excess / room, 0.0) if room > 0.0 else 0.0


def _correlation(parts: Sequence[Cells], tau: float) -> float:
    """Lag-1 correlation of the windows' effects.

    Sampling noise is independent from window to window, so the lag-1 covariance is that of the
    effects alone. Kendall's correction: a short series looks less correlated than it is. What a
    few windows say of it is wild, and more so where sampling hides the effects, so it is drawn
    towards what is usual.
    """
    product = weight = 0.0
    pairs = 0
    for part in parts:
        error = part.y - part.level
        next_to = np.isclose(np.diff(part.start), np.median(np.diff(part.start)))
        both = (part.n[:-1] * part.n[1:])[next_to]
        product += float((both * (error[:-1] * error[1:])[next_to]).sum())
        weight += float(both.sum())
        pairs += int(next_to.sum())
    if tau <= 0.0 or weight <= 0.0:
        return 0.0
    phi = product / weight / tau
    phi = min(max(phi + (1.0 + 3.0 * phi) * len(parts) / pairs, 0.0), MOST_CORRELATION)
    told = pairs * _visible(parts, tau) ** 2
    return (phi * told + USUAL_CORRELATION * USUAL_WINDOWS) / (told + USUAL_WINDOWS)


def _visible(parts: Sequence[Cells], tau: float) -> float:
    """The part of the variance of the cells that is not sampling."""
    cells = sum(len(part) for part in parts)
    alone = sum(float((part.sampling / part.n).sum()) for part in parts) / cells
    return tau / (tau + alone)


def _sum_of_correlations(parts: Sequence[Cells], tau: float, phi: float) -> float:
    """Tau (1 + phi) / (1 - phi), corrected for each part's mean having been taken out of it."""
    factor = (1.0 + phi) / (1.0 - phi)
    cells = sum(len(part) for part in parts)
    return tau * factor / max(1.0 - factor * len(parts) / cells, 0.5)


def _batched(part: Cells) -> float:
    """The same from means of batches, which need no model of the correlation.

    Only what is beyond the variance that sampling alone may show in so few batches.
    """
    size = len(part) // BATCHES
    if len(part) < FEWEST_FOR_BATCHES:
        return 0.0
    n = part.n[: size * BATCHES].reshape(BATCHES, size)
    y = part.y[: size * BATCHES].reshape(BATCHES, size)
    weights: Array = n.sum(axis=1)
    means = (n * y).sum(axis=1) / weights
    alone = part.sampling * float((1.0 / weights).mean())
    alone *= 1.0 + math.sqrt(2.0 / (BATCHES - 1))
    return max(size * (float(means.var(ddof=1)) - alone), 0.0)
