"""Sampling: how many of the requests are known, and whether that changed with the deploy.

Latency does not mind fewer spans, since those that are left are like the others. Whatever is per
request does: where fewer are traced, or fewer are counted and nobody says so, the same CPU seconds
are divided by less.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from perfd.detect import measures
from perfd.detect.candidate import Candidate
from perfd.detect.wording import percent
from perfd.model.finding import Check
from perfd.model.window import Window

NAME = "sampling"
SAME = 0.1  # by which the share of traced requests may differ
EXPLAINED = 0.75  # of a shift by requests that are missing


def check(candidate: Candidate) -> Check | None:
    """Who counted the requests; cost per request only at one sampling rate."""
    if candidate.case.by_metric:
        return _by_metric(candidate)
    before, after = _traced(candidate.before), _traced(candidate.after)
    inputs: dict[str, float | int | str] = {"before": before, "after": after}
    if candidate.metric == measures.CPU:
        if abs(math.log(after / before)) > SAME:
            verdict = f"{_words(before)}, now {_words(after)}: cost per request cannot be compared"
            return Check(NAME, False, verdict, inputs)
        if missing := _missing(candidate):
            return missing
    if max(before, after) > 1.0 - SAME:
        return None
    return Check(NAME, True, f"{_words(after)}; the counts stand for all of them", inputs)


def _by_metric(candidate: Candidate) -> Check:
    spans = sum(w.histogram.count for w in candidate.case.unspoken)
    counted = max(sum(w.count for w in candidate.case.requests), 1)
    share = min(spans / counted, 1.0)
    words = "the service's own metric counts and measures the requests"
    if spans:
        words += f"; {share:.0%} of them are traced"
    return Check(NAME, True, words, {"traced": share})


def _traced(windows: Iterable[Window]) -> float:
    """The share of requests whose spans arrived, as far as the spans say."""
    held = list(windows)
    measured = sum(w.histogram.count for w in held)
    return max(measured, 1) / max(sum(w.count for w in held), measured, 1)


def _missing(candidate: Candidate) -> Check | None:
    """Requests fell by as much as the cost of each rose: the sum is the same.

    Beside the old version, each version has a part of the traffic, and that part says nothing.
    """
    sides, found = candidate.sides, candidate.comparison
    if sides.concurrent or found is None or found.shift <= 0.0:
        return None
    old, new = (
        sum(w.count for w in candidate.case.requests if start <= w.start < end) / seconds
        for (start, end), seconds in zip(
            (sides.span_before, sides.span_after), sides.seconds, strict=True
        )
    )
    if not old or not new or -math.log(new / old) < EXPLAINED * found.shift:
        return None
    verdict = (
        f"requests per second {percent(new / old - 1.0)} and CPU seconds as before: "
        "fewer are served or fewer are counted, which nobody says"
    )
    return Check(NAME, False, verdict, {"before": old, "after": new})


def _words(share: float) -> str:
    return f"{share:.0%} of the requests are traced"
