"""The one way in for a page, the API or the CLI to change something: the seam Desk."""

from __future__ import annotations

import asyncio
import math
from typing import Any

from perfd.errors import BadInput
from perfd.interfaces import Clock, TicketAction
from perfd.jobs.follow import Follower
from perfd.model.deploy import Deploy
from perfd.model.ticket import Resolution, Ticket
from perfd.tickets import events
from perfd.tickets.events import Event

LONGEST_TEXT = 4_000  # characters of a person's words kept in the history
LONGEST_MUTE = 366 * 86_400.0


class TicketDesk:
    """Applies actions beside the event loop, since writing them waits for the disk."""

    def __init__(self, follower: Follower, clock: Clock) -> None:
        self._follower, self._clock = follower, clock

    async def act(
        self, ticket_id: str, action: TicketAction, *, actor: str, **details: Any
    ) -> Ticket:
        """Apply an action. Raises NotFound, Conflict, and BadInput for senseless details."""
        return await asyncio.to_thread(self._act, ticket_id, action, actor[:200], details)

    async def deploy(self, deploy: Deploy) -> Deploy:
        """Record an announced deploy; the same one within 15 minutes is joined."""
        return await asyncio.to_thread(self._follower.announce, deploy, self._clock.now())

    def _act(self, ticket_id: str, action: str, actor: str, details: dict[str, Any]) -> Ticket:
        now = self._clock.now()
        ticket = self._follower.ticket(ticket_id)
        return self._follower.act(ticket_id, self._event(ticket, action, actor, details, now), now)

    def _event(
        self, ticket: Ticket, action: str, actor: str, details: dict[str, Any], now: float
    ) -> Event:
        text = _words(details, "text")
        match action:
            case "ack":
                return events.Acknowledged(actor)
            case "mute":
                return events.Muted(_until(details.get("seconds"), now), text, actor)
            case "unmute":
                return events.Unmuted(actor)
            case "fix":
                version = _words(details, "version")
                return events.FixClaimed(version, text, actor, self._deployed(ticket, version))
            case "close":
                return events.Closed(_resolution(details.get("resolution")), text, actor)
            case "reopen":
                return events.Reopened(text, actor)
        raise BadInput(f"{action!r} is not something that can be done to a ticket")

    def _deployed(self, ticket: Ticket, version: str) -> float | None:
        """When that version was last deployed after the change; None when it was not."""
        times = [
            d.at
            for d in self._follower.deploys(ticket.service, ticket.environment)
            if version and d.version == version and d.at > ticket.change_at
        ]
        return times[-1] if times else None


def _words(details: dict[str, Any], name: str) -> str:
    value = details.get(name) or ""
    if not isinstance(value, str):
        raise BadInput(f"{name} must be text")
    if len(value) > LONGEST_TEXT:
        raise BadInput(f"{name} is longer than {LONGEST_TEXT} characters")
    return value


def _until(seconds: Any, now: float) -> float | None:
    """The end of a mute; without a duration it lasts until somebody unmutes the ticket."""
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise BadInput("seconds must be a number")
    if not math.isfinite(seconds) or not 0 < seconds <= LONGEST_MUTE:
        raise BadInput("seconds must be above 0 and at most 366 days")
    return now + seconds


def _resolution(value: Any) -> Resolution:
    try:
        return Resolution(value)
    except ValueError:
        known = ", ".join(Resolution)
        raise BadInput(f"resolution must be one of {known}") from None
