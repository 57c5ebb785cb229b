"""A service's instances on either side of a deploy, and some of them against others."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from perfd.detect import measures
from perfd.detect.candidate import Candidate
from perfd.detect.estimate import Comparison, compare
from perfd.detect.sides import belongs
from perfd.model.window import Gauge, Window


class Instance(NamedTuple):
    """What one instance did on one side, all operations together."""

    windows: list[Window]
    cpu: list[Gauge]


def instances(candidate: Candidate, *, before: bool) -> dict[str, Instance]:
    """Steady windows and CPU of each instance of one side."""
    deploy, sides = candidate.case.deploy, candidate.sides
    version = deploy.previous if before else deploy.version
    span = sides.span_before if before else sides.span_after
    found: defaultdict[str, Instance] = defaultdict(lambda: Instance([], []))
    for window in candidate.case.instances:
        if belongs(window, version, span):
            found[window.series.label.get("instance", "")].windows.append(window)
    for gauge in candidate.cpu_before if before else candidate.cpu_after:
        name = gauge.series.label.get("instance", "")
        if name in found:
            found[name].cpu.append(gauge)
    return dict(found)


def against(
    candidate: Candidate, before: Mapping[str, Instance], after: Mapping[str, Instance]
) -> Comparison | None:
    """Some instances of the new version against some of the old one, by the candidate's metric."""
    old, new = together(before.values()), together(after.values())
    if sum(w.count for w in new.windows) < candidate.case.settings.min_requests:
        return None
    metric = candidate.metric
    if metric == measures.LATENCY_P95:
        metric = measures.LATENCY_MEAN  # the same cause, and less noise
    found = compare(metric, old.windows, new.windows, old.cpu, new.cpu)
    return found if found is not None and math.isfinite(found.shift) else None


def together(held: Iterable[Instance]) -> Instance:
    """Several as one."""
    held = list(held)
    return Instance([w for i in held for w in i.windows], [g for i in held for g in i.cpu])
