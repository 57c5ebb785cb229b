"""Example requests as waterfalls; a run of like calls is one row, so that an N+1 shows itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from perfd.model.exemplar import Exemplar, SpanRecord
from perfd.web.svg.waterfall import bars
from perfd.web.views.figures import plain_duration

_MOST = 3  # exemplars a side
_RUN = 4  # so many like calls in a row become one
_DEEPEST = 8


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
class _Run:
    depth: int
    spans: list[SpanRecord]


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
    runs = _runs(_nested(spans))
    return Waterfall(
        why={"slowest": "among the slowest", "error": "failed"}.get(
            exemplar.reason, "picked at random"
        ),
        trace_id=exemplar.trace_id,
        duration=plain_duration(exemplar.duration),
        error=exemplar.error,
        start=exemplar.start,
        rows=tuple(_row(run, start, end - start) for run in runs),
    )


def _nested(spans: Sequence[SpanRecord]) -> list[tuple[int, SpanRecord]]:
    """Spans in the order of a call tree with their depth; a circle of parents is cut open."""
    known = {span.span_id for span in spans}
    children: dict[str, list[SpanRecord]] = {}
    for span in sorted(spans, key=lambda s: s.start):
        outer = span.parent_id if span.parent_id in known - {span.span_id} else ""
        children.setdefault(outer, []).append(span)
    ordered: list[tuple[int, SpanRecord]] = []
    done: set[int] = set()
    waiting = [(0, span) for span in reversed(children.get("", []))]
    while waiting:
        depth, span = waiting.pop()
        if id(span) in done:
            continue
        done.add(id(span))
        ordered.append((depth, span))
        waiting += [(depth + 1, child) for child in reversed(children.get(span.span_id, []))]
    ordered += [(0, span) for span in spans if id(span) not in done]
    return ordered


def _runs(ordered: Sequence[tuple[int, SpanRecord]]) -> list[_Run]:
    runs: list[_Run] = []
    for depth, span in ordered:
        last = runs[-1] if runs else None
        if last and last.depth == depth and _alike(last.spans[0], span):
            last.spans.append(span)
        else:
            runs.append(_Run(depth, [span]))
    return [part for run in runs for part in _split(run)]


def _split(run: _Run) -> list[_Run]:
    if len(run.spans) >= _RUN:
        return [run]
    return [_Run(run.depth, [span]) for span in run.spans]


def _alike(one: SpanRecord, other: SpanRecord) -> bool:
    return (one.service, one.name, one.kind, one.detail) == (
        other.service,
        other.name,
        other.kind,
        other.detail,
    )


def _row(run: _Run, start: float, total: float) -> SpanRow:
    first = run.spans[0]
    return SpanRow(
        depth=min(run.depth, _DEEPEST),
        service=first.service,
        name=first.name,
        kind=first.kind,
        detail=first.detail if first.detail != first.name else "",
        duration=plain_duration(sum(span.duration for span in run.spans)),
        count=len(run.spans),
        error=any(span.error for span in run.spans),
        bar=bars([(s.start - start, s.duration, s.error) for s in run.spans], total),
    )
