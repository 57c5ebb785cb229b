"""What every transition of the machine is made of."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from perfd.errors import Conflict
from perfd.model.ticket import Entry, State, Ticket
from perfd.tickets.events import Action

MOST_ENTRIES = 200  # of history; the oldest few and the newest stay
OLDEST_KEPT = 10


class Step(NamedTuple):
    """The ticket after an event, and what trackers must be told (nothing when it is empty)."""

    ticket: Ticket
    actions: tuple[Action, ...] = ()


def noted(ticket: Ticket, now: float, event: str, text: str, actor: str = "perfd") -> Ticket:
    """One more line of history, in the state that the ticket is in."""
    entry = Entry(now, event, ticket.state, text, actor)
    history = (*ticket.history, entry)
    if len(history) > MOST_ENTRIES:
        history = history[:OLDEST_KEPT] + history[OLDEST_KEPT - MOST_ENTRIES :]
    return dataclasses.replace(ticket, history=history)


def moved(
    ticket: Ticket, state: State, now: float, event: str, text: str, actor: str = "perfd"
) -> Ticket:
    """The ticket in another state, with the line that says why."""
    return noted(dataclasses.replace(ticket, state=state), now, event, text, actor)


def refuse(ticket: Ticket, wish: str) -> Conflict:
    """The error for an action that the state does not allow."""
    return Conflict(f"{ticket.id} is {ticket.state}; it cannot be {wish}")


def announced(ticket: Ticket) -> bool:
    """Whether trackers have ever been told of it."""
    return any(entry.event == Action.OPENED for entry in ticket.history)


def opened(ticket: Ticket, now: float, text: str) -> Step:
    """Tell the world: for the first time, or again.

    A version that was deployed while the ticket was pending is what is verified at once.
    """
    action = Action.REOPENED if announced(ticket) else Action.OPENED
    state = State.OPEN if ticket.verification.since is None else State.VERIFYING
    return Step(moved(ticket, state, now, action, text), (action,))
