"""Traffic artefact: where most requests stay away, those that are left are not like them.

A crawler that leaves takes its cheap requests with it, and the mean of the rest is what it always
was for them. So what counts then is not the share of slow requests but how many there are: slow
requests, errors or CPU seconds per second. Only where these rise was something added.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from perfd.detect import measures
from perfd.detect.candidate import Candidate
from perfd.detect.cells import OCTAVE
from perfd.detect.status_classes import of_class
from perfd.detect.wording import percent
from perfd.model.finding import Check, Interval
from perfd.model.window import Window

NAME = "throughput"
FELL = 0.5
ROSE = 1.1  # times as many bad requests as before are more than came by chance
DEVIATIONS = 2.0


def check(candidate: Candidate) -> Check | None:
    """The operation's rate over all versions; where it fell, whether there is more of what is bad.

    Beside the old version, each version has a part of the traffic, and that part says nothing.
    """
    assert candidate.comparison is not None
    old, new = rates(candidate)
    if not old or not new:
        return None
    ratio = new / old
    inputs: dict[str, float | int | str] = {"before": old, "after": new, "ratio": ratio}
    words = f"requests per second {percent(ratio - 1.0)}"
    if ratio >= FELL or candidate.sides.concurrent:
        return Check(NAME, True, words, inputs)
    before, after, error = _bad(candidate)
    inputs |= {"bad_before": before, "bad_after": after}
    what = _WHAT.get(candidate.metric, "slow requests")
    if after > ROSE * before and after - before > DEVIATIONS * error:
        return Check(NAME, True, f"{words}, and yet more {what} than before", inputs)
    verdict = f"{words}, and no more {what} than before: what is left cannot be compared"
    return Check(NAME, False, verdict, inputs)


_WHAT = {measures.ERROR_RATE: "errors", measures.CPU: "CPU seconds"}


def _bad(candidate: Candidate) -> tuple[float, float, float]:
    """What is bad per second before and after, and the error of their difference."""
    sides, operation = candidate.sides, candidate.operation
    seconds = sides.seconds
    if candidate.metric == measures.CPU:
        spent = [sum(g.total for g in side) for side in (sides.cpu_before, sides.cpu_after)]
        return spent[0] / seconds[0], spent[1] / seconds[1], 0.0
    held = [
        of_class(side.get(operation, []), candidate.status_class)
        for side in (sides.before, sides.after)
    ]
    if candidate.metric == measures.ERROR_RATE:
        before, after = (float(sum(w.errors for w in windows)) for windows in held)
    else:
        before, after = (_slower(windows, _between(candidate)) for windows in held)
    error = math.hypot(math.sqrt(before) / seconds[0], math.sqrt(after) / seconds[1])
    return before / seconds[0], after / seconds[1], error


def _between(candidate: Candidate) -> float:
    """ln(latency) in the middle between the old level and the new."""
    assert candidate.old is not None
    assert candidate.new is not None
    return (candidate.old.level + candidate.new.level) / 2.0


def _slower(windows: Iterable[Window], level: float) -> float:
    """Requests in buckets above a level of ln(latency)."""
    above = level / OCTAVE
    return float(sum(n for w in windows for b, n in w.histogram.buckets.items() if b >= above))


def rates(candidate: Candidate) -> tuple[float, float]:
    """Requests per second of all versions, before and after."""
    sides = candidate.sides
    old, new = (_held(candidate, span) for span in (sides.span_before, sides.span_after))
    return old / sides.seconds[0], new / sides.seconds[1]


def _held(candidate: Candidate, span: Interval) -> int:
    return sum(w.count for w in candidate.case.requests if _in(span)(w) and _same(candidate, w))


def _in(span: Interval) -> Callable[[Window], bool]:
    return lambda w: span[0] <= w.start < span[1]


def _same(candidate: Candidate, window: Window) -> bool:
    return candidate.operation in ("", window.series.label.get("operation"))
