"""Tickets: read them, and ask the desk to act on them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec

from perfd.errors import BadInput, NotFound
from perfd.interfaces import TicketAction
from perfd.model.ticket import Resolution, State, Ticket
from perfd.tickets.document import ticket_json
from perfd.web.context import Context, off_loop
from perfd.web.endpoint import Endpoint
from perfd.web.paging import page
from perfd.web.ticket_schemas import TicketList, TicketRecord

Limit = Annotated[int, msgspec.Meta(ge=1, le=500)]
Text = Annotated[str, msgspec.Meta(max_length=4_000)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Json = dict[str, Any]


class TicketsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which tickets."""

    state: State | None = None
    service: str | None = None
    kind: str | None = None
    limit: Limit = 50
    cursor: str | None = None


class TicketQuery(msgspec.Struct, frozen=True, kw_only=True):
    """One ticket."""

    id: str


class Plain(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An action that a person may comment on."""

    text: Text = ""
    actor: Name = "api"


class Mute(Plain, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Be silent: for `seconds` of real time, or until somebody unmutes it."""

    seconds: Annotated[float, msgspec.Meta(gt=0, le=366 * 86_400.0)] | None = None


class Fix(Plain, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The version that is said to hold the fix; without it, the next deploy."""

    version: Text = ""


class Close(Plain, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """End the ticket, and say why."""

    resolution: Resolution


async def list_tickets(context: Context, query: TicketsQuery, _: None) -> Json:
    """Tickets, newest first."""
    tickets = await off_loop(context.reader.tickets)
    wanted = [ticket for ticket in tickets if matches(ticket, query)]
    shown, cursor = page(wanted, lambda t: (t.opened_at, t.id), query.limit, query.cursor)
    return {"tickets": [ticket_json(t, context.base_url) for t in shown], "cursor": cursor}


async def show_ticket(context: Context, query: TicketQuery, _: None) -> Json:
    """One ticket."""
    ticket = await off_loop(context.reader.ticket, query.id)
    if ticket is None:
        raise NotFound(f"There is no ticket {query.id!r}.")
    return ticket_json(ticket, context.base_url)


def matches(ticket: Ticket, query: TicketsQuery) -> bool:
    """Whether a ticket is among the wanted."""
    return (
        query.state in {None, ticket.state}
        and query.service in {None, ticket.service}
        and query.kind in {None, ticket.kind}
    )


def _action(
    action: TicketAction,
) -> Callable[[Context, TicketQuery, Plain], Awaitable[Json]]:
    async def act(context: Context, query: TicketQuery, body: Plain) -> Json:
        details = msgspec.structs.asdict(body)
        actor = details.pop("actor")
        if not actor.strip():
            raise BadInput("actor: may not be blank.")
        ticket = await context.desk.act(query.id, action, actor=actor, **details)
        return ticket_json(ticket, context.base_url)

    return act


ACTIONS: dict[TicketAction, tuple[str, type[Plain]]] = {
    "ack": ("Say that somebody is on it", Plain),
    "mute": ("Be silent about it for a while", Mute),
    "unmute": ("Speak again", Plain),
    "fix": ("Say which version holds the fix, to be judged", Fix),
    "close": ("End it without a verified fix, and say why", Close),
    "reopen": ("Follow it again", Plain),
}

ENDPOINTS = (
    Endpoint(
        "GET", "/api/v1/tickets", "Tickets, newest first", list_tickets, TicketList, TicketsQuery
    ),
    Endpoint("GET", "/api/v1/tickets/{id}", "One ticket", show_ticket, TicketRecord, TicketQuery),
    *(
        Endpoint(
            "POST",
            f"/api/v1/tickets/{{id}}/{action}",
            summary,
            _action(action),
            TicketRecord,
            TicketQuery,
            body,
        )
        for action, (summary, body) in ACTIONS.items()
    ),
)
