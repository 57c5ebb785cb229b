"""The messages of one ticket's life, as the follower writes them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from perfd.interfaces import Message
from perfd.model.ticket import Ticket, Verdict
from perfd.tickets.compose import body_of, title_of
from perfd.tickets.document import ticket_json
from perfd.tickets.events import Deployed, Event, Judged, Seen
from perfd.tickets.follow import step
from perfd.tickets.outbox import key_of
from tests.tickets.samples import FOUND, POLICY, T0, deploy, found

BASE = "http://perfd:4040"


class Story:
    """Opened, a fix deployed, verified."""

    def __init__(self, service: str = "pricing") -> None:
        self._found = found(service=service)
        self.opened = self._after(None, Seen(self._found), FOUND, 1)
        fix = dataclasses.replace(deploy("1.1.1", T0 + 7200), service=service)
        self.updated = self._after(self.opened.ticket, Deployed(fix), T0 + 7200, 2)
        told = dataclasses.replace(
            self.updated.ticket.verification, verdict=Verdict.VERIFIED, text="p95 is 41 ms again"
        )
        self.verified = self._after(self.updated.ticket, Judged(told), T0 + 9000, 3)

    def __iter__(self) -> Iterator[Message]:
        return iter((self.opened, self.updated, self.verified))

    def _after(self, ticket: Ticket | None, event: Event, now: float, revision: int) -> Message:
        after, (action,) = step(ticket, event, POLICY, now)
        return Message(
            key_of(after.id, revision),
            str(action),
            after,
            title_of(after),
            body_of(after, self._found.evidence, BASE),
            ticket_json(after, BASE),
        )
