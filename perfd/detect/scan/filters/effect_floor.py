"""The effect floor: real, but too small to spend a developer's day on."""

from __future__ import annotations

import math

from perfd.detect.scan.suspect import Suspect
from perfd.model.finding import Check

NAME = "effect floor"
MARGIN = 0.5  # of the floor, above which the change is for sure


def check(suspect: Suspect) -> Check:
    """The estimate above the floor, and its interval above half of it."""
    floor = math.log1p(suspect.settings.floor)
    low, high = suspect.interval
    sure = low if suspect.shift > 0.0 else -high
    passed = suspect.size >= floor and sure >= MARGIN * floor
    verdict = f"{suspect.percent}; the floor is {suspect.settings.floor:.1%}"
    return Check(NAME, passed, verdict, {"shift": suspect.shift, "sure": sure, "floor": floor})
