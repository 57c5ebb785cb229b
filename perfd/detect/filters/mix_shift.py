"""Mix shift (Simpson's paradox): nothing got slower, there is only more of what was always slow.

Of a latency the strata are the status classes of the operation: the new side is weighted as the old
one was, and what is left of the change is the change within; where the mix changed beyond doubt,
latency is compared within one class from the start. Of CPU per request they are operations
and status classes, each with its latency before as the measure of what it costs.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping

import numpy as np

from perfd.detect import measures
from perfd.detect.candidate import Candidate
from perfd.detect.cells import OCTAVE, bucket_matrix, place
from perfd.detect.estimate import compare
from perfd.detect.status_classes import ALL
from perfd.detect.wording import change, percent
from perfd.model.finding import Check
from perfd.model.histogram import EMPTY, Histogram
from perfd.model.series import Series
from perfd.model.window import Window

NAME = "traffic mix"
WITHIN = 0.5  # of the shift that has to be left with the same mix

Strata = Mapping[str, Histogram]


def check(candidate: Candidate) -> Check | None:
    """At least half of the change with the mix held as it was."""
    found = candidate.comparison
    assert found is not None
    if candidate.metric == measures.ERROR_RATE:
        return None
    if candidate.status_class != ALL:
        words = f"the mix of requests changed; among {candidate.status_class} alone {change(found)}"
        return Check(NAME, True, words, {"within": found.shift, "among": candidate.status_class})
    mix = _by_operation(candidate) if candidate.metric == measures.CPU else _by_status(candidate)
    if mix is None:
        return None
    within = found.shift - mix
    inputs: dict[str, float | int | str] = {"shift": found.shift, "mix": mix, "within": within}
    words = f"{percent(math.expm1(within))} of {percent(math.expm1(found.shift))}"
    if within >= WITHIN * found.shift:
        return Check(NAME, True, f"with the same mix {words} is left", inputs)
    return Check(
        NAME, False, f"the mix of requests changed: with the same mix {words} is left", inputs
    )


def explained(candidate: Candidate) -> Check | None:
    """A rise among all requests that is not there among those of one status class."""
    within, sides = candidate.comparison, candidate.sides
    if candidate.status_class == ALL or candidate.significant or within is None:
        return None
    operation = candidate.operation
    whole = compare(candidate.metric, sides.baseline(operation), sides.after[operation])
    if whole is None or whole.p > candidate.threshold or whole.shift < candidate.least_shift:
        return None
    if within.shift >= WITHIN * whole.shift:
        return None
    verdict = (
        f"the mix of requests changed: among {candidate.status_class} alone {change(within)} of "
        f"{change(whole)} is left"
    )
    inputs: dict[str, float | int | str] = {"shift": whole.shift, "within": within.shift}
    return Check(NAME, False, verdict, inputs | {"among": candidate.status_class})


def _by_status(candidate: Candidate) -> float | None:
    """What the mix of status classes adds to ln(latency)."""
    before, after = _strata(candidate.before, "status"), _strata(candidate.after, "status")
    common = [s for s in before if before[s].count and s in after and after[s].count]
    if not common:
        return None
    level = _mean if candidate.metric == measures.LATENCY_MEAN else _p95
    now = {s: after[s] for s in after if after[s].count}
    as_before = {s: after[s] for s in common}
    weights = {s: float(before[s].count) for s in common}
    return level(now, {s: float(h.count) for s, h in now.items()}) - level(as_before, weights)


def _by_operation(candidate: Candidate) -> float | None:
    """What the mix adds to ln(CPU per request), if CPU goes with latency."""
    before, after = (
        _strata(side, "operation", "status") for side in (candidate.before, candidate.after)
    )
    known = {o: h.mean for o, h in before.items() if h.count}
    if len(known) < 2:
        return None
    old = sum(before[o].count * known[o] for o in known) / sum(before[o].count for o in known)
    seen = {o: h.count for o, h in after.items() if o in known}
    if not seen or old <= 0.0:
        return None
    new = sum(n * known[o] for o, n in seen.items()) / sum(seen.values())
    return math.log(new / old)


def _strata(windows: Iterable[Window], *labels: str) -> Strata:
    held: defaultdict[str, Histogram] = defaultdict(lambda: EMPTY)
    for window in windows:
        name = " ".join(window.series.label.get(label, "") for label in labels)
        held[name] = held[name].merge(window.histogram)
    return held


def _mean(strata: Strata, weights: Mapping[str, float]) -> float:
    return sum(weights[s] * strata[s].mean_log for s in strata) / sum(weights.values())


def _p95(strata: Strata, weights: Mapping[str, float]) -> float:
    """The quantile of a mixture of histograms, as ln(latency)."""
    names = list(strata)
    windows = [Window(Series("", ()), 0.0, 1.0, 0, 0, strata[name]) for name in names]
    counts, lowest = bucket_matrix(windows)
    parts = np.array([weights[name] for name in names]) / np.maximum(counts.sum(axis=1), 1.0)
    return (lowest + place(parts @ counts, 0.95)) * OCTAVE
