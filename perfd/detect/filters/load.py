"""Load: latency and errors that rise with the traffic are no fault of the code.

A campaign that comes with a deploy makes both sides differ in more than the version. What counts is
the change at equal load: the new version against what the old one was in those parts of its day in
which it was offered as much. Beyond any load that the old version has had there is no comparison,
and the deploy is looked at again when the traffic has fallen. CPU per request is not asked: it
hardly depends on load, and so is the witness that remains.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from perfd.detect import measures
from perfd.detect.candidate import Candidate
from perfd.detect.load import Equal, Load, costs, equal, most
from perfd.detect.status_classes import of_class
from perfd.detect.wording import bound, change
from perfd.model.finding import Check

NAME = "load"
ROSE = math.log(1.03)  # near saturation that is a fifth more latency
MUCH = math.log(1.25)  # from here on it takes proof that it is not the load
KEPT = 0.5  # of the shift, which is enough where load rose by less
MARGIN = 0.5  # of the floor, above which what is left is for sure
SURE = 3.09  # deviations: 99.9 %, since a few minutes may be all that can be compared
_OF_MEAN = {measures.LATENCY_P95: measures.LATENCY_MEAN}
MODEL = 0.03  # sd of a line through the loads of a day, as a model of what load does to ln(latency)


def check(candidate: Candidate) -> Check | None:
    """At equal load the change is above the floor, and beyond doubt above half of it."""
    case, sides = candidate.case, candidate.sides
    if sides.concurrent or candidate.metric == measures.CPU:
        return None
    windows = [*case.history, *case.requests]
    usual = [window for held in sides.before.values() for window in held]
    # To latency a refusal is hardly any load; what makes for refusals is how many ask.
    by_class = candidate.metric != measures.ERROR_RATE
    load = Load(windows, costs(usual, windows, by_class=by_class), case.width)
    before = load.answered(case.requests, sides.span_before, sides.seconds[0])
    after = load.answered(case.requests, sides.span_after, sides.seconds[1])
    if before <= 0.0 or after <= 0.0 or math.log(after / before) < ROSE:
        return None
    return _verdict(candidate, load, after / before)


def _verdict(candidate: Candidate, load: Load, rise: float) -> Check | None:
    found, operation, sides = candidate.comparison, candidate.operation, candidate.sides
    day = [*sides.older.get(operation, ()), *sides.before.get(operation, ())]
    # What load does to a quantile is taken from the mean: what a window says of a quantile holds
    # near that quantile alone, and loads lead far from it.
    metric = _OF_MEAN.get(candidate.metric, candidate.metric)
    old = measures.read(metric, of_class(day, candidate.status_class))
    new = measures.read(metric, candidate.after)
    if found is None or new is None or old is None:
        return None
    words = f"the service was offered {rise:.1f} times the load"
    inputs: dict[str, float | int | str] = {"load": rise, "shift": found.shift}
    same = equal(load, old, new, candidate.case.settings.min_requests)
    if same is None and math.log(rise) < MUCH:
        return None
    if same is None:
        limit = math.exp(most(load, old) - most(load, new)) * rise
        known = f" ({limit:.1f} times)" if math.isfinite(limit) else ""
        verdict = (
            f"{words}, more than {candidate.case.deploy.previous or 'the old version'} has had"
            f"{known}: {change(found)} may be the load, nothing can be compared with it"
        )
        return Check(NAME, False, verdict, inputs)
    left = _left(candidate, metric, same)
    if left is None:
        return None
    inputs |= {"left": left.shift, "requests": int(left.requests)}
    verdict = f"{words}; at equal load {bound(found, left.shift)} of {change(found)} is left"
    return Check(NAME, _stands(candidate, left, rise), verdict, inputs)


class _Left(NamedTuple):
    """What is left of the shift at equal load, its variance, and the requests that tell."""

    shift: float
    variance: float
    requests: float


def _left(candidate: Candidate, metric: str, same: Equal) -> _Left | None:
    """The shift of the windows that can be compared, less what load does to `metric`."""
    windows = [w for w in candidate.after if w.start in same.starts]
    kept = measures.read(candidate.metric, windows)
    usual = measures.read(metric, candidate.before)
    if kept is None or usual is None or candidate.old is None:
        return None
    shift = kept.level - candidate.old.level - (same.level - usual.level)
    variance = same.error.variance + kept.sampling / kept.total
    return _Left(shift, variance, kept.total)


def _stands(candidate: Candidate, left: _Left, rise: float) -> bool:
    """Above the floor at equal load, and either beyond doubt above half of it or most of the shift.

    The latter is enough where load rose by little.
    """
    found, floor = candidate.comparison, candidate.least_shift
    assert found is not None
    kept = math.log(rise) < MUCH and left.shift >= KEPT * found.shift
    model = 0.0 if found.metric == measures.ERROR_RATE else MODEL
    sure = left.shift - SURE * math.hypot(math.sqrt(left.variance), model) >= MARGIN * floor
    return left.shift >= floor and (kept or sure)
