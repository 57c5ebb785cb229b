"""Single-instance or host shift: without the worst one, whether the change is still there."""

from __future__ import annotations

import dataclasses

from perfd.detect.around.by_time import Around
from perfd.detect.around.left import counts
from perfd.detect.filters.one_instance import DOUBT, NAME, worst_of
from perfd.detect.instances import against, instances
from perfd.model.finding import Check

SHOWN = 0.5  # of what the scan says; instances count all operations together

__all__ = ["NAME", "check"]


def check(around: Around) -> Check | None:
    """As of a deploy; None where the instances together do not show the change.

    Beyond doubt, or half of it: what is left without the worst one shares its weather with the
    whole, so noise that hides the change from zero does not hide it from there.
    """
    candidate = around.candidate
    before, after = instances(candidate, before=True), instances(candidate, before=False)
    whole = against(candidate, before, after)
    if whole is None or whole.shift <= 0.0:
        return None
    if whole.p > DOUBT and whole.shift < SHOWN * around.case.shift:
        return None
    found = worst_of(candidate, before, after, whole, same=True)
    if found is None or found.passed:
        return found
    left = counts(around, float(found.inputs["without"]), around.variance)
    return dataclasses.replace(found, passed=left)
