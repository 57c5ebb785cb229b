"""Season re-test: what the same hours of earlier weeks brought as well is their custom."""

from __future__ import annotations

import dataclasses

from perfd.detect.around.by_time import Around, beyond_usual
from perfd.detect.around.left import counts
from perfd.detect.filters import season
from perfd.detect.sides import DAY
from perfd.detect.wording import bound
from perfd.model.finding import Check

NAME = season.NAME
WEEK = 7.0  # days


def check(around: Around) -> Check | None:
    """As of a deploy; what is on top of the custom counts by itself."""
    found = season.check(around.candidate)
    if found is None or found.passed:
        return found
    left, variance = _against_last_week(around)
    told = {**found.inputs, "against last week": left}
    verdict = f"{found.verdict}; {bound(around.found, left)} more than a week before"
    return dataclasses.replace(
        found, passed=counts(around, left, variance), verdict=verdict, inputs=told
    )


def _against_last_week(around: Around) -> tuple[float, float]:
    """The shift against the very same hours of the week, and its variance; none where unknown."""
    case, candidate = around.case, around.candidate
    ago = WEEK * DAY / case.pace
    held = [w for w in candidate.before if case.after[0] <= w.start + ago < case.after[1]]
    cpu = [g for g in candidate.cpu_before if case.after[0] <= g.start + ago < case.after[1]]
    now = candidate.after, candidate.cpu_after
    found = beyond_usual(case, candidate.metric, (held, cpu), now, candidate.old)
    return (0.0, 0.0) if found is None else (found.shift, found.spread.variance)
