"""Deploys that never were, judged as deploys: whatever they find is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from perfd.detect import looks, measures
from perfd.detect.budget import DEPLOY, HELD, PARTS, PRUDENCE, Share
from perfd.detect.candidate import Candidate
from perfd.detect.candidates import candidates, is_tested, weight
from perfd.detect.case import DeployCase
from perfd.detect.deploy import judge
from perfd.detect.sides import NotYet, split
from perfd.detect.tune.rate import Rate
from perfd.model.finding import Finding

HOUR = 3600.0
LEVELS = (0.05, 0.01)  # at which the p-values are compared with what they promise


@dataclass(frozen=True, slots=True)
class Judged:
    """One moment. `p` is the smallest p-value over all of its tests, paid for their number.

    `moved` is by how much the mean latency of all operations moved over `hours` (log scale), and
    `sampling` the variance that requests alone explain of it. `opened` is what a ticket would
    have been about.
    """

    at: float
    tests: int
    p: float
    moved: float
    sampling: float
    hours: float
    provisional: bool
    opened: Finding | None = None


@dataclass(frozen=True, slots=True)
class Deploys:
    """All moments of one service in one environment; `skipped` had no two sides."""

    judged: tuple[Judged, ...]
    skipped: int
    promised: float

    @property
    def opened(self) -> Rate:
        """How many would have opened a ticket."""
        return Rate(len([one for one in self.judged if one.opened]), len(self.judged))

    def below(self, level: float) -> Rate:
        """How many have a p-value below a level; calibrated, that is the level."""
        return Rate(len([one for one in self.judged if one.p < level]), len(self.judged))

    @property
    def drift(self) -> float | None:
        """Standard deviation of what moves all operations together in an hour."""
        moved = [one for one in self.judged if one.hours > 0.0 and math.isfinite(one.moved)]
        if len(moved) < 20:
            return None
        beyond = [(one.moved**2 - one.sampling) / one.hours**2 for one in moved]
        return math.sqrt(max(float(np.mean(beyond)), 0.0))


def promised(allowed: float) -> float:
    """The chance of a wrong ticket that a deploy is given where the budget is full."""
    return allowed * HELD * PARTS[DEPLOY]


def judged(
    case: DeployCase, allowed: float, with_proof: Callable[[DeployCase], DeployCase]
) -> Judged | None:
    """One look that spends all that a deploy may; None where there are no two sides.

    What only a ticket needs is read when there is something to open, as for a real deploy.
    """
    alpha = promised(allowed)
    whole = Share(alpha / looks.FIRST_SHARE, allowed, 0.0, allowed * HELD)
    case = replace(case, looks=0, share=whole)
    sides = split(case)
    if isinstance(sides, NotYet):
        return None
    tested = [c for c in candidates(case, sides, alpha * PRUDENCE) if is_tested(c)]
    if not tested:
        return None
    opened = None
    if any(c.significant for c in tested):
        found = judge(with_proof(case), case.end).found
        opened = next((one.finding for one in found if one.finding.opened), None)
    moved, sampling = _moved(tested)
    hours = (sum(sides.span_after) - sum(sides.span_before)) / 2.0 * case.pace / HOUR
    return Judged(
        case.deploy.at, len(tested), familywise(tested), moved, sampling, hours,
        sides.provisional, opened,
    )  # fmt: skip


def familywise(tested: Sequence[Candidate]) -> float:
    """The first step of Holm's procedure as a p-value."""
    weights = [weight(c) for c in tested]
    ps = [c.comparison.p if c.comparison else 1.0 for c in tested]
    least = min(p / part for p, part in zip(ps, weights, strict=True))
    return float(min(1.0, least * sum(weights)))


def _moved(tested: Sequence[Candidate]) -> tuple[float, float]:
    """The mean shift over all operations, and what requests alone make of it."""
    means = [c.comparison for c in tested if c.metric == measures.LATENCY_MEAN]
    known = [(one.old, one.new) for one in means if one is not None]
    if not known:
        return math.nan, 0.0
    shifts = [new.level - old.level for old, new in known]
    alone = sum(one.sampling / one.total for both in known for one in both)
    return float(np.mean(shifts)), alone / len(known) ** 2
