"""How long a request waited for its calls, and for which: what is left is its own time.

A moment belongs to the calls that are open in it, in equal parts where several are; a moment in
which none is open is the request's own. So the parts of all calls and the own time add up to the
duration exactly, and no call is charged for more than it took.

Not waited for: messages (PRODUCER spans) and calls that outlive the request. A call that repeats a
failed one is charged for the pause between the two as well: it is there because the first failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple


class Call(NamedTuple):
    """A call of one request; times in nanoseconds.

    `target` is what makes two calls the same one: who is called, and with what.
    """

    target: tuple[str, str]
    start: int
    end: int
    failed: bool = False
    message: bool = False


class Waited(NamedTuple):
    """What one call cost its request: seconds, or None for a call that nobody waited for."""

    call: Call
    seconds: float | None
    retry: bool


def waited(start: int, end: int, calls: Sequence[Call]) -> tuple[float, list[Waited]]:
    """The own time of a request from `start` to `end` (seconds), and the cost of each call."""
    ordered = sorted(calls, key=lambda call: (call.start, call.end))
    repeats = _repeats(ordered)
    spans = {
        place: _clipped(call.start if place not in repeats else ordered[repeats[place]].end, call)
        for place, call in enumerate(ordered)
        if not call.message and call.end <= end
    }
    spans = {
        place: (max(opens, start), max(closes, start)) for place, (opens, closes) in spans.items()
    }
    shares = dict(zip(spans, _shares(list(spans.values())), strict=True))
    found = [
        Waited(call, shares[place] / 1e9 if place in shares else None, place in repeats)
        for place, call in enumerate(ordered)
    ]
    return max(end - start - sum(shares.values()), 0.0) / 1e9, found


def _clipped(opens: int, call: Call) -> tuple[int, int]:
    return min(opens, call.start), max(call.end, call.start)


def _repeats(ordered: Sequence[Call]) -> dict[int, int]:
    """The place of each call that follows a failed one of the same target, and that one's place."""
    failed: dict[tuple[str, str], int] = {}
    repeats: dict[int, int] = {}
    for place, call in enumerate(ordered):
        before = failed.get(call.target)
        if before is not None and ordered[before].end <= call.start:
            repeats[place] = failed.pop(call.target)
        if call.failed and not call.message:
            failed[call.target] = place
    return repeats


def _shares(spans: Sequence[tuple[int, int]]) -> list[float]:
    """The part of each span in their union, in nanoseconds; `spans` need not be sorted."""
    if not _overlap(spans):
        return [float(end - start) for start, end in spans]
    moments = sorted({moment for span in spans for moment in span})
    shares = [0.0] * len(spans)
    for opens, closes in pairwise(moments):
        active = [i for i, (start, end) in enumerate(spans) if start <= opens and closes <= end]
        for i in active:
            shares[i] += (closes - opens) / len(active)
    return shares


def _overlap(spans: Sequence[tuple[int, int]]) -> bool:
    reached = 0
    for start, end in sorted(spans):
        if start < reached:
            return True
        reached = end
    return False
