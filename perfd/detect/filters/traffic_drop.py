"""Traffic artefact: where most requests stay away, those that are left are not like them."""

from __future__ import annotations

import math
from collections.abc import Callable

from perfd.detect.candidate import Candidate
from perfd.detect.wording import percent
from perfd.model.finding import Check, Interval
from perfd.model.window import Window

NAME = "throughput"
FELL = 0.5
TOO_LARGE = math.log(2.0)  # a change beyond this is not made by fewer requests


def check(candidate: Candidate) -> Check | None:
    """The operation's rate over all versions, after against before."""
    found = candidate.comparison
    assert found is not None
    old = _rate(candidate, candidate.sides.span_before)
    new = _rate(candidate, candidate.sides.span_after)
    if not old or not new:
        return None
    ratio = new / old
    inputs: dict[str, float | int | str] = {"before": old, "after": new, "ratio": ratio}
    if ratio >= FELL or found.shift > TOO_LARGE:
        return Check(NAME, True, f"requests per second {percent(ratio - 1.0)}", inputs)
    verdict = f"requests per second {percent(ratio - 1.0)}: what is left cannot be compared"
    return Check(NAME, False, verdict, inputs)


def _rate(candidate: Candidate, span: Interval) -> float:
    """Requests per second of all versions, in the windows of a span."""
    held = sum(w.count for w in candidate.case.requests if _in(span)(w) and _same(candidate, w))
    return held / (span[1] - span[0])


def _in(span: Interval) -> Callable[[Window], bool]:
    return lambda w: span[0] <= w.start < span[1]


def _same(candidate: Candidate, window: Window) -> bool:
    return candidate.operation in ("", window.series.label.get("operation"))
