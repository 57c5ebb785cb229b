"""Mix shift (Simpson's paradox): nothing got slower, there is only more of what was always slow.

Of a latency the strata are the status classes of the operation: the new side is weighted as the old
one was, and what is left of the change is the change within; where the mix changed beyond doubt,
latency is compared within one class from the start. Of CPU per request they are operations
and status classes, each with its latency before as the measure of what it costs.
"""

from __future__ import annotations

import math

from perfd.detect import measures
from perfd.detect.candidate import Candidate
from perfd.detect.estimate import compare
from perfd.detect.mix import added, dearer, strata
from perfd.detect.status_classes import ALL
from perfd.detect.wording import change, percent
from perfd.model.finding import Check

NAME = "traffic mix"
WITHIN = 0.5  # of the shift that has to be left with the same mix


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
    before, after = (strata(side, "status") for side in (candidate.before, candidate.after))
    return added(candidate.metric, before, after)


def _by_operation(candidate: Candidate) -> float | None:
    """What the mix adds to ln(CPU per request), if CPU goes with latency."""
    before, after = (
        strata(side, "operation", "status") for side in (candidate.before, candidate.after)
    )
    return dearer(before, after)
