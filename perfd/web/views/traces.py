"""Example requests as waterfalls; a run of like calls is one row, so that an N+1 shows itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from markupsafe import Markup

from perfd.model.exemplar import Exemplar, SpanRecord
from perfd.web.svg.waterfall import bars
from perfd.web.views.figures import plain_duration

_MOST = 3  # exemplars a side
_RUN = 3  # so many like calls in a row become one
_DEEPEST = 8
_WHY = {"slowest": "among the slowest", "error": "failed"}


@dataclass(frozen=True, slots=True)
class SpanRow:
    """One span, or a run of `count` like ones."""

    depth: int
    service: str
    name: str
    kind: str
    detail: str
    duration: str
    count: int
    error: bool
    bar: Markup


@dataclass(frozen=True, slots=True)
class Waterfall:
    """One request."""

    why: str
    trace_id: str
    duration: str
    error: bool
    start: float
    rows: tuple[SpanRow, ...]


@dataclass(slots=True)
class _Call:
    """A span with what it called; `shape` is equal for calls that only differ in time."""

    span: SpanRecord
    children: list[_Call] = field(default_factory=list)
    shape: tuple[object, ...] = ()


def waterfalls(exemplars: Sequence[Exemplar]) -> tuple[Waterfall, ...]:
    """The slowest first; one of each trace."""
    seen: dict[str, Exemplar] = {}
    for exemplar in sorted(exemplars, key=lambda e: -e.duration):
        seen.setdefault(exemplar.trace_id, exemplar)
    return tuple(waterfall(exemplar) for exemplar in list(seen.values())[:_MOST])


def waterfall(exemplar: Exemplar) -> Waterfall:
    """One exemplar; without spans, only its duration is known."""
    spans = exemplar.spans
    start = min((s.start for s in spans), default=exemplar.start)
    end = max((s.start + s.duration for s in spans), default=start + exemplar.duration)
    return Waterfall(
        why=_WHY.get(exemplar.reason, "picked at random"),
        trace_id=exemplar.trace_id,
        duration=plain_duration(exemplar.duration),
        error=exemplar.error,
        start=exemplar.start,
        rows=tuple(
            _row(depth, run, start, end - start) for depth, run in _rows(0, [_calls(spans)])
        ),
    )


def _calls(spans: Sequence[SpanRecord]) -> list[_Call]:
    """The call trees of a request; a circle of parents is cut open."""
    known: dict[str, _Call] = {}
    calls = [_Call(span) for span in sorted(spans, key=lambda s: s.start)]
    for call in calls:
        known.setdefault(call.span.span_id, call)
    roots = []
    for call in calls:
        parent = known.get(call.span.parent_id)
        if parent is None or _above(call, parent, known):
            roots.append(call)
        else:
            parent.children.append(call)
    for root in roots:
        _shape(root)
    return roots


def _above(call: _Call, parent: _Call, known: dict[str, _Call]) -> bool:
    """Whether following the parents from `parent` leads back to `call`, or round in a circle."""
    seen: set[int] = set()
    step: _Call | None = parent
    while step is not None and id(step) not in seen:
        if step is call:
            return True
        seen.add(id(step))
        step = known.get(step.span.parent_id)
    return step is not None


def _shape(call: _Call) -> tuple[object, ...]:
    span = call.span
    inner = tuple(shape for shape, _ in groupby(_shape(child) for child in call.children))
    call.shape = (span.service, span.name, span.kind, span.detail, inner)
    return call.shape


def _rows(depth: int, families: Sequence[list[_Call]]) -> Iterator[tuple[int, list[SpanRecord]]]:
    """Runs of like calls with their depth; the families are what each call of a run called."""
    calls = sorted((call for family in families for call in family), key=lambda c: c.span.start)
    if len(families) > 1:
        # The callers are one row, so what they called is sorted by what it is, not by time.
        order = list(dict.fromkeys(call.shape for call in calls))
        calls.sort(key=lambda call: order.index(call.shape))
    for _, group in groupby(calls, key=lambda call: call.shape):
        run = list(group)
        parts = [run] if len(run) >= _RUN or len(families) > 1 else [[call] for call in run]
        for part in parts:
            yield depth, [call.span for call in part]
            yield from _rows(depth + 1, [call.children for call in part])


def _row(depth: int, run: Sequence[SpanRecord], start: float, total: float) -> SpanRow:
    first = run[0]
    return SpanRow(
        depth=min(depth, _DEEPEST),
        service=first.service,
        name=first.name,
        kind=first.kind,
        detail=first.detail if first.detail not in first.name else "",
        duration=plain_duration(sum(span.duration for span in run)),
        count=len(run),
        error=any(span.error for span in run),
        bar=bars([(s.start - start, s.duration, s.error) for s in run], total),
    )
