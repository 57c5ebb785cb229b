"""The list of tickets, filtered by links."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from perfd.model.ticket import State, Ticket
from perfd.web.links import query, ticket_path
from perfd.web.views.words import counted, figures, state_words

_FOLLOWED = (State.PENDING, State.OPEN, State.VERIFYING)
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Choice:
    """One link of a filter."""

    text: str
    href: str
    chosen: bool
    count: int


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table."""

    ticket: Ticket
    href: str
    words: str
    figures: str
    suspect: str


@dataclass(frozen=True, slots=True)
class TicketsPage:
    """The page; `hidden` tickets are beyond what it shows."""

    sentence: str
    filters: tuple[tuple[str, tuple[Choice, ...]], ...]
    lines: tuple[Line, ...]
    filtered: bool
    hidden: int
    json_href: str


def tickets_page(tickets: Sequence[Ticket], wanted: Mapping[str, str]) -> TicketsPage:
    """Tickets that fit `wanted` (state, service, kind), newest first."""
    fields: dict[str, Callable[[Ticket], str]] = {
        "state": lambda ticket: ticket.state.value,
        "service": lambda ticket: ticket.service,
        "kind": lambda ticket: ticket.kind,
    }
    chosen = {name: wanted.get(name) for name in fields}
    kept = [
        ticket
        for ticket in tickets
        if all(chosen[name] in {None, read(ticket)} for name, read in fields.items())
    ]
    return TicketsPage(
        sentence=_sentence(tickets),
        filters=tuple(
            (name, _choices(name, read, tickets, chosen)) for name, read in fields.items()
        ),
        lines=tuple(line(ticket) for ticket in kept[:_SHOWN]),
        filtered=any(chosen.values()),
        hidden=max(0, len(kept) - _SHOWN),
        json_href=query("/api/v1/tickets", **chosen),
    )


def _sentence(tickets: Sequence[Ticket]) -> str:
    followed = [ticket for ticket in tickets if ticket.state in _FOLLOWED]
    if not tickets:
        return "No ticket has been opened."
    if not followed:
        return f"Nothing is open; {counted(len(tickets), 'ticket')} in the past."
    services = {ticket.service for ticket in followed}
    return f"{counted(len(followed), 'ticket')} to follow, on {counted(len(services), 'service')}."


def _choices(
    name: str,
    read: Callable[[Ticket], str],
    tickets: Sequence[Ticket],
    chosen: Mapping[str, str | None],
) -> tuple[Choice, ...]:
    values = sorted({read(ticket) for ticket in tickets} | ({chosen[name] or ""} - {""}))
    every = Choice(
        "all", query("/tickets", **{**chosen, name: None}), not chosen[name], len(tickets)
    )
    return (
        every,
        *(
            Choice(
                value,
                query("/tickets", **{**chosen, name: value}),
                chosen[name] == value,
                sum(read(ticket) == value for ticket in tickets),
            )
            for value in values
        ),
    )


def line(ticket: Ticket) -> Line:
    """One ticket in figures and words."""
    suspect = next((s.version for s in ticket.suspects if s.version), "")
    return Line(ticket, ticket_path(ticket.id), state_words(ticket), figures(ticket), suspect)
