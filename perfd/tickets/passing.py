"""What time alone does to a ticket."""

from __future__ import annotations

from perfd.model.ticket import Resolution, State, Ticket
from perfd.tickets.asked import restored, settle
from perfd.tickets.events import Closed, Passed
from perfd.tickets.fixes import expired
from perfd.tickets.move import Step, opened
from perfd.tickets.policy import Policy
from perfd.tickets.wording import length


def passed(ticket: Ticket, event: Passed, policy: Policy, now: float) -> Step:
    """hold_for, quiet_for, the end of a mute, the deadline of a verification."""
    del event
    if ticket.state is State.PENDING and now - ticket.opened_at >= policy.hold_for:
        return opened(ticket, now, f"held for {length(policy.hold_for)}")
    if ticket.state is State.MUTED and _reached(ticket.muted_until, now):
        return restored(ticket, policy, now, "the mute has ended")
    if ticket.state is State.VERIFYING and _reached(ticket.verification.deadline, now):
        return expired(ticket, now)
    if ticket.state is State.OPEN and _quiet(ticket, policy, now):
        text = f"not seen for {length(policy.quiet_for)}"
        return settle(ticket, Closed(Resolution.WENT_AWAY), now, text)
    return Step(ticket)


def _reached(at: float | None, now: float) -> bool:
    return at is not None and now >= at


def _quiet(ticket: Ticket, policy: Policy, now: float) -> bool:
    return ticket.absent_since is not None and now - ticket.absent_since >= policy.quiet_for
