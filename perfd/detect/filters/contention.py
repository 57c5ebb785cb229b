"""Host contention: the same code on a machine that was busy with something else.

Asked only of what would open, since the machines are read for that alone. A change that the quiet
hosts of the service show as well is no matter of the busy ones.
"""

from __future__ import annotations

import math

from perfd.detect import measures
from perfd.detect.candidate import Candidate
from perfd.detect.contention import NAME, Conditions, busier_hosts, conditions, contended
from perfd.detect.instances import Instance, against, instances, together
from perfd.detect.wording import bound, share
from perfd.model.finding import Check
from perfd.model.window import Window

LEFT = 0.3  # of the service's shift that has to be left on hosts that were no busier
LATENCY = (measures.LATENCY_MEAN, measures.LATENCY_P95)


def check(candidate: Candidate) -> Check | None:
    """What others took of the hosts, against what the operation lost."""
    if candidate.metric not in LATENCY or not candidate.case.resources:
        return None
    old, new = instances(candidate, before=True), instances(candidate, before=False)
    gauges = candidate.case.resources
    before = conditions(gauges, together(old.values()).windows)
    after = conditions(gauges, together(new.values()).windows)
    if before is None or after is None:
        return None
    quiet = _on_quiet_hosts(candidate, old, new, before, after)
    return quiet or contended(before, after, _rise(candidate))


def _on_quiet_hosts(
    candidate: Candidate,
    old: dict[str, Instance],
    new: dict[str, Instance],
    before: Conditions,
    after: Conditions,
) -> Check | None:
    """Where some hosts got busier and others did not, the instances on the latter decide."""
    busier = busier_hosts(before, after)
    calm = {name: one for name, one in new.items() if after.home.get(name, "") not in busier}
    if not busier or not calm:
        return None
    whole, left = against(candidate, old, new), against(candidate, old, calm)
    if whole is None or left is None:
        return None
    inputs: dict[str, float | int | str] = {
        "busier hosts": ", ".join(sorted(busier)),
        "shift": whole.shift,
        "on quiet hosts": left.shift,
    }
    words = f"on the hosts that were no busier the service is at {bound(left, left.shift)}"
    if left.shift >= LEFT * whole.shift:
        return Check(NAME, True, f"not only on busy hosts: {words}", inputs)
    host = max(busier, key=lambda name: after.by_host[name])
    verdict = f"the host was busy with something else: others used {share(after.by_host[host])} of"
    return Check(NAME, False, f"{verdict} the cores of {host}; {words}", inputs)


def _rise(candidate: Candidate) -> float:
    """By how much the operation's mean got longer: CPU and waits per request are means, too."""
    old, new = _mean(candidate.before), _mean(candidate.after)
    found = candidate.comparison
    assert found is not None
    return new / old - 1.0 if 0.0 < old < new else math.expm1(found.shift)


def _mean(windows: tuple[Window, ...]) -> float:
    measured = sum(w.histogram.count for w in windows)
    return sum(w.histogram.total for w in windows) / measured if measured else 0.0
