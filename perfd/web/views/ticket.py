"""The evidence page: what is claimed, the proof, what to do, and how the fix is judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from perfd.model.evidence import Evidence, Track
from perfd.model.finding import Check
from perfd.model.ticket import State, Suspect, Ticket, Verdict
from perfd.model.times import to_rfc3339
from perfd.tickets.plan import Plan, plan_of
from perfd.tickets.wording import band, before_after, length, metric_name
from perfd.web.links import code_of, query
from perfd.web.svg.axes import Mark
from perfd.web.svg.line_chart import Chart, Line
from perfd.web.views.charts import Plot, plot
from perfd.web.views.claim import Claim, MetricLine, claim, hit, metric_line, requests, suspicion
from perfd.web.views.hotspots import (
    CallLine,
    Flame,
    HotspotLine,
    call_lines,
    coverage,
    flame_graph,
    hotspot_lines,
    where,
)
from perfd.web.views.latency import course, spread
from perfd.web.views.machine import RESOURCES
from perfd.web.views.traces import Waterfall, waterfalls
from perfd.web.views.words import got_worse, state_words

_ACTIONS: dict[State, tuple[str, ...]] = {
    State.PENDING: ("ack", "mute", "close"),
    State.OPEN: ("ack", "fix", "mute", "close"),
    State.VERIFYING: ("ack", "fix", "mute", "close"),
    State.MUTED: ("unmute", "close"),
}
_TRACKS = 24


@dataclass(frozen=True, slots=True)
class TicketPage:
    """All that the page shows."""

    ticket: Ticket
    title: str
    state: str
    claim: Claim
    metrics: tuple[MetricLine, ...]
    requests: tuple[str, str] | None
    hit: tuple[str, ...]
    where: tuple[tuple[str, str, str], ...]
    suspects: tuple[tuple[Suspect, str], ...]
    plan: Plan
    rule: str
    verification: str
    checks: tuple[Check, ...]
    spread: Markup
    course: tuple[Plot, ...]
    flame: Flame | None
    coverage: str
    diff_href: str
    hotspots: tuple[HotspotLine, ...]
    source: str
    calls: tuple[CallLine, ...]
    slow: tuple[Waterfall, ...]
    usual: tuple[Waterfall, ...]
    resources: tuple[Plot, ...]
    actions: tuple[str, ...]
    proof: bool


def ticket_page(ticket: Ticket, evidence: Evidence | None, code_url: str = "") -> TicketPage:
    """The page of a ticket; when the proof is gone, what the ticket itself holds."""
    hotspots = evidence.hotspots if evidence else ticket.hotspots
    calls = evidence.calls if evidence else ()
    version = ticket.after.version if ticket.after else ""
    source = code_of(code_url, ticket.service, version)
    return TicketPage(
        ticket=ticket,
        title=got_worse(ticket),
        state=state_words(ticket),
        claim=claim(ticket),
        metrics=tuple(metric_line(row) for row in evidence.rows) if evidence else (),
        requests=requests(evidence.rows) if evidence else None,
        hit=tuple(hit(ticket.impact)),
        where=tuple(where(hotspots, calls)),
        suspects=tuple((suspect, suspicion(suspect)) for suspect in ticket.suspects),
        plan=plan_of(ticket, evidence),
        rule=rule_words(ticket, evidence),
        verification=verification_words(ticket),
        checks=evidence.checks if evidence else ticket.ruled_out,
        spread=spread(evidence) if evidence else Markup(),
        course=course(ticket, evidence) if evidence else (),
        flame=flame_graph(evidence.flame) if evidence else None,
        coverage=coverage(evidence) if evidence else "",
        diff_href=diff_href(ticket),
        hotspots=tuple(hotspot_lines(hotspots, source)),
        source=source,
        calls=tuple(call_lines(calls)),
        slow=waterfalls(evidence.exemplars_after) if evidence else (),
        usual=waterfalls(evidence.exemplars_before) if evidence else (),
        resources=resources(ticket, evidence.resources) if evidence else (),
        actions=_ACTIONS.get(ticket.state, ("reopen",)),
        proof=evidence is not None,
    )


def rule_words(ticket: Ticket, evidence: Evidence | None) -> str:
    """The rule as it was written down; its bounds when it has no text."""
    rule = ticket.verification.rule or (evidence.rule if evidence else None)
    if rule is None:
        return ""
    inside = f"{metric_name(rule.metric)} is inside {band(rule.low, rule.high, rule.unit)}"
    over = f"over {length(rule.min_seconds)} and {rule.min_count} requests of a later deploy"
    words = (rule.text or f"{inside} {over}").rstrip(".")
    return f"{words[:1].upper()}{words[1:]}."


def verification_words(ticket: Ticket) -> str:
    """What the rule said so far, "" before there is a candidate."""
    verification = ticket.verification
    if verification.text:
        return verification.text
    if verification.verdict is not None and ticket.before and verification.after:
        sides = before_after(ticket.before, verification.after, ticket.unit)
        word = (
            "is verified" if verification.verdict is Verdict.VERIFIED else "did not bring it back"
        )
        return f"{verification.version} {word}: {metric_name(ticket.metric)} {sides}."
    if ticket.state is State.VERIFYING:
        return f"{verification.version or 'A later deploy'} is being judged."
    return ""


def diff_href(ticket: Ticket) -> str:
    """Where the API compares the profiles of both sides, as long as the store has them."""
    if ticket.before is None or ticket.after is None:
        return ""
    sides = {"before": ticket.before, "after": ticket.after}
    spans = {name: f"{to_rfc3339(s.start)}/{to_rfc3339(s.end)}" for name, s in sides.items()}
    versions = {f"{name}_version": side.version for name, side in sides.items()}
    return query("/api/v1/profiles/diff", service=ticket.service, **spans, **versions)


def resources(ticket: Ticket, tracks: Sequence[Track]) -> tuple[Plot, ...]:
    """Small multiples around the change; tracks of one name share a scale and a picture."""
    groups: dict[tuple[str, str], list[Track]] = {}
    for track in tracks[:_TRACKS]:
        if track.points:
            groups.setdefault((track.name, track.unit), []).append(track)
    times = [at for track in tracks for at, _ in track.points]
    return tuple(_resource(ticket, group, min(times), max(times)) for group in groups.values())


def _resource(ticket: Ticket, group: Sequence[Track], start: float, end: float) -> Plot:
    version = ticket.after.version if ticket.after else ""
    lines = [Line(t.subject, t.points, _role(t, version, len(group))) for t in group]
    name, unit = group[0].name, group[0].unit
    marks = [Mark(ticket.change_at, version or "change")]
    chart = Chart(RESOURCES.get(name, name), unit, start, end, lines, marks)
    return plot(chart, group[0].subject if len(group) == 1 else "")


def _role(track: Track, version: str, beside: int) -> str:
    """What runs the new version is drawn strong, what it replaced pale; a track alone is strong."""
    return "strong" if beside == 1 or version in track.subject.split() else "before"
