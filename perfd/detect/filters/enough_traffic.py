"""Too few requests to say anything: below this, an interval is a guess about a guess."""

from __future__ import annotations

from perfd.detect.candidate import Candidate
from perfd.model.finding import Check

NAME = "traffic"


def check(candidate: Candidate) -> Check:
    """At least `min_requests` on either side."""
    needed = candidate.case.settings.min_requests
    before = sum(w.count for w in candidate.before)
    after = sum(w.count for w in candidate.after)
    inputs: dict[str, float | int | str] = {"before": before, "after": after, "needed": needed}
    if after < needed:
        verdict = f"{after:,} requests after the deploy, {needed} needed"
    elif before < needed:
        verdict = f"{before:,} requests before the deploy, {needed} needed"
    elif candidate.comparison is None:
        verdict = f"{candidate.metric} was not measured on both sides"
    else:
        return Check(NAME, True, f"{before:,} requests before, {after:,} after", inputs)
    return Check(NAME, False, verdict, inputs)
