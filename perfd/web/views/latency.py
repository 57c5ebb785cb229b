"""The operation before and after: distribution, and its course with the deploy marked."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from markupsafe import Markup

from perfd.model.evidence import Evidence, TimelinePoint
from perfd.model.ticket import Ticket
from perfd.web.svg.axes import Mark
from perfd.web.svg.distribution import distribution
from perfd.web.svg.line_chart import Chart, Line
from perfd.web.views.charts import Plot, gaps, plot

Read = Callable[[TimelinePoint], float | None]
Band = tuple[float, float] | None

_LATENCIES: dict[str, Read] = {
    "latency.mean": lambda point: point.mean,
    "latency.p50": lambda point: point.p50,
    "latency.p95": lambda point: point.p95,
}


def spread(evidence: Evidence) -> Markup:
    """The two distributions."""
    before, after = evidence.histogram_before, evidence.histogram_after
    return distribution(before, after, worse=after.mean_log >= before.mean_log)


def course(ticket: Ticket, evidence: Evidence) -> tuple[Plot, ...]:
    """Latency with the baseline as a band, then requests and failures, on one time axis."""
    points = sorted(evidence.timeline, key=lambda p: (p.at, p.version))
    if not points:
        return ()
    metric = ticket.metric if ticket.metric in _LATENCIES else "latency.p95"
    name = metric.removeprefix("latency.")
    start, end = points[0].at, points[-1].at + points[-1].width

    def drawn(title: str, unit: str, read: Read, judged: bool, band: Band = None) -> Plot:
        lines = _lines(ticket, points, read, judged=judged)
        note = "the grey band is the baseline" if band else ""
        return plot(Chart(title, unit, start, end, lines, _marks(ticket), band), note)

    return (
        drawn(f"{name} by version", "s", _LATENCIES[metric], True, _band(evidence, metric)),
        drawn("Requests per second by version", "/s", _rate, False),
        drawn("Failed requests by version", "ratio", _failed, ticket.metric == "error_rate"),
    )


def _lines(
    ticket: Ticket,
    points: Sequence[TimelinePoint],
    read: Read,
    *,
    judged: bool,
) -> list[Line]:
    versions = sorted({p.version for p in points}, key=lambda v: _first(points, v))
    lines = []
    for version in versions:
        own = [p for p in points if p.version == version]
        drawn = gaps([(p.at + p.width / 2, read(p)) for p in own], own[0].width)
        lines.append(Line(version, drawn, _role(ticket, version, judged=judged)))
    return lines


def _first(points: Sequence[TimelinePoint], version: str) -> float:
    return min(p.at for p in points if p.version == version)


def _role(ticket: Ticket, version: str, *, judged: bool) -> str:
    after = ticket.after is not None and version == ticket.after.version
    fixed = bool(version) and version == ticket.verification.version
    if not judged:
        return "strong" if after else "before"
    return "after worse" if after else "after better" if fixed else "before"


def _marks(ticket: Ticket) -> list[Mark]:
    version = ticket.after.version if ticket.after else ""
    marks = [Mark(ticket.change_at, version or "change")]
    verification = ticket.verification
    if verification.since is not None and verification.version:
        marks.append(Mark(verification.since, verification.version))
    return marks


def _band(evidence: Evidence, metric: str) -> Band:
    rule = evidence.rule
    if rule and rule.metric == metric:
        return rule.low, rule.high
    row = next((r for r in evidence.rows if r.metric == metric), None)
    return row.before.ci if row else None


def _rate(point: TimelinePoint) -> float | None:
    return point.count / point.width if point.width else None


def _failed(point: TimelinePoint) -> float | None:
    return point.errors / point.count if point.count else None
