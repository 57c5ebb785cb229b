"""The next step that the evidence itself suggests, and the way back. Playbooks come on top."""

from __future__ import annotations

from dataclasses import dataclass

from perfd.model.evidence import Evidence, Hotspot
from perfd.model.ticket import Ticket
from perfd.tickets.wording import quantity

MOST_FUNCTIONS = 3
REPEATED = 3  # more calls per request of one name than this is worth a look by itself


@dataclass(frozen=True, slots=True)
class Step:
    """`what` to do, in perfd's words; `subject` is the name from the telemetry it is about."""

    what: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in order; `rollback` is the version to go back to, empty when it is unknown."""

    steps: tuple[Step, ...]
    rollback: str = ""


def plan_of(ticket: Ticket, evidence: Evidence | None = None) -> Plan:
    """A plan from the hotspots, the child calls and the suspect deploy."""
    steps = [*_call_steps(evidence), *_function_steps(ticket.hotspots)]
    if not steps:
        steps = [Step("compare the traces before and after on the evidence page")]
    suspect = ticket.suspects[0] if ticket.suspects else None
    return Plan(tuple(steps), suspect.previous if suspect else "")


def _call_steps(evidence: Evidence | None) -> list[Step]:
    """Children that are now called more often per request: one query instead of many."""
    calls = evidence.calls if evidence else ()
    grown = [c for c in calls if c.after > REPEATED and c.after >= 2 * max(c.before, 0.5)]
    grown.sort(key=lambda c: c.before_seconds - c.after_seconds)
    return [
        Step(f"ask once instead of {c.after:.3g} times per request ({c.before:.3g} before)", c.name)
        for c in grown[:MOST_FUNCTIONS]
    ]


def _function_steps(hotspots: tuple[Hotspot, ...]) -> list[Step]:
    worse = [h for h in hotspots if h.per_request.ci[0] > 0 and h.application]
    return [
        Step(
            f"read what changed; it takes {quantity(h.per_request.delta, 's', h.per_request.ci)} "
            "more CPU per request",
            h.function,
        )
        for h in worse[:MOST_FUNCTIONS]
    ]
