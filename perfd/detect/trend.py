"""The trend of what the deploy did not touch: a slow host or a busy hour slows others as well.

Asked only where the baseline has no day of history and no version beside it. Controls are the
operations of other services, without those that call this one or are called by it (their latency
follows the deploy), and the service's own other operations, as long as these say no more than a
drift: a deploy that slows all of them is a regression, and not the weather.

The trend is shrunk (empirical Bayes): controls that agree and have traffic are believed, and what
they leave uncertain widens the interval.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from perfd.detect import measures
from perfd.detect.case import DeployCase
from perfd.detect.estimate import compare
from perfd.detect.sides import Operations, Sides, by_operation
from perfd.detect.tails import MAD_TO_SD
from perfd.model.finding import Interval
from perfd.model.window import Window

FEWEST = 3  # controls; two that differ say nothing


class Trend(NamedTuple):
    """The shift to be expected, and the variance of what the deploy did not cause."""

    shift: float
    variance: float


class Control(NamedTuple):
    """The shift of something the deploy did not touch, and its variance."""

    shift: float
    variance: float


def trend(controls: Sequence[Control], drift: float) -> Trend:
    """`drift` is the variance that a baseline's own drift is usually of."""
    if len(controls) < FEWEST:
        return Trend(0.0, drift)
    shifts = np.array([c.shift for c in controls])
    variances = np.array([c.variance for c in controls])
    weights = 1.0 / (variances + drift)  # none may outweigh the rest by its traffic alone
    middle = _median(shifts, weights)
    # By how much they differ includes their own noise; the median's error is 1.25 of the mean's.
    apart = MAD_TO_SD * float(np.median(np.abs(shifts - middle)))
    error = 1.57 * max(apart**2 / len(controls), 1.0 / float((1.0 / variances).sum()))
    trust = drift / (drift + error)
    return Trend(trust * middle, drift * (1.0 - trust))


def elsewhere(case: DeployCase, sides: Sides) -> list[Control]:
    """Operations of services that neither call the deployed one nor are called by it."""
    near = related(case)
    found: list[Control] = []
    for service, windows in case.others.items():
        if service not in near:
            before = by_operation(w for w in windows if _in(w, sides.span_before))
            after = by_operation(w for w in windows if _in(w, sides.span_after))
            found += controls(before, after, case)
    return found


def beside(case: DeployCase, sides: Sides) -> list[Control]:
    """The service's own operations, if they moved by no more than a drift."""
    found = controls(sides.before, sides.after, case)
    middle = float(np.median([c.shift for c in found])) if found else 0.0
    return found if abs(middle) <= math.log1p(case.settings.provisional_floor) else []


def controls(before: Operations, after: Operations, case: DeployCase) -> list[Control]:
    """The shift of the mean of each operation with traffic enough."""
    found = []
    for operation in sorted(set(before) & set(after)):
        old, new = before[operation], after[operation]
        if min(_requests(old), _requests(new)) < case.settings.min_requests:
            continue
        comparison = compare(measures.LATENCY_MEAN, old, new)
        if comparison is not None:
            found.append(Control(comparison.shift, comparison.spread.variance))
    return found


def related(case: DeployCase) -> frozenset[str]:
    """Services in the traces of the deployed one: its callers and what it calls."""
    spans = (s for w in case.exemplars for e in w.exemplars for s in e.spans)
    return frozenset(span.service for span in spans)


def _in(window: Window, span: Interval) -> bool:
    return span[0] <= window.start < span[1]


def _requests(windows: Iterable[Window]) -> int:
    return sum(w.count for w in windows)


def _median(values: np.ndarray, weights: np.ndarray) -> float:
    """The weighted median."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    return float(values[order][int(np.searchsorted(reached, reached[-1] / 2.0))])
