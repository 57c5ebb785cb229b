"""Went away: a change that is over by the last third of the after side is not there to be fixed."""

from __future__ import annotations

import math

from perfd.detect.candidate import Candidate
from perfd.detect.wording import change, minutes
from perfd.model.finding import Check
from perfd.model.window import Window

NAME = "persistence"
KEPT = 0.5  # of the shift
DEVIATIONS = 2.0


def check(candidate: Candidate) -> Check:
    """The last third of the after side keeps half of the shift, by itself beyond doubt."""
    found = candidate.comparison
    assert found is not None
    third = _last_third(candidate.after)
    late = candidate.against(third)
    if late is None:
        return Check(NAME, False, "nothing was measured in the last third of the time after")
    inputs: dict[str, float | int | str] = {"shift": found.shift, "late": late.shift}
    sure = late.shift > DEVIATIONS * math.sqrt(late.spread.variance)
    if late.shift >= KEPT * found.shift and sure:
        return Check(NAME, True, f"still {change(late)} in the last third", inputs)
    if late.shift >= KEPT * found.shift:
        return Check(NAME, False, f"{change(late)} in the last third, which may be chance", inputs)
    lasted = minutes(third[0].start - candidate.after[0].start, candidate.case.pace)
    verdict = f"the change went away after at most {lasted}: {change(late)} in the last third"
    return Check(NAME, False, verdict, inputs)


def vanished(candidate: Candidate) -> Check | None:
    """A change that was there at first, and that the whole side no longer shows beyond doubt.

    Its coming and going looks like noise to the comparison of the whole sides.
    """
    found = candidate.comparison
    if found is None or candidate.significant:
        return None
    thirds = _first_third(candidate.after), _last_third(candidate.after)
    early = candidate.against(thirds[0])
    if early is None or early.p > candidate.threshold or early.shift < candidate.least_shift:
        return None
    late = candidate.against(thirds[1])
    if late is None or late.shift >= KEPT * early.shift:
        return None
    lasted = minutes(thirds[1][0].start - candidate.after[0].start, candidate.case.pace)
    inputs: dict[str, float | int | str] = {"early": early.shift, "late": late.shift}
    verdict = (
        f"the change went away after at most {lasted}: {change(early)} in the first third, "
        f"{change(late)} in the last"
    )
    return Check(NAME, False, verdict, inputs)


def _first_third(windows: tuple[Window, ...]) -> list[Window]:
    begin, end = windows[0].start, windows[-1].start + windows[-1].width
    return [w for w in windows if w.start < begin + (end - begin) / 3.0]


def _last_third(windows: tuple[Window, ...]) -> list[Window]:
    begin, end = windows[0].start, windows[-1].start + windows[-1].width
    since = end - (end - begin) / 3.0
    return [w for w in windows if w.start >= since - windows[-1].width / 2.0]
