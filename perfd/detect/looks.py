"""When a deploy is looked at, and what each look may cost of its budget for wrong tickets.

Most operations have traffic enough for the first look. Those that have not are looked at again for
a while, and a day later everything once more, against the same hours.
"""

from __future__ import annotations

from perfd.aggregate.grid import HOT_SECONDS
from perfd.detect.case import DeployCase

# Times of the looks, as multiples of the least time after a deploy.
TIMES = (1.0, 4.0 / 3.0, 2.0, 3.0, 4.0)
LATE_STEP = 10.0  # windows between two looks for telemetry that comes late
FIRST_SHARE = 0.5
LAST_SHARE = 0.2


def is_last(case: DeployCase) -> bool:
    """Whether this is the look a day later."""
    return case.end >= last_at(case)


def share(case: DeployCase) -> float:
    """The part of the budget that this look may spend."""
    if is_last(case):
        return LAST_SHARE
    if case.looks == 0:
        return FIRST_SHARE
    return (1.0 - FIRST_SHARE - LAST_SHARE) / (len(TIMES) - 1)


def next_due(case: DeployCase, *, settled: bool) -> float | None:
    """When to look after this look.

    `settled` when more traffic would not tell more; None after the last look.
    """
    if is_last(case):
        return None
    taken = case.looks + 1
    if settled or taken >= len(TIMES):
        return last_at(case)
    due = case.deploy.at + TIMES[taken] * case.seconds(case.settings.after)
    return min(max(due, case.end + case.width), last_at(case))


def retry_due(case: DeployCase, *, hopeless: bool = False) -> float | None:
    """When to look again if there is not enough yet; None when nothing more will come.

    `hopeless` when time does not bring what is missing; a collector that was cut off still may.
    """
    first = case.deploy.at + case.seconds(case.settings.after)
    due = max(first, case.end + (LATE_STEP if hopeless else 1.0) * case.width)
    last = case.deploy.at + case.seconds(HOT_SECONDS) if hopeless else last_at(case)
    return due if due <= last else None


def last_at(case: DeployCase) -> float:
    """When the deploy is judged once more, and last."""
    return case.deploy.at + case.seconds(case.settings.recheck)
