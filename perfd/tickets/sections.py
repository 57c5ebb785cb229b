"""The parts of a ticket's body: each gives Markdown, or nothing when it has nothing to say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from perfd.model.evidence import CallRow, Evidence, Hotspot, MetricRow
from perfd.model.finding import Estimate
from perfd.model.ticket import Impact, State, Ticket
from perfd.tickets import wording
from perfd.tickets.identity import about
from perfd.tickets.markdown import code, words
from perfd.tickets.plan import plan_of
from perfd.tickets.rule import sentence
from perfd.tickets.wording import count, length, metric_name, quantity

MOST_ROWS = 8
_NO_PROFILE = "no profile covers both sides"
MOST_CHECKS = 12


def measurements(ticket: Ticket, evidence: Evidence | None) -> str:
    """Every metric before and after; the one that decided in bold."""
    before, after = ticket.before, ticket.after
    if evidence is None or not evidence.rows or before is None or after is None:
        return ""
    head = ("", _side("before", before), _side("after", after), "change")
    rows = [_metric(row) for row in evidence.rows[:MOST_ROWS]]
    if before.count or after.count:
        rows.append((wording.counted(ticket.metric), _requests(before), _requests(after), ""))
    return _table(head, rows)


def impact(ticket: Ticket, evidence: Evidence | None) -> str:
    """Who is hit, as far as it was measured."""
    del evidence
    said = ticket.impact
    if said is None:
        return ""
    facts = [f"{count(said.requests_per_hour)} requests an hour"]
    if said.share is not None:
        facts[0] += f", {wording.share(said.share)} of what {code(ticket.service)} serves"
    if said.seconds_per_hour is not None:
        facts.append(f"together they wait {_longer(said.seconds_per_hour)} every hour")
    if said.cpu_seconds_per_hour is not None:
        facts.append(_cores(said.cpu_seconds_per_hour))
    return f"**Who is hit.** {'; '.join(facts)}.{_waiting(said)}{_joined(ticket)}"


def hotspots(ticket: Ticket, evidence: Evidence | None) -> str:
    """The functions whose cost per request moved."""
    if not ticket.hotspots:
        why = evidence.profile_note if evidence and evidence.profile_note else _NO_PROFILE
        return f"**Where the time went.** No function is named: {why}."
    head = ("CPU per request", "function", "share of CPU samples (self)", "samples")
    rows = [_hotspot(hotspot) for hotspot in ticket.hotspots[:MOST_ROWS]]
    return f"**Where the time went.**{_coverage(evidence)}\n\n{_table(head, rows)}"


def calls(ticket: Ticket, evidence: Evidence | None) -> str:
    """Child spans per request, where their number or their time moved."""
    del ticket
    moved = [c for c in (evidence.calls if evidence else ()) if _call_moved(c)]
    if not moved:
        return ""
    head = ("calls per request", "what", "time per request")
    rows = [
        (
            f"{call.before:.3g} → {call.after:.3g}",
            code(call.name),
            f"{_time(call.before_seconds)} → {_time(call.after_seconds)}",
        )
        for call in moved[:MOST_ROWS]
    ]
    return "**What it calls.** Averages over sampled traces.\n\n" + _table(head, rows)


def exemplars(ticket: Ticket, evidence: Evidence | None) -> str:
    """Requests to look at, by trace id."""
    del evidence
    lines = []
    for side in ("after", "before"):
        chosen = [e for e in ticket.exemplars if e.side == side][:3]
        if chosen:
            traces = ", ".join(f"{code(e.trace_id)} ({_time(e.duration)})" for e in chosen)
            lines.append(f"{side}: {traces}")
    return f"**Traces.** {'; '.join(lines)}." if lines else ""


def changed(ticket: Ticket, evidence: Evidence | None) -> str:
    """The suspects."""
    del evidence
    if not ticket.suspects:
        return "**What changed.** No deploy coincides with the change."
    lines = []
    for suspect in ticket.suspects[:5]:
        replaced = f" (it replaced {code(suspect.previous)})" if suspect.previous else ""
        sure = f"{suspect.probability:.0%}".replace("%", " %")
        line = f"Deploy {code(suspect.version)}{replaced}, {sure} sure"
        line += f", commit {code(suspect.commit)}" if suspect.commit else ""
        lines.append(line + (f", {code(suspect.url)}" if suspect.url else ""))
    return f"**What changed.** {'; '.join(lines)}."


def ruled_out(ticket: Ticket, evidence: Evidence | None) -> str:
    """The checks that did not stand in the way, so that nobody repeats them."""
    del evidence
    if not ticket.ruled_out:
        return ""
    checks = ticket.ruled_out[:MOST_CHECKS]
    lines = [f"- {words(check.name)}: {words(check.verdict)}" for check in checks]
    return "**Ruled out.**\n\n" + "\n".join(lines)


def next_step(ticket: Ticket, evidence: Evidence | None) -> str:
    """The plan, and the way back."""
    plan = plan_of(ticket, evidence)
    lines = [
        f"{at}. {f'{code(step.subject)}: ' if step.subject else ''}{step.what}"
        for at, step in enumerate(plan.steps, 1)
    ]
    back = f"To go back: redeploy {code(plan.rollback)}." if plan.rollback else ""
    return "\n\n".join(filter(None, ("**Next step.**", "\n".join(lines), back)))


def judged(ticket: Ticket, evidence: Evidence | None) -> str:
    """The contract: how a fix is judged, and how to mark it."""
    del evidence
    rule = ticket.verification.rule
    if rule is None:
        return "**Judged fixed when** a person closes it: there is no baseline to compare with."
    fixed = sentence(rule, about(ticket), ticket.service, code)
    mark = f"Put `Perf-Ticket: {ticket.id}` into the commit, or just deploy."
    return f"**Judged fixed when** {fixed}. {mark}"


def status(ticket: Ticket, base_url: str) -> str:
    """How it stands; the part that changes."""
    facts = [f"**Status.** {_state(ticket)}", f"last seen {wording.moment(ticket.last_seen)}"]
    if ticket.occurrence > 1:
        facts.append(f"it came back: occurrence {ticket.occurrence}")
    if ticket.acknowledged_at is not None:
        facts.append(f"acknowledged {wording.moment(ticket.acknowledged_at)}")
    verdict = ticket.verification
    lines = [" · ".join(facts)]
    if verdict.text:
        named = f" **{verdict.verdict}**." if verdict.verdict else ""
        lines.append(f"Verdict on {code(verdict.version)}:{named} {words(verdict.text)}.")
    lines.append(f"[Evidence: flame graph, traces, raw numbers]({base_url}/tickets/{ticket.id})")
    return "\n\n".join(lines)


def _side(name: str, side: Estimate) -> str:
    """A side that is told by time has no version."""
    return f"{name} ({code(side.version)})" if side.version else name


def _requests(side: Estimate) -> str:
    return f"{count(side.count)} in {length(side.end - side.start)}"


def _metric(row: MetricRow) -> tuple[str, ...]:
    scale = wording.scale_of(row.unit, row.before.value, row.after.value)
    cells = [
        metric_name(row.metric),
        quantity(row.before.value, row.unit, row.before.ci, scale),
        quantity(row.after.value, row.unit, row.after.ci, scale),
    ]
    if row.decisive:
        cells = [f"**{cell}**" for cell in cells]
    return (*cells, _effect(row))


def _effect(row: MetricRow) -> str:
    if row.significant:
        return wording.effect_text(row.effect, row.unit)
    if row.mde is None:
        return "not significant"
    return f"none seen; {wording.percent_change(row.mde)} would have been"


def _hotspot(hotspot: Hotspot) -> tuple[str, ...]:
    cost = hotspot.per_request
    scale = wording.scale_of("s", cost.delta)
    sign = wording.MINUS if cost.delta < 0 else "+"
    delta = quantity(abs(cost.delta), "s", cost.ci, scale)
    half = quantity((cost.ci[1] - cost.ci[0]) / 2, "s", cost.ci, scale)
    place = hotspot.file + (f":{hotspot.line}" if hotspot.line else "")
    share = hotspot.self_share
    note = "" if hotspot.status == "changed" else f" ({hotspot.status})"
    return (
        f"{sign}{delta} (± {half})",
        f"{code(hotspot.function)}{note} {code(place) if place else ''}".rstrip(),
        f"{wording.share(share.before, share.ci)} → {wording.share(share.after, share.ci)}",
        f"{count(hotspot.samples_before)} / {count(hotspot.samples_after)}",
    )


def _coverage(evidence: Evidence | None) -> str:
    if evidence is None or evidence.profile_coverage_after is None:
        return ""
    shares = (evidence.profile_coverage_before or 0.0, evidence.profile_coverage_after)
    before, after = (wording.share(min(1.0, share)) for share in shares)
    return f" Profiles cover {before} of the time before and {after} after."


def _waiting(said: Impact) -> str:
    """The callers that are slower because of it."""
    waits = [
        f"{code(caller.service)} {code(caller.operation)} {_longer(caller.seconds)} each"
        for caller in said.callers[:MOST_ROWS]
    ]
    return f" Callers wait for it: {'; '.join(waits)}." if waits else ""


def _joined(ticket: Ticket) -> str:
    """What else moved with the same change."""
    also = [e.text for e in ticket.history if e.event == "joined"][:5]
    return f" Also: {'; '.join(words(text) for text in also)}." if also else ""


def _call_moved(call: CallRow) -> bool:
    more = abs(call.after - call.before) >= max(0.2, 0.1 * call.before)
    slower = abs(call.after_seconds - call.before_seconds) >= 0.1 * max(call.before_seconds, 1e-9)
    return more or slower


def _state(ticket: Ticket) -> str:
    if ticket.state is State.CLOSED and ticket.resolution is not None:
        return f"**closed** ({ticket.resolution})"
    if ticket.state is State.MUTED and ticket.muted_until is not None:
        return f"**muted** until {wording.moment(ticket.muted_until)}"
    if ticket.state is State.VERIFYING:
        return f"**verifying** {code(ticket.verification.version)}"
    return f"**{ticket.state}**"


def _longer(seconds: float) -> str:
    return f"{length(abs(seconds))} {'longer' if seconds >= 0 else 'less'}"


def _cores(seconds_per_hour: float) -> str:
    cores = abs(seconds_per_hour) / 3600
    return f"{cores:.2g} cores {'more' if seconds_per_hour >= 0 else 'less'}"


def _time(seconds: float) -> str:
    return quantity(seconds, "s")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [_row(head), _row(["---"] * len(head)), *(_row(row) for row in rows)]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
