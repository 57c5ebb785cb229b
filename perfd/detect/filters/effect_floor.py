"""The effect floor: real, but too small to spend a developer's day on."""

from __future__ import annotations

from perfd.detect import measures
from perfd.detect.candidate import Candidate
from perfd.detect.wording import bound, change
from perfd.model.finding import Check

NAME = "effect floor"
MARGIN = 0.5  # of the floor, above which the change is for sure
SURE = 0.99
# The noise is then known from that hour alone, and an hour is short for what lasts minutes.
SURE_PROVISIONAL = 0.999


def check(candidate: Candidate) -> Check:
    """The estimate above the floor, and beyond doubt above half of it."""
    found = candidate.comparison
    assert found is not None
    floor = candidate.least_shift
    sure = found.at_least(SURE_PROVISIONAL if candidate.sides.provisional else SURE)
    inputs: dict[str, float | int | str] = {
        "shift": found.shift,
        "floor": floor,
        "sure": sure,
        "absolute": found.effect.absolute,
    }
    least = candidate.case.settings.floor_seconds
    words = bound(found, floor).lstrip("+")
    if found.shift < floor:
        verdict = f"{change(found)} is below the floor of {words}"
    elif found.metric != measures.ERROR_RATE and found.effect.absolute < least:
        verdict = f"{change(found)} is {found.effect.absolute * 1e6:.0f} µs, too little to matter"
    elif sure < floor * MARGIN:
        verdict = (
            f"{change(found)} is not certain enough: it may be as little as "
            f"{bound(found, sure)}, with a floor of {words}"
        )
    else:
        verdict = f"{change(found)}, at least {bound(found, sure)}; the floor is {words}"
        return Check(NAME, True, verdict, inputs)
    return Check(NAME, False, verdict, inputs)
