"""What a ticket claims, in figures: the sentence, the table of metrics, and who is hit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from perfd.model.evidence import MetricRow
from perfd.model.finding import Estimate
from perfd.model.ticket import Impact, Suspect, Ticket
from perfd.tickets.wording import (
    before_after,
    count,
    effect_text,
    length,
    metric_name,
    number,
    percent_change,
    quantity,
    scale_of,
    signed,
)
from perfd.web.views.figures import NONE, share


@dataclass(frozen=True, slots=True)
class Claim:
    """The parts of the first line; the operation stands in code type between them."""

    service: str
    operation: str
    metric: str
    sides: str
    change: str
    since: str


@dataclass(frozen=True, slots=True)
class MetricLine:
    """One metric before and after, with intervals; the ticket is about the `decisive` one."""

    name: str
    before: str
    after: str
    change: str
    decisive: bool
    significant: bool
    worse: bool


def claim(ticket: Ticket) -> Claim:
    """`pricing POST /quote: p95 41 ms → 72 ms (+76 %, 95 % interval +69 … +83 %) since 1.1.0`."""
    sides = change = ""
    if ticket.before and ticket.after:
        sides = before_after(ticket.before, ticket.after, ticket.unit)
    if ticket.effect:
        change = _change(ticket)
    suspect = next((s for s in ticket.suspects if s.version), None)
    return Claim(
        ticket.service,
        ticket.operation,
        metric_name(ticket.metric),
        sides,
        change,
        suspect.version if suspect else "",
    )


def metric_line(row: MetricRow) -> MetricLine:
    """A row of the evidence in words; one unit within the row."""
    scale = scale_of(row.unit, row.before.value, row.after.value)

    def side(estimate: Estimate) -> str:
        return quantity(estimate.value, row.unit, estimate.ci, scale)

    return MetricLine(
        name=metric_name(row.metric),
        before=side(row.before),
        after=side(row.after),
        change=effect_text(row.effect, row.unit) if row.significant else _none_seen(row),
        decisive=row.decisive,
        significant=row.significant,
        worse=row.effect.absolute > 0,
    )


def requests(rows: Sequence[MetricRow]) -> tuple[str, str] | None:
    """How many requests each side is made of, and over which time."""
    row = next((r for r in rows if r.decisive), None) or next(iter(rows), None)
    return (_counted(row.before), _counted(row.after)) if row else None


def hit(impact: Impact | None) -> list[str]:
    """Who is hit and what it costs, as far as it was measured."""
    if impact is None:
        return []
    sentences = [f"About {count(impact.requests_per_hour)} requests an hour"]
    if impact.share is not None:
        sentences[0] += f", {share(impact.share)} of what the service serves"
    if impact.seconds_per_hour is not None:
        sentences.append(
            f"Callers wait {length(abs(impact.seconds_per_hour))} longer in every hour"
        )
    if impact.cpu_seconds_per_hour is not None:
        cores = number(impact.cpu_seconds_per_hour / 3600, 2)
        sentences.append(
            f"{cores} cores more are busy ({count(impact.cpu_seconds_per_hour)} CPU s/h)"
        )
    if impact.callers:
        names = dict.fromkeys(caller.service for caller in impact.callers)
        sentences.append(f"Services that wait for it: {', '.join(names)}")
    return [f"{sentence}." for sentence in sentences]


def suspicion(suspect: Suspect) -> str:
    """`deploy 1.1.0 (replacing 1.0.0), 97 % probable`."""
    words = f"{suspect.kind} {suspect.version}".strip()
    if suspect.previous:
        words += f" (replacing {suspect.previous})"
    return f"{words}, {suspect.probability * 100:.0f} % probable"


def _change(ticket: Ticket) -> str:
    effect = ticket.effect
    if effect is None:
        return ""
    if effect.ratio is None or effect.ci is None:
        return effect_text(effect, ticket.unit)
    low, high = ((end - 1) * 100 for end in effect.ci)
    digits = 1 if (high - low) / 2 < 1 else 0
    middle = signed((effect.ratio - 1) * 100, digits)
    return f"{middle} %, 95 % interval {signed(low, digits)} … {signed(high, digits)} %"


def _none_seen(row: MetricRow) -> str:
    if row.mde is None or row.mde <= 1:
        return "none seen"
    if row.mde >= 3:
        return f"none seen; {row.mde:.0f} times as much would have been"
    return f"none seen; {percent_change(row.mde)} would have been"


def _counted(estimate: Estimate) -> str:
    if not estimate.count:
        return NONE
    return f"{count(estimate.count)} in {length(estimate.end - estimate.start)}"
