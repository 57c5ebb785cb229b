"""A detector found the change, or no longer stands by it."""

from __future__ import annotations

import dataclasses

from perfd.model.evidence import Found
from perfd.model.finding import Estimate, Finding
from perfd.model.series import UNKNOWN
from perfd.model.ticket import State, Ticket
from perfd.tickets.events import Absent, Action, Seen
from perfd.tickets.identity import ids, mark
from perfd.tickets.move import Step, moved, noted, opened
from perfd.tickets.opening import again, claim, exemplar_references, pending_ticket, suspects
from perfd.tickets.policy import Policy
from perfd.tickets.wording import length

MOST_FINDINGS = 50


def seen(ticket: Ticket | None, event: Seen, policy: Policy, now: float) -> Step:
    """A new ticket, a relapse, or one more look at what is followed already."""
    if ticket is None:
        first = next(ids(mark(event.found.finding)))
        return _held(pending_ticket(event.found, first, policy, now), policy, now)
    if not ticket.active:
        return _relapse(ticket, event.found, policy, now)
    step = _followed(ticket, event.found, now)
    if ticket.state is State.PENDING:
        return _held(step.ticket, policy, now)
    return step


def absent(ticket: Ticket, event: Absent, policy: Policy, now: float) -> Step:
    """A pending ticket is dropped; an open one is given `quiet_for` to come back."""
    del policy
    if ticket.state is State.PENDING:
        text = event.reason or "not seen again before it was due to open"
        return Step(moved(ticket, State.DROPPED, now, "dropped", text))
    if not ticket.active or ticket.absent_since is not None:
        return Step(ticket)
    gone = dataclasses.replace(ticket, absent_since=now)
    return Step(noted(gone, now, "absent", event.reason or "not seen any more"))


def joins(ticket: Ticket, finding: Finding) -> bool:
    """Whether a finding about something else of the service is this active ticket's change.

    It is when the intervals of the change overlap, or when the same version brought both.
    """
    if (ticket.service, ticket.environment) != (finding.service, finding.environment):
        return False
    if not ticket.active:
        return False
    low, high = finding.change_ci
    if low <= ticket.change_ci[1] and ticket.change_ci[0] <= high:
        return True
    return bool(finding.version) and finding.version in regressed_versions(ticket)


def regressed_versions(ticket: Ticket) -> frozenset[str]:
    """The versions that brought the change: deploying one of them fixes nothing.

    A service without version labels has none: each of its deploys may be the fix.
    """
    versions = {suspect.version for suspect in ticket.suspects}
    if ticket.after is not None:
        versions.add(ticket.after.version)
    return frozenset(versions - {"", UNKNOWN})


def settled_at(ticket: Ticket) -> float:
    """Until when changes belong to the settled story of the ticket.

    That is the deploy of the verified fix, or the moment somebody closed it.
    """
    if ticket.state is State.VERIFIED and ticket.verification.since is not None:
        return ticket.verification.since
    return ticket.history[-1].at


def _held(ticket: Ticket, policy: Policy, now: float) -> Step:
    if now - ticket.opened_at < policy.hold_for:
        return Step(ticket)
    held = f"held for {length(policy.hold_for)}" if policy.hold_for else "confirmed when found"
    return opened(ticket, now, held)


def _relapse(ticket: Ticket, found: Found, policy: Policy, now: float) -> Step:
    """A change after the settled story; one inside it is what was settled, seen once more.

    A dropped ticket never was settled: it may open on the very change that it was dropped for.
    """
    finding = found.finding
    if ticket.state is not State.DROPPED and finding.change_at <= settled_at(ticket):
        return Step(ticket)
    return _held(again(ticket, found, policy, now), policy, now)


def _followed(ticket: Ticket, found: Found, now: float) -> Step:
    """Seen again, seen more exactly, or a further change that joins."""
    finding = found.finding
    ticket = dataclasses.replace(ticket, last_seen=now, absent_since=None)
    if finding.id == ticket.finding_ids[0]:
        return _remeasured(ticket, found, now)
    if finding.id in ticket.finding_ids:
        return Step(ticket)
    known = regressed_versions(ticket)
    more = tuple(s for s in suspects(finding) if s.version not in known)
    where = finding.operation or finding.service
    joined = dataclasses.replace(
        ticket,
        finding_ids=(*ticket.finding_ids, finding.id)[:MOST_FINDINGS],
        suspects=ticket.suspects + more,
    )
    return _told(noted(joined, now, "joined", f"{where}: {claim(finding)}"))


def _remeasured(ticket: Ticket, found: Found, now: float) -> Step:
    """The same finding on more data. The rule stays: it was fixed when the ticket opened."""
    finding, evidence = found.finding, found.evidence
    if finding.after == ticket.after and finding.provisional == ticket.provisional:
        return Step(ticket)
    differs = finding.provisional != ticket.provisional or _moved_out(ticket.after, finding.after)
    fresh = dataclasses.replace(
        ticket,
        provisional=finding.provisional,
        before=finding.before,
        after=finding.after,
        effect=finding.effect,
        suspects=suspects(finding) + ticket.suspects[1:],
        hotspots=evidence.hotspots if evidence else ticket.hotspots,
        exemplars=exemplar_references(evidence) if evidence else ticket.exemplars,
        ruled_out=tuple(check for check in finding.checks if check.passed),
    )
    if not differs:
        return Step(fresh)
    return _told(noted(fresh, now, "seen", claim(finding)))


def _moved_out(old: Estimate | None, new: Estimate | None) -> bool:
    """Whether the new value lies outside what was said before."""
    if old is None or new is None:
        return old is not new
    return not old.ci[0] <= new.value <= old.ci[1]


def _told(ticket: Ticket) -> Step:
    """Nobody hears of tickets that have not opened, or are muted."""
    quiet = ticket.state in (State.PENDING, State.MUTED)
    return Step(ticket, () if quiet else (Action.UPDATED,))
