"""How much more a comparison varies than the sampling of its requests explains.

Three witnesses: the windows of the two sides themselves; the day before, in which the same
comparison is made at moments without a deploy (a placebo), which sees load, neighbours and the
daily cycle exactly as the deploy's own comparison does; and the other operations of the service,
towards which the estimate of each is moderated (Smyth 2004), since few windows say little of a
variance and one that happens to be small makes false alarms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from perfd.detect.cells import Cells
from perfd.detect.columns import Array
from perfd.detect.noise import Spread, noise, spread

UNLIKE = 8.0  # times as noisy as the day before: an hour of another kind (F-test at about 0.1 %)
PLACEBOS = 12  # fewer say nothing
STRIDE = 3  # blocks from one placebo to the next; they overlap, which `OVERLAP` accounts for
OVERLAP = 1.5  # how much more overlapping placebos tell than disjoint ones
FEWEST_PEERS = 3
MOST_FREEDOM = 10.0  # that the other operations may lend


@dataclass(frozen=True, slots=True)
class Raw:
    """One comparison's own estimate: variance from sampling, and the excess over it."""

    sampling: float
    excess: Spread


def raw(old: Cells, new: Cells, history: Cells | None, lengths: tuple[float, float]) -> Raw:
    """From the two sides, and the history of the old one where there is any.

    `lengths` of the sides are in seconds.
    """
    between = noise([old, new])
    both = spread(old, between).plus(spread(new, between))
    sampling = old.sampling / old.total + new.sampling / new.total
    now = Spread(max(both.variance - sampling, 0.0), between.freedom)
    past = placebo(history, *lengths) if history is not None else None
    if past is None or now.variance > UNLIKE * past.variance + sampling:
        return Raw(sampling, now)
    return Raw(sampling, past)


def placebo(history: Cells, before: float, after: float) -> Spread | None:
    """The excess variance of the same comparison at moments without a deploy.

    None where the history is too short for a dozen of them.
    """
    if len(history) < 2:
        return None
    block = float(np.median(np.diff(history.start)))
    place = np.round((history.start - history.start[0]) / block).astype(int)
    weights, values = np.zeros(place[-1] + 2), np.zeros(place[-1] + 2)
    np.add.at(weights, place + 1, history.n)
    np.add.at(values, place + 1, history.n * (history.y - history.level))
    sizes = max(round(before / block), 1), max(round(after / block), 1)
    shifts, totals = _shifts(np.cumsum(weights), np.cumsum(values), *sizes)
    if len(shifts) < PLACEBOS:
        return None
    sampling = history.sampling * (1.0 / totals).sum(axis=0)
    excess = max(float((shifts * shifts - sampling).mean()), 0.0)
    freedom = OVERLAP * STRIDE * len(shifts) / sum(sizes)
    return Spread(excess, max(freedom, 1.0))


def _shifts(weights: Array, values: Array, before: int, after: int) -> tuple[Array, Array]:
    """After less before at each moment, and the requests of both, from cumulated sums."""
    middle = np.arange(before, len(weights) - after, STRIDE)
    old = weights[middle] - weights[middle - before]
    new = weights[middle + after] - weights[middle]
    kept = (old > 0.0) & (new > 0.0)
    middle, old, new = middle[kept], old[kept], new[kept]
    shift = (values[middle + after] - values[middle]) / new
    shift -= (values[middle] - values[middle - before]) / old
    return shift, np.array([old, new])


def _pooled(one: Spread, other: Spread) -> Spread:
    """Two independent estimates of one variance."""
    freedom = one.freedom + other.freedom
    sum_ = one.variance * one.freedom + other.variance * other.freedom
    return Spread(sum_ / freedom, freedom)


def moderated(own: Sequence[Raw]) -> list[Spread]:
    """Each comparison's excess, drawn towards that of the others by how little it knows itself.

    Where sampling hides the excess, an operation's own estimate of it is worth little.
    """
    if len(own) < FEWEST_PEERS:
        return [one.excess for one in own]
    usual = _usual(own)
    lent = min(len(own) - 1.0, MOST_FREEDOM)
    return [_pooled(Spread(usual, lent), _as_known(one, usual)) for one in own]


def _usual(own: Sequence[Raw]) -> float:
    """The mean excess, each weighted by how well it is known."""
    excess = np.array([one.excess.variance for one in own])
    freedom = np.array([one.excess.freedom for one in own])
    sampling = np.array([one.sampling for one in own])
    usual = float(np.median(excess))
    for _ in range(3):  # the weights depend on the mean; it settles at once
        weights = freedom / np.maximum(sampling + usual, 1e-12) ** 2
        usual = float(weights @ excess / weights.sum())
    return usual


def _as_known(one: Raw, usual: float) -> Spread:
    """The own estimate, with the degrees of freedom that sampling leaves of it."""
    seen = max(one.excess.variance, usual)
    part = (seen / (seen + one.sampling)) ** 2 if seen > 0.0 else 0.0
    return Spread(one.excess.variance, max(one.excess.freedom * part, 1e-6))
