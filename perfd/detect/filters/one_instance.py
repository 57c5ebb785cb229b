"""Single-instance shift: one bad host or process is no regression of the code that all run.

Hosts are known once something would open, since their gauges are read for that alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from perfd.detect.candidate import Candidate
from perfd.detect.estimate import Comparison
from perfd.detect.host_readings import HostReadings
from perfd.detect.instances import Instance, against, instances
from perfd.detect.wording import bound
from perfd.model.finding import Check

NAME = "one instance"
LEFT = 0.3  # of the service's shift that has to be left without its worst instance
DOUBT = 1e-3  # of the service's shift, above which instances cannot tell it apart


def check(candidate: Candidate) -> Check | None:
    """The change of the whole service without the instance, or else the host, that is worst."""
    before, after = instances(candidate, before=True), instances(candidate, before=False)
    whole = against(candidate, before, after)
    if whole is None or whole.p > DOUBT:
        return None
    return worst_of(candidate, before, after, whole)


def worst_of(
    candidate: Candidate,
    before: Mapping[str, Instance],
    after: Mapping[str, Instance],
    whole: Comparison,
    *,
    same: bool = False,
) -> Check | None:
    """The same, where `whole` is what all instances show; None where there is but one.

    With `same` instances, the worst one is left out before as well.
    """
    if len(after) < 2:
        return None
    sides = before, after, same
    of_instances = _without_worst(candidate, sides, {name: name for name in after}, whole)
    if of_instances is None or not of_instances.passed:
        return of_instances
    homes = _homes(candidate.case.hosts)
    if not after.keys() <= homes.keys():
        return of_instances
    of_hosts = _without_worst(candidate, sides, homes, whole, "host")
    return of_hosts if of_hosts and not of_hosts.passed else of_instances


def _without_worst(
    candidate: Candidate,
    sides: tuple[Mapping[str, Instance], Mapping[str, Instance], bool],
    group: Mapping[str, str],
    whole: Comparison,
    noun: str = "instance",
) -> Check | None:
    """Leaves out each group of instances in turn; the one without which least is left decides."""
    before, after, same = sides
    groups = {group[name] for name in after}
    found = {
        one: against(
            candidate,
            {n: i for n, i in before.items() if not (same and group.get(n) == one)},
            {n: i for n, i in after.items() if group[n] != one},
        )
        for one in groups
    }
    left = {one: rest for one, rest in found.items() if rest is not None}
    if not left or len(groups) < 2:
        return None
    worst = min(sorted(left), key=lambda one: left[one].shift)
    return _verdict(worst, left[worst], whole, len(groups), noun)


def _verdict(worst: str, without: Comparison, whole: Comparison, of: int, noun: str) -> Check:
    inputs: dict[str, float | int | str] = {
        f"{noun}s": of,
        "worst": worst,
        "shift": whole.shift,
        "without": without.shift,
    }
    words = f"without it the service is at {bound(without, without.shift)}"
    if without.shift < LEFT * whole.shift:
        return Check(NAME, False, f"only {noun} {worst} of {of} is worse: {words}", inputs)
    return Check(NAME, True, f"not only the worst of {of} {noun}s: {words}", inputs)


def _homes(hosts: HostReadings | None) -> dict[str, str]:
    """The host of each instance, as far as somebody samples it there."""
    return {instance: host for (instance, _), host in hosts.home.items()} if hosts else {}
