"""The ticket machine: one pure step from a ticket and an event to the ticket afterwards.

    pending ──hold_for──▶ open ──deploy──▶ verifying ──VERIFIED──▶ verified
       │                   ▲ ▲ └──quiet_for──▶ closed (went_away)
       └─Absent─▶ dropped  │ └──PARTIAL, FAILED, deadline──┘ (verifying)
    any active ──mute──▶ muted ──unmute, end──▶ back          any active ──close──▶ closed
    verified, closed, dropped ──a new change, reopen──▶ the same ticket again

Facts (Seen, Absent, Deployed, Judged, Passed) that do not fit the state change nothing, since they
may arrive late or twice. Wishes (everything a person asks for) that do not fit raise Conflict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from perfd.errors import NotFound
from perfd.model.ticket import Ticket
from perfd.tickets import events
from perfd.tickets.asked import acknowledged, closed, muted, reopened, unmuted
from perfd.tickets.events import Event
from perfd.tickets.fixes import deployed, fix_claimed, judged
from perfd.tickets.move import Step
from perfd.tickets.passing import passed
from perfd.tickets.policy import Policy
from perfd.tickets.seen import absent, seen

_TRANSITIONS: Mapping[type, Callable[[Ticket, Any, Policy, float], Step]] = {
    events.Absent: absent,
    events.Deployed: deployed,
    events.FixClaimed: fix_claimed,
    events.Judged: judged,
    events.Muted: muted,
    events.Unmuted: unmuted,
    events.Closed: closed,
    events.Reopened: reopened,
    events.Acknowledged: acknowledged,
    events.Passed: passed,
}


def step(ticket: Ticket | None, event: Event, policy: Policy, now: float) -> Step:
    """The ticket after the event, and what trackers must be told. Only Seen makes a ticket."""
    if isinstance(event, events.Seen):
        return seen(ticket, event, policy, now)
    if ticket is None:
        raise NotFound("there is no such ticket")
    return _TRANSITIONS[type(event)](ticket, event, policy, now)
