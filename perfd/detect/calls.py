"""Child spans per sampled request, before and after: how an N+1 shows itself."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from perfd.model.evidence import CallRow
from perfd.model.exemplar import RANDOM, Exemplar, SpanRecord

FEWEST_REQUESTS = 4  # sampled on either side; fewer say nothing about the usual request
MOST_ROWS = 8
LEAST_CHANGE = 0.2  # calls per request: below that nobody added a call


class Call(NamedTuple):
    """Who is called: the service that made the span, its name, kind and detail."""

    service: str
    name: str
    kind: str
    detail: str


def calls(before: Sequence[Exemplar], after: Sequence[Exemplar]) -> tuple[CallRow, ...]:
    """Calls whose number or time per request changed, the greatest time first.

    Only exemplars drawn at random count: the slowest are slow because they call more.
    """
    old, new = _drawn(before), _drawn(after)
    if min(len(old), len(new)) < FEWEST_REQUESTS:
        return ()
    sides = _means(old), _means(new)
    rows = [_row(call, *sides) for call in sorted(sides[0].keys() | sides[1].keys())]
    changed = [row for row in rows if abs(row.after - row.before) >= LEAST_CHANGE]
    changed.sort(key=lambda row: row.before_seconds - row.after_seconds)
    return tuple(changed[:MOST_ROWS])


Means = dict[Call, tuple[float, float]]  # calls and seconds per request


def _drawn(exemplars: Iterable[Exemplar]) -> list[Exemplar]:
    return [e for e in exemplars if e.reason == RANDOM and len(e.spans) > 1]


def _means(exemplars: Sequence[Exemplar]) -> Means:
    count: Counter[Call] = Counter()
    seconds: defaultdict[Call, float] = defaultdict(float)
    for exemplar in exemplars:
        for span in _below(exemplar):
            count[_call(span)] += 1
            seconds[_call(span)] += span.duration
    requests = len(exemplars)
    return {call: (n / requests, seconds[call] / requests) for call, n in count.items()}


def _below(exemplar: Exemplar) -> list[SpanRecord]:
    """The spans that the request caused; its trace also holds those that caused it."""
    children: defaultdict[str, list[SpanRecord]] = defaultdict(list)
    for span in exemplar.spans:
        children[span.parent_id].append(span)
    found: list[SpanRecord] = []
    waiting = [exemplar.span_id]
    while waiting:
        below = children.pop(waiting.pop(), [])  # popped: a span that is its own parent ends here
        found += below
        waiting += [span.span_id for span in below]
    return found


def _call(span: SpanRecord) -> Call:
    return Call(span.service, span.name, span.kind, span.detail)


def _row(call: Call, before: Means, after: Means) -> CallRow:
    old, new = before.get(call, (0.0, 0.0)), after.get(call, (0.0, 0.0))
    name = f"{call.service}: {call.detail or call.name}"
    return CallRow(name, call.kind, old[0], new[0], old[1], new[1])
