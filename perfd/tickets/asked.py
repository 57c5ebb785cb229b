"""What people ask for. An action that the state does not allow is a Conflict, never silence."""

from __future__ import annotations

import dataclasses

from perfd.model.ticket import State, Ticket
from perfd.tickets.events import Acknowledged, Action, Closed, Muted, Reopened, Unmuted
from perfd.tickets.move import Step, announced, moved, noted, refuse
from perfd.tickets.policy import Policy
from perfd.tickets.wording import moment


def muted(ticket: Ticket, event: Muted, policy: Policy, now: float) -> Step:
    """Quiet for a while; muting again sets another end."""
    del policy
    if not ticket.active:
        raise refuse(ticket, "muted")
    back = ticket.muted_from if ticket.state is State.MUTED else ticket.state
    until = "until somebody unmutes it" if event.until is None else f"until {moment(event.until)}"
    ticket = dataclasses.replace(ticket, muted_until=event.until, muted_from=back)
    text = f"{until}: {event.text}" if event.text else until
    told = announced(ticket)  # before it opened nobody knows of it
    return Step(
        moved(ticket, State.MUTED, now, "muted", text, event.actor),
        (Action.MUTED,) if told else (),
    )


def unmuted(ticket: Ticket, event: Unmuted, policy: Policy, now: float) -> Step:
    """Back to the state it was muted in."""
    if ticket.state is not State.MUTED:
        raise refuse(ticket, "unmuted")
    return restored(ticket, policy, now, "unmuted", event.actor)


def restored(ticket: Ticket, policy: Policy, now: float, text: str, actor: str = "perfd") -> Step:
    """The end of a mute. A fix that waits for its verdict gets its whole time again."""
    back = ticket.muted_from or State.OPEN
    verification = ticket.verification
    if back is State.VERIFYING:
        deadline = now + policy.verify_deadline
        verification = dataclasses.replace(verification, deadline=deadline)
    ticket = dataclasses.replace(
        ticket, muted_until=None, muted_from=None, verification=verification
    )
    told = announced(ticket)
    return Step(moved(ticket, back, now, "unmuted", text, actor), (Action.UNMUTED,) if told else ())


def closed(ticket: Ticket, event: Closed, policy: Policy, now: float) -> Step:
    """Settled by a decision, with its reason."""
    del policy
    if not ticket.active:
        raise refuse(ticket, "closed")
    text = f"{event.resolution}: {event.text}" if event.text else str(event.resolution)
    return settle(ticket, event, now, text)


def settle(ticket: Ticket, event: Closed, now: float, text: str) -> Step:
    """Closed, whoever decided it."""
    ticket = dataclasses.replace(
        ticket, resolution=event.resolution, muted_until=None, muted_from=None
    )
    told = announced(ticket)
    return Step(
        moved(ticket, State.CLOSED, now, "closed", text, event.actor),
        (Action.CLOSED,) if told else (),
    )


def reopened(ticket: Ticket, event: Reopened, policy: Policy, now: float) -> Step:
    """Settled tickets only; what was judged before is judged anew at the next deploy."""
    del policy
    if ticket.active:
        raise refuse(ticket, "reopened")
    action = Action.REOPENED if announced(ticket) else Action.OPENED
    verification = dataclasses.replace(
        ticket.verification, verdict=None, text="", claimed=False, deadline=None
    )
    ticket = dataclasses.replace(
        ticket, resolution=None, verification=verification, absent_since=None
    )
    text = event.text or "by hand"
    return Step(moved(ticket, State.OPEN, now, action, text, event.actor), (action,))


def acknowledged(ticket: Ticket, event: Acknowledged, policy: Policy, now: float) -> Step:
    """Somebody has read it; reading it twice changes nothing."""
    del policy
    if not ticket.active:
        raise refuse(ticket, "acknowledged")
    if ticket.acknowledged_at is not None:
        return Step(ticket)
    ticket = dataclasses.replace(ticket, acknowledged_at=now)
    told = announced(ticket)
    return Step(
        noted(ticket, now, "acknowledged", "read", event.actor), (Action.UPDATED,) if told else ()
    )
