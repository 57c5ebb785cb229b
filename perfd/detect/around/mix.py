"""Mix shift: with the operations and status classes weighted as before, what is left of the change.

Of a service's latency the strata are operations, and status classes within them; of an operation
these alone. Both parts are told, and only what is left counts.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping

from perfd.detect import measures
from perfd.detect.around.by_time import Around, beyond_usual
from perfd.detect.around.left import counts
from perfd.detect.candidate import ALL_OPERATIONS, Candidate
from perfd.detect.mix import Strata, added, dearer, strata
from perfd.detect.wording import percent
from perfd.model.finding import Check
from perfd.model.window import Window

NAME = "traffic mix"


def check(around: Around) -> Check | None:
    """The part within, and the part that each kind of mix has; None of errors."""
    parts = _parts(around.candidate)
    if not parts:
        return None
    shift = around.found.shift
    within = shift - sum(parts.values())
    inputs: dict[str, float | int | str] = {"shift": shift, "within": within, **parts}
    words = " and ".join(f"{percent(math.expm1(part))} by {name}" for name, part in parts.items())
    verdict = f"with the same mix {percent(math.expm1(within))} of {percent(math.expm1(shift))}"
    passed = counts(around, within, _variance(around))
    return Check(NAME, passed, f"{verdict} is left; {words}", inputs)


def _parts(candidate: Candidate) -> dict[str, float]:
    """What the mix adds to the logarithm, by what changed its shares."""
    if candidate.metric == measures.ERROR_RATE:
        return {}
    if candidate.metric == measures.CPU:
        cost = dearer(*_strata(candidate, "operation", "status"))
        return {} if cost is None else {"operations and status classes": cost}
    if candidate.operation != ALL_OPERATIONS:
        of_status = added(candidate.metric, *_strata(candidate, "status"), gone=True)
        return {} if of_status is None else {"status classes": of_status}
    of_operations = added(candidate.metric, *_strata(candidate, "operation"), gone=True)
    of_both = added(candidate.metric, *_strata(candidate, "operation", "status"), gone=True)
    if of_operations is None or of_both is None:
        return {}
    return {"operations": of_operations, "status classes": of_both - of_operations}


def _strata(candidate: Candidate, *labels: str) -> tuple[Strata, Strata]:
    return strata(candidate.before, *labels), strata(candidate.after, *labels)


def _variance(around: Around) -> float:
    """Of the part within: that of each stratum's own change, all of them taken to move as one.

    The hours of the whole vary by their mix as well, which is no doubt about what is left. Of
    quantiles and CPU that is not known by stratum.
    """
    candidate = around.candidate
    if candidate.metric != measures.LATENCY_MEAN:
        return around.variance
    sides = [_by_stratum(side) for side in (candidate.before, candidate.after)]
    total = sum(w.count for w in candidate.before)
    deviation = 0.0
    for name, before in sides[0].items():
        found = beyond_usual(
            around.case, candidate.metric, (before, ()), (sides[1].get(name, []), ())
        )
        variance = around.variance if found is None else found.spread.variance
        deviation += sum(w.count for w in before) / total * math.sqrt(variance)
    return deviation * deviation


def _by_stratum(windows: Iterable[Window]) -> Mapping[str, list[Window]]:
    held: defaultdict[str, list[Window]] = defaultdict(list)
    for window in windows:
        label = window.series.label
        held[f"{label.get('operation', '')} {label.get('status', '')}"].append(window)
    return held
