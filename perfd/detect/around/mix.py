"""Mix shift: with the operations and status classes weighted as before, what is left of the change.

Of a service's latency the strata are operations, and status classes within them; of an operation
these alone. Both parts are told. Only what is left counts: half of the change, or whatever part is
by itself above the floor and beyond doubt above half of it.
"""

from __future__ import annotations

import math

from perfd.detect import measures
from perfd.detect.around.by_time import Around
from perfd.detect.candidate import ALL_OPERATIONS, Candidate
from perfd.detect.mix import Strata, added, dearer, strata
from perfd.detect.wording import percent
from perfd.model.finding import Check

NAME = "traffic mix"
WITHIN = 0.5  # of the shift
MARGIN = 0.5  # of the floor
SURE = 3.09  # deviations: 99.9 %


def check(around: Around) -> Check | None:
    """The part within, and the part that each kind of mix has; None of errors."""
    parts = _parts(around.candidate)
    if not parts:
        return None
    shift, floor = around.found.shift, around.candidate.least_shift
    within = shift - sum(parts.values())
    inputs: dict[str, float | int | str] = {"shift": shift, "within": within, **parts}
    words = " and ".join(f"{percent(math.expm1(part))} by {name}" for name, part in parts.items())
    verdict = f"with the same mix {percent(math.expm1(within))} of {percent(math.expm1(shift))}"
    error = math.sqrt(around.found.spread.variance)
    sure = within >= floor and within - SURE * error >= MARGIN * floor
    passed = within >= WITHIN * shift or sure
    return Check(NAME, passed, f"{verdict} is left; {words}", inputs)


def _parts(candidate: Candidate) -> dict[str, float]:
    """What the mix adds to the logarithm, by what changed its shares."""
    if candidate.metric == measures.ERROR_RATE:
        return {}
    if candidate.metric == measures.CPU:
        cost = dearer(*_strata(candidate, "operation", "status"))
        return {} if cost is None else {"operations and status classes": cost}
    if candidate.operation != ALL_OPERATIONS:
        of_status = added(candidate.metric, *_strata(candidate, "status"))
        return {} if of_status is None else {"status classes": of_status}
    of_operations = added(candidate.metric, *_strata(candidate, "operation"))
    of_both = added(candidate.metric, *_strata(candidate, "operation", "status"))
    if of_operations is None or of_both is None:
        return {}
    return {"operations": of_operations, "status classes": of_both - of_operations}


def _strata(candidate: Candidate, *labels: str) -> tuple[Strata, Strata]:
    return strata(candidate.before, *labels), strata(candidate.after, *labels)
