"""Chance: a change that noise alone explains, given how many things are looked at."""

from __future__ import annotations

from perfd.detect import looks
from perfd.detect.budget import PRUDENCE
from perfd.detect.candidate import Candidate
from perfd.detect.wording import bound, change
from perfd.model.finding import Check

NAME = "chance"


def check(candidate: Candidate) -> Check:
    """The p-value under the deploy's budget for wrong tickets."""
    found = candidate.comparison
    assert found is not None
    inputs: dict[str, float | int | str] = {
        "p": found.p,
        "threshold": candidate.threshold,
        "shift": found.shift,
        "least": found.least,
        "expected": candidate.expected,  # of the shift, without the deploy: what the others did
        **_provenance(candidate),
    }
    seen = f"a change above {bound(found, found.least)} would have been seen"
    if candidate.significant:
        verdict = f"{change(found)} is not chance: p = {found.p:.1g} over all tests of this deploy"
        return Check(NAME, True, verdict, inputs)
    if found.shift <= 0.0:
        return Check(NAME, False, f"{change(found)}, not a rise; {seen}", inputs)
    return Check(NAME, False, f"{change(found)} may be chance (p = {found.p:.2g}); {seen}", inputs)


def _provenance(candidate: Candidate) -> dict[str, float | int | str]:
    """Where the threshold comes from: the service's budget, and what this look has of it."""
    case = candidate.case
    return {
        "budget": case.share.allowed,
        "budget spent": case.share.spent,
        "share of the deploy": case.share.alpha,
        "part of the tests": PRUDENCE,
        "part of the look": looks.share(case),
    }
