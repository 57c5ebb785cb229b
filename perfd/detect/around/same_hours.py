"""Same hours: the windows around show the change too, against the same hours of the days before."""

from __future__ import annotations

from perfd.detect.around.by_time import Around
from perfd.detect.wording import bound, change
from perfd.model.finding import Check

NAME = "same hours"
SHOWN = 0.5  # of what the scan says


def check(around: Around) -> Check:
    """At least half of the scan's shift, which saw one number an hour and a smooth season."""
    case, found = around.case, around.found
    inputs: dict[str, float | int | str] = {"scan": case.shift, "shift": found.shift}
    verdict = (
        f"{change(found)} at the same hours of the day, {bound(found, case.shift)} by the scan"
    )
    return Check(NAME, found.shift >= SHOWN * case.shift, verdict, inputs)
