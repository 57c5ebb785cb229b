"""Host contention: the same code on a machine that was busy with something else.

Asked only of what would open, since the machines are read for that alone. Where enough requests
were served on quiet hosts, or at quiet times, these decide: a change that they show as well is no
matter of the busy ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from perfd.detect import measures
from perfd.detect.candidate import Candidate
from perfd.detect.contention import (
    BLAMED,
    FEW,
    NAME,
    conditions,
    contended,
    crowded,
    seat_of,
    undisturbed,
)
from perfd.detect.instances import Instance, against, instances, together
from perfd.detect.wording import bound, share
from perfd.model.finding import Check
from perfd.model.window import Window

LEFT = 0.3  # of the service's shift that quiet requests have to show as well
DOUBT = 1e-3  # of the service's shift, above which they cannot tell it apart
LATENCY = (measures.LATENCY_MEAN, measures.LATENCY_P95)


def check(candidate: Candidate) -> Check | None:
    """What others took of the hosts, against what the operation lost."""
    gauges = candidate.case.hosts
    if candidate.metric not in LATENCY or gauges is None:
        return None
    old, new = instances(candidate, before=True), instances(candidate, before=False)
    windows = together(new.values()).windows
    before, after = conditions(gauges, together(old.values()).windows), conditions(gauges, windows)
    if before is None or after is None:
        return None
    seats = crowded(before, after)
    busy = [w for w in windows if seat_of(w) in seats]
    part = _requests(busy) / _requests(windows)
    under = conditions(gauges, busy)
    if part < FEW or under is None:
        return undisturbed(before, after)
    quiet = {
        name: Instance([w for w in one.windows if seat_of(w) not in seats], one.cpu)
        for name, one in new.items()
    }
    told = f"others used {share(before.others)} of its cores before, {share(under.others)} during"
    decided = _quiet(candidate, old, new, quiet, f"{told} {share(part)} of the requests after")
    return decided or contended(before, under, _rise(candidate))


def _quiet(
    candidate: Candidate,
    old: Mapping[str, Instance],
    new: Mapping[str, Instance],
    quiet: Mapping[str, Instance],
    told: str,
) -> Check | None:
    """What the requests show that nobody disturbed; None where they are too few."""
    whole, left = against(candidate, old, new), against(candidate, old, quiet)
    if whole is None or left is None or whole.p > DOUBT:
        return None
    inputs: dict[str, float | int | str] = {"shift": whole.shift, "quiet": left.shift}
    words = f"the others are at {bound(left, left.shift)}"
    if left.shift >= LEFT * whole.shift:
        return Check(NAME, True, f"not only while the host was busy: {told}; {words}", inputs)
    return Check(NAME, False, f"{BLAMED}: {told}; {words}", inputs)


def _rise(candidate: Candidate) -> float:
    """By how much the operation's mean got longer: CPU and waits per request are means, too."""
    old, new = _mean(candidate.before), _mean(candidate.after)
    found = candidate.comparison
    assert found is not None
    return new / old - 1.0 if 0.0 < old < new else math.expm1(found.shift)


def _mean(windows: tuple[Window, ...]) -> float:
    measured = sum(w.histogram.count for w in windows)
    return sum(w.histogram.total for w in windows) / measured if measured else 0.0


def _requests(windows: list[Window]) -> int:
    return max(sum(w.count for w in windows), 1)
