"""How much more a comparison varies than the sampling of its requests explains.

Three witnesses: the windows of the two sides themselves; the placebos of the day before, which see
load, neighbours and the daily cycle; and the other operations of the service, towards which the
estimate of each is moderated (Smyth 2004), since few windows say little of a variance and one that
happens to be small makes false alarms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from perfd.detect.cells import Cells
from perfd.detect.noise import Spread, noise, spread

UNLIKE = 8.0  # times as noisy as the day before: an hour of another kind (F-test at about 0.1 %)
FEWEST_PEERS = 3
MOST_FREEDOM = 10.0  # that the other operations may lend


@dataclass(frozen=True, slots=True)
class Raw:
    """One comparison's own estimate: variance from sampling, and the excess over it.

    `by_placebo` says whether the day before was asked, and not only the hour itself.
    """

    sampling: float
    excess: Spread
    by_placebo: bool = False


def raw(old: Cells, new: Cells, past: Spread | None) -> Raw:
    """From the two sides, and what the placebos of the day before say, where there are any."""
    between = noise([old, new])
    both = spread(old, between).plus(spread(new, between))
    sampling = old.sampling / old.total + new.sampling / new.total
    now = Spread(max(both.variance - sampling, 0.0), between.freedom)
    if past is None or now.variance > UNLIKE * past.variance + sampling:
        return Raw(sampling, now)
    return Raw(sampling, past, by_placebo=True)


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
    middle = usual(own)
    lent = min(len(own) - 1.0, MOST_FREEDOM)
    return [_pooled(Spread(middle, lent), _as_known(one, middle)) for one in own]


def usual(own: Sequence[Raw]) -> float:
    """The mean excess, each weighted by how well it is known."""
    excess = np.array([one.excess.variance for one in own])
    freedom = np.array([one.excess.freedom for one in own])
    sampling = np.array([one.sampling for one in own])
    mean = float(np.median(excess))
    for _ in range(3):  # the weights depend on the mean; it settles at once
        weights = freedom / np.maximum(sampling + mean, 1e-12) ** 2
        mean = float(weights @ excess / weights.sum())
    return mean


def _as_known(one: Raw, usual: float) -> Spread:
    """The own estimate, with the degrees of freedom that sampling leaves of it."""
    seen = max(one.excess.variance, usual)
    part = (seen / (seen + one.sampling)) ** 2 if seen > 0.0 else 0.0
    return Spread(one.excess.variance, max(one.excess.freedom * part, 1e-6))
