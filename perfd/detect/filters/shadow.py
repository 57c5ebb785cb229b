"""Shadow: what would be opened is shown and not opened, while nobody may rely on it yet.

That is while the user says so, and where the old version has been seen for less than the baseline:
such a deploy is compared nevertheless, so that a person can see what perfd would have said.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from perfd.detect.candidate import Candidate
from perfd.detect.case import DeployCase
from perfd.detect.settings import DetectSettings
from perfd.detect.sides import NEARLY, Sides
from perfd.model.finding import Check

NAME = "shadow"


def check(candidate: Candidate) -> Check | None:
    """Why a ticket is not opened of what stands; None where it may be."""
    why = shadowed(candidate.case, candidate.sides)
    return Check(NAME, False, f"would have opened a ticket: {why}") if why else None


def shadowed(case: DeployCase, sides: Sides) -> str:
    """The reason for the shadow; empty where there is none."""
    settings = case.settings
    if told := hidden(case.deploy.service, settings):
        return told
    needed, seen = case.seconds(settings.baseline), _baseline(sides)
    if sides.concurrent or seen >= needed * NEARLY:
        return ""
    have, want = (f"{length * case.pace / 60.0:.0f}" for length in (seen, needed))
    return f"the old version was seen for {have} min, and a baseline is mature after {want}"


def hidden(service: str, settings: DetectSettings) -> str:
    """What the user says of a service; empty where its tickets may be opened."""
    if settings.shadow:
        return "shadow mode is on (detect.shadow)"
    if any(fnmatchcase(service, pattern) for pattern in settings.shadow_services):
        return f"{service} is in shadow mode (detect.shadow_services)"
    return ""


def _baseline(sides: Sides) -> float:
    """Seconds over which the old version is known."""
    starts = [sides.span_before[0], *(w.start for held in sides.older.values() for w in held)]
    return sides.span_before[1] - min(starts)
