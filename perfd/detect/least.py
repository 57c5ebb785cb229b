"""The smallest change that a look at a deploy would find nine times in ten."""

from __future__ import annotations

import math
from dataclasses import replace

from perfd.detect import looks, measures
from perfd.detect.budget import PRUDENCE
from perfd.detect.candidate import Candidate
from perfd.detect.candidates import candidates, fewest
from perfd.detect.case import DeployCase
from perfd.detect.estimate import POWER
from perfd.detect.filters.effect_floor import MARGIN, SURE, SURE_PROVISIONAL
from perfd.detect.sides import NotYet, split
from perfd.detect.tails import normal_quantile

Place = tuple[str, str]  # operation and metric


def least_changes(case: DeployCase) -> dict[Place, float]:
    """By operation and metric: a part of the value, of an error rate an added share.

    What has too little traffic to be tested is not in it; nothing is while there are no two sides.
    """
    sides = split(case)
    if isinstance(sides, NotYet):
        return {}
    alpha = case.share.alpha * PRUDENCE * looks.share(case)
    tested = candidates(case, sides, alpha)
    return {(c.operation, c.metric): least_change(c) for c in tested if _is_tested(c)}


def least_change(candidate: Candidate) -> float:
    """The change must be beyond chance, above the floor, and for sure above half of it."""
    found = candidate.comparison
    assert found is not None
    found = replace(found, alpha=candidate.threshold)
    luck = normal_quantile(POWER) * math.sqrt(found.whole.variance)
    sure = SURE_PROVISIONAL if candidate.sides.provisional else SURE
    doubt = found.shift - found.at_least(sure)
    floor = candidate.least_shift
    least = max(found.least, floor + luck, floor * MARGIN + doubt + luck)
    return least if found.metric == measures.ERROR_RATE else math.expm1(least)


def _is_tested(candidate: Candidate) -> bool:
    settings = candidate.case.settings
    return candidate.comparison is not None and fewest(candidate) >= settings.min_requests
