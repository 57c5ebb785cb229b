"""A share of samples before and after, with what is known of its noise.

Samples of one upload are alike (one long request fills many), so counts vary more than binomial:
the over-dispersion phi is Pearson's, over uploads, and never taken below 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from perfd.detect.profile_side import Upload
from perfd.detect.tails import NORMAL_95
from perfd.model.evidence import Change
from perfd.model.finding import Interval

FEWEST_UPLOADS = 3


class Share(NamedTuple):
    """A share with its variance; `hits` of `samples` hold the function."""

    value: float
    variance: float
    hits: int
    samples: int


def share(value: float, hits: int, samples: int, phi: float) -> Share:
    """`value` is the share of CPU time; the variance that of (hits + 1/2) of (samples + 1).

    The half keeps a function that was never seen from being known exactly.
    """
    p = (hits + 0.5) / (samples + 1.0)
    return Share(value, phi * p * (1.0 - p) / max(samples, 1), hits, samples)


def overdispersion(counts: Sequence[int], sizes: Sequence[int]) -> float:
    """Sum of (k - n p)² / (n p (1 - p)) over uploads, by m - 1 of them; 1 where it is unknown."""
    total = sum(sizes)
    p = sum(counts) / total if total else 0.0
    if len(sizes) < FEWEST_UPLOADS or not 0.0 < p < 1.0:
        return 1.0
    pairs = zip(counts, sizes, strict=True)
    excess = sum((k - n * p) ** 2 / (n * p * (1.0 - p)) for k, n in pairs if n)
    return max(excess / (len(sizes) - 1), 1.0)


def phi_of(function: int, uploads: Sequence[Upload], *, own: bool) -> float:
    """Over-dispersion of a function's self (`own`) or total samples."""
    counts = [(u.own if own else u.total).get(function, 0) for u in uploads]
    return overdispersion(counts, [u.hits for u in uploads])


def share_change(before: Share, after: Share) -> Change:
    """The difference of two shares with its 95 % interval."""
    delta = after.value - before.value
    return Change(before.value, after.value, delta, _around(delta, before.variance, after.variance))


def cost_change(before: Share, after: Share, costs: tuple[float, float]) -> Change:
    """The same in units of cost: share x cost of the side, e.g. CPU seconds per request."""
    old, new = before.value * costs[0], after.value * costs[1]
    spread = before.variance * costs[0] ** 2, after.variance * costs[1] ** 2
    return Change(old, new, new - old, _around(new - old, *spread))


def score(before: Share, after: Share) -> float:
    """Standard errors between the two shares."""
    deviation = math.sqrt(before.variance + after.variance)
    return (after.value - before.value) / deviation if deviation else 0.0


def _around(delta: float, *variances: float) -> Interval:
    reach = NORMAL_95 * math.sqrt(sum(variances))
    return delta - reach, delta + reach
