"""Single-instance shift: one bad host or process is no regression of the code that all run."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from perfd.detect import measures
from perfd.detect.candidate import Candidate
from perfd.detect.estimate import Comparison, compare
from perfd.detect.wording import bound
from perfd.model.finding import Check
from perfd.model.series import STEADY
from perfd.model.window import Gauge, Window

NAME = "one instance"
LEFT = 0.3  # of the service's shift that has to be left without its worst instance
DOUBT = 1e-3  # of the service's shift, above which instances cannot tell it apart


class Instance(NamedTuple):
    """What one instance did on one side, all operations together."""

    windows: list[Window]
    cpu: list[Gauge]


def check(candidate: Candidate) -> Check | None:
    """The change of the whole service without the instance that is worst."""
    before, after = _instances(candidate, before=True), _instances(candidate, before=False)
    whole = _against(candidate, before, after)
    if len(after) < 2 or whole is None or whole.p > DOUBT:
        return None
    without = {name: _against(candidate, before, _but(after, name)) for name in after}
    left = {name: one for name, one in without.items() if one is not None}
    if not left:
        return None
    worst = min(left, key=lambda name: left[name].shift)
    return _verdict(worst, left[worst], whole, len(after))


def _verdict(worst: str, without: Comparison, whole: Comparison, instances: int) -> Check:
    inputs: dict[str, float | int | str] = {
        "instances": instances,
        "worst": worst,
        "shift": whole.shift,
        "without": without.shift,
    }
    words = f"without it the service is at {bound(without, without.shift)}"
    if without.shift < LEFT * whole.shift:
        verdict = f"only instance {worst} of {instances} is worse: {words}"
        return Check(NAME, False, verdict, inputs)
    return Check(NAME, True, f"not only the worst of {instances} instances: {words}", inputs)


def _instances(candidate: Candidate, *, before: bool) -> dict[str, Instance]:
    """Steady windows and CPU of each instance of one side."""
    deploy, sides = candidate.case.deploy, candidate.sides
    version = deploy.previous if before else deploy.version
    span = sides.span_before if before else sides.span_after
    found: defaultdict[str, Instance] = defaultdict(lambda: Instance([], []))
    belongs = _belongs(version, span)
    for window in candidate.case.instances:
        if belongs(window):
            found[window.series.label.get("instance", "")].windows.append(window)
    for gauge in candidate.cpu_before if before else candidate.cpu_after:
        name = gauge.series.label.get("instance", "")
        if name in found:
            found[name].cpu.append(gauge)
    return dict(found)


def _belongs(version: str, span: tuple[float, float]) -> Callable[[Window], bool]:
    def belongs(window: Window) -> bool:
        label = window.series.label
        steady = label.get("phase", STEADY) == STEADY
        return steady and label.get("version") == version and span[0] <= window.start < span[1]

    return belongs


def _but(instances: Mapping[str, Instance], name: str) -> dict[str, Instance]:
    return {other: one for other, one in instances.items() if other != name}


def _against(
    candidate: Candidate, before: Mapping[str, Instance], after: Mapping[str, Instance]
) -> Comparison | None:
    """Some instances of the new version against all of the old one, by the candidate's metric."""
    old, new = _together(before.values()), _together(after.values())
    if sum(w.count for w in new.windows) < candidate.case.settings.min_requests:
        return None
    metric = candidate.metric
    if metric == measures.LATENCY_P95:
        metric = measures.LATENCY_MEAN  # the same cause, and less noise
    found = compare(metric, old.windows, new.windows, old.cpu, new.cpu)
    return found if found is not None and math.isfinite(found.shift) else None


def _together(instances: Iterable[Instance]) -> Instance:
    held = list(instances)
    return Instance([w for i in held for w in i.windows], [g for i in held for g in i.cpu])
