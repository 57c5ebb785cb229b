"""The effect floor: real, but too small to spend a developer's day on."""

from __future__ import annotations

from perfd.detect import measures
from perfd.detect.candidate import Candidate
from perfd.detect.wording import bound, change
from perfd.model.finding import Check

NAME = "effect floor"
MARGIN = 0.5  # of the floor, below which the interval may not reach


def check(candidate: Candidate) -> Check:
    """The estimate above the floor, and its interval above half of it."""
    found = candidate.comparison
    assert found is not None
    floor = candidate.least_shift
    inputs: dict[str, float | int | str] = {
        "shift": found.shift,
        "floor": floor,
        "low": found.low,
        "absolute": found.effect.absolute,
    }
    least = candidate.case.settings.floor_seconds
    words = bound(found, floor).lstrip("+")
    if found.shift < floor:
        verdict = f"{change(found)} is below the floor of {words}"
    elif found.metric != measures.ERROR_RATE and found.effect.absolute < least:
        verdict = f"{change(found)} is {found.effect.absolute * 1e6:.0f} µs, too little to matter"
    elif found.low < floor * MARGIN:
        verdict = (
            f"{change(found)} is not certain enough: it may be as little as "
            f"{bound(found, found.low)}, with a floor of {words}"
        )
    else:
        verdict = f"{change(found)}, at least {bound(found, found.low)}; the floor is {words}"
        return Check(NAME, True, verdict, inputs)
    return Check(NAME, False, verdict, inputs)
