"""Messages to trackers, written in the transaction that changed the ticket.

A crash can then lose neither the change nor its message, and what was sent but not marked is sent
again under the same key.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from perfd.model.ticket import Ticket

WAITING = "waiting"
DONE = "done"
FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Attempt:
    """How far one tracker is. `next_at` is when to try (again), seconds UTC."""

    state: str = WAITING
    tries: int = 0
    next_at: float = 0.0
    url: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """One message and each tracker's attempt at it.

    Keys of one ticket sort by time. `ticket` is None once every tracker has settled: the content
    has done its work, and the key stays to say what became of it.
    """

    key: str
    ticket_id: str
    at: float
    event: str
    title: str
    body: str
    ticket: Ticket | None
    document: Mapping[str, Any]
    attempts: Mapping[str, Attempt] = field(default_factory=dict)

    @property
    def waiting(self) -> tuple[str, ...]:
        """Trackers that have not settled."""
        return tuple(name for name, a in self.attempts.items() if a.state == WAITING)


def key_of(ticket_id: str, revision: int) -> str:
    """Names a message for ever; grows with the revision, as text too."""
    return f"{ticket_id}-{revision:016x}"


def attempted(entry: OutboxEntry, tracker: str, attempt: Attempt) -> OutboxEntry:
    """The entry after a tracker's attempt; emptied when it was the last."""
    entry = dataclasses.replace(entry, attempts={**entry.attempts, tracker: attempt})
    if entry.waiting:
        return entry
    return dataclasses.replace(entry, ticket=None, body="", document={})
