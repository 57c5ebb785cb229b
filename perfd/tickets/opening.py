"""A ticket from a finding and its proof."""

from __future__ import annotations

import dataclasses
import math

from perfd.model.evidence import Evidence, Found
from perfd.model.finding import Effect, Estimate, Finding
from perfd.model.ticket import Entry, ExemplarRef, State, Suspect, Ticket, Verification
from perfd.tickets.identity import mark
from perfd.tickets.policy import Policy
from perfd.tickets.rule import make_rule
from perfd.tickets.wording import before_after, effect_text, metric_name

MOST_HOTSPOTS = 20
MOST_EXEMPLARS = 3  # a side: enough to look at, few enough to be looked at


def pending_ticket(found: Found, id: str, policy: Policy, now: float) -> Ticket:
    """What is followed from now on, not yet told to anybody."""
    finding, evidence = found.finding, found.evidence
    return Ticket(
        id=id,
        fingerprint=mark(finding),
        state=State.PENDING,
        kind=finding.kind,
        trigger=finding.trigger,
        provisional=finding.provisional,
        service=finding.service,
        environment=finding.environment,
        operation=finding.operation,
        metric=finding.metric,
        unit=finding.unit,
        before=finding.before,
        after=finding.after,
        effect=finding.effect,
        change_at=finding.change_at,
        change_ci=finding.change_ci,
        suspects=suspects(finding),
        hotspots=evidence.hotspots[:MOST_HOTSPOTS] if evidence else (),
        exemplars=exemplar_references(evidence) if evidence else (),
        ruled_out=tuple(check for check in finding.checks if check.passed),
        opened_at=now,
        last_seen=now,
        verification=Verification(rule=make_rule(finding, policy)),
        finding_ids=(finding.id,),
        history=(Entry(now, "seen", State.PENDING, claim(finding)),),
    )


def again(ticket: Ticket, found: Found, policy: Policy, now: float) -> Ticket:
    """The same ticket about a new change: the id, its references and its history stay."""
    fresh = pending_ticket(found, ticket.id, policy, now)
    older = tuple(f for f in ticket.finding_ids if f not in fresh.finding_ids)
    return dataclasses.replace(
        fresh,
        fingerprint=ticket.fingerprint,
        references=ticket.references,
        finding_ids=fresh.finding_ids + older,
        history=ticket.history + fresh.history,
        occurrence=ticket.occurrence + 1,
    )


def suspects(finding: Finding) -> tuple[Suspect, ...]:
    """The deploy behind the finding, when there is one."""
    if not finding.version:
        return ()
    return (Suspect("deploy", finding.version, finding.previous, probability(finding)),)


def probability(finding: Finding) -> float:
    """How sure it is that the deploy changed something at all, by even prior odds; at most 0.99.

    1 - α with α = 1 / (1 + 1 / (-e p ln p)), the least posterior of "nothing changed" that a
    p-value leaves (Sellke, Bayarri, Berger: Calibration of p Values, Am. Stat. 55, 2001). A
    provisional comparison has no concurrent control: something else may have changed too, so 0.9.
    Where the deploy was not what the test knew of, the detector has said how likely it is.
    """
    if finding.likelihood is not None:
        return round(finding.likelihood, 2)
    most = 0.9 if finding.provisional else 0.99
    p = finding.p_value
    if p is None or p >= 1 / math.e:
        return 0.5
    if p <= 0:
        return most
    odds = -math.e * p * math.log(p)
    return round(min(most, 1 / (1 + odds)), 2)


def exemplar_references(evidence: Evidence) -> tuple[ExemplarRef, ...]:
    """The slowest requests of each side, after first."""
    sides = (("after", evidence.exemplars_after), ("before", evidence.exemplars_before))
    return tuple(
        ExemplarRef(e.trace_id, e.span_id, e.duration, side)
        for side, exemplars in sides
        for e in sorted(exemplars, key=lambda e: (-e.duration, e.trace_id))[:MOST_EXEMPLARS]
    )


def claim(finding: Finding) -> str:
    """`p95 41 ms → 72 ms, +76 % (+69 … +83 %), with 1.1.0`, as far as it is known."""
    name = metric_name(finding.metric)
    what = numbers(finding.before, finding.after, finding.effect, finding.unit)
    parts = [f"{name} {what}" if what else f"{name} changed"]
    if finding.version:
        parts.append(f"with {finding.version}")
    return ", ".join(parts)


def numbers(
    before: Estimate | None, after: Estimate | None, effect: Effect | None, unit: str
) -> str:
    """`41 ms → 72 ms, +76 % (+69 … +83 %)`; empty when a side is missing."""
    if before is None or after is None:
        return ""
    sides = before_after(before, after, unit)
    return f"{sides}, {effect_text(effect, unit)}" if effect else sides
