"""Which deploy a change may have come with, and how likely it is that it did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from perfd.detect.deploys import WITHDRAWN
from perfd.detect.scan.findings import Moved
from perfd.detect.scan.walk import NEAR_DEPLOY
from perfd.model.deploy import Deploy

MOST = 0.9  # nothing ran beside it as a control: something else may have changed as well


class Suspicion(NamedTuple):
    """The last deploy near the change, and the probability that it is the cause."""

    deploy: Deploy
    probability: float


def suspicion(moved: Moved, deploys: Sequence[Deploy]) -> Suspicion | None:
    """By Bayes' rule, at even odds that a change of a service comes with a deploy of it.

    A change without a deploy has as many beside it as its interval holds by chance, at the rate at
    which the service was deployed while it was looked at: with e of them expected, and one there,
    the odds are 1 to e. Several that are as near share it.
    """
    table, (low, high) = moved.table, moved.ci
    slack = NEAR_DEPLOY * table.width
    real = [d for d in deploys if d.source != WITHDRAWN and table.start <= d.at < table.end]
    near = [d for d in real if low - slack <= d.at <= high + slack]
    if not near:
        return None
    expected = len(real) * (high - low + 2.0 * slack) / (table.end - table.start)
    last = max(near, key=lambda d: d.at)
    return Suspicion(last, min(MOST, 1.0 / (1.0 + expected)) / len(near))
