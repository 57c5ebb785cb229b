"""Single-instance shift: one bad host or process is no regression of the code that all run."""

from __future__ import annotations

import math
from collections import defaultdict

from perfd.detect import measures
from perfd.detect.candidate import Candidate
from perfd.detect.wording import percent
from perfd.model.finding import Check
from perfd.model.histogram import EMPTY, Histogram
from perfd.model.series import STEADY

NAME = "one instance"
LEFT = 0.3  # of the service's shift that has to be left without its slowest instance
DEVIATIONS = 4.0  # of the service's shift, below which instances cannot tell it apart


def check(candidate: Candidate) -> Check | None:
    """The change without the instance that is slowest."""
    if candidate.metric not in (measures.LATENCY_MEAN, measures.LATENCY_P95):
        return None
    before = _merged(list(_instances(candidate, before=True).values()))
    after = _instances(candidate, before=False)
    if len(after) < 2 or before.count < candidate.case.settings.min_requests:
        return None
    slowest = max(after, key=lambda name: after[name].mean_log)
    whole = _merged(list(after.values()))
    rest = _merged([held for name, held in after.items() if name != slowest])
    if rest.count < candidate.case.settings.min_requests or not _told_apart(before, whole):
        return None
    shift, without = whole.mean_log - before.mean_log, rest.mean_log - before.mean_log
    inputs: dict[str, float | int | str] = {
        "instances": len(after),
        "slowest": slowest,
        "shift": shift,
        "without": without,
    }
    words = f"without it the service is at {percent(math.expm1(without))}"
    if without < LEFT * shift:
        verdict = f"only instance {slowest} of {len(after)} is slower: {words}"
        return Check(NAME, False, verdict, inputs)
    return Check(NAME, True, f"not only the slowest of {len(after)} instances: {words}", inputs)


def _instances(candidate: Candidate, *, before: bool) -> dict[str, Histogram]:
    """Steady requests of each instance of one side."""
    deploy, sides = candidate.case.deploy, candidate.sides
    version = deploy.previous if before else deploy.version
    start, end = sides.span_before if before else sides.span_after
    held: defaultdict[str, Histogram] = defaultdict(lambda: EMPTY)
    for window in candidate.case.instances:
        label = window.series.label
        same = label.get("version") == version and label.get("phase", STEADY) == STEADY
        if same and start <= window.start < end:
            name = label.get("instance", "")
            held[name] = held[name].merge(window.histogram)
    return {name: one for name, one in held.items() if one.count > one.zeros}


def _merged(parts: list[Histogram]) -> Histogram:
    held = EMPTY
    for part in parts:
        held = held.merge(part)
    return held


def _told_apart(before: Histogram, after: Histogram) -> bool:
    """Whether the service as a whole moved, so that instances have something to explain."""
    variance = before.var_log / before.count + after.var_log / after.count
    return after.mean_log - before.mean_log > DEVIATIONS * math.sqrt(variance)
