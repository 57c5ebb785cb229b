"""The pages: each handler reads beside the event loop, computes a view, and renders a template."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from perfd.errors import NotFound
from perfd.tickets.compose import body_of, title_of
from perfd.tickets.wording import length
from perfd.web import page_actions
from perfd.web.access import Purpose
from perfd.web.agents import agents_now
from perfd.web.caller import caller_of
from perfd.web.context import CONTEXT, Context, off_loop
from perfd.web.failures import Failure
from perfd.web.templating import render
from perfd.web.views.agents import agents_page
from perfd.web.views.overview import overview
from perfd.web.views.service import service_page
from perfd.web.views.ticket import ticket_page
from perfd.web.views.tickets import tickets_page

_COMPRESSED = 16 * 1024  # characters from which a page is worth compressing
_RANGES = {"1": 1.0, "6": 6.0, "24": 24.0}  # hours, divided by pace


async def show_overview(request: web.Request) -> web.Response:
    """How everything is."""
    context = request.app[CONTEXT]
    view = await off_loop(
        overview, context.reader, context.recent, context.board.statuses(), context.clock.now()
    )
    return page(request, "overview.html", view=view, endpoints=context.endpoints)


async def show_service(request: web.Request) -> web.Response:
    """How one service is."""
    context = request.app[CONTEXT]
    hours = _RANGES.get(request.query.get("hours", "1"), 1.0)
    name = request.match_info["service"]
    view = await off_loop(service_page, context.reader, name, context.clock.now(), hours)
    if view is None:
        raise NotFound(f"perfd knows no service named {name!r}. The overview lists those it knows.")
    return page(request, "service.html", view=view)


async def show_tickets(request: web.Request) -> web.Response:
    """All tickets."""
    context = request.app[CONTEXT]
    view = await off_loop(_tickets, context, dict(request.query))
    return page(request, "tickets.html", view=view)


async def show_ticket(request: web.Request) -> web.Response:
    """The evidence of one ticket."""
    context = request.app[CONTEXT]
    name = request.match_info["id"]
    ticket = await off_loop(context.reader.ticket, name)
    if ticket is None:
        raise NotFound(f"There is no ticket {name!r}. The list of tickets shows those there are.")
    evidence = await off_loop(context.reader.evidence, ticket)
    view = await off_loop(ticket_page, ticket, evidence, context.settings.code_url)
    return page(request, "ticket.html", view=view)


async def show_agents(request: web.Request) -> web.Response:
    """Who forwards here."""
    context = request.app[CONTEXT]
    states = await off_loop(agents_now, context.centre, context.clock.now())
    return page(request, "agents.html", view=agents_page(states))


async def show_markdown(request: web.Request) -> web.Response:
    """The ticket as trackers get it."""
    context = request.app[CONTEXT]
    ticket = await off_loop(context.reader.ticket, request.match_info["id"])
    if ticket is None:
        raise NotFound("There is no such ticket.")
    evidence = await off_loop(context.reader.evidence, ticket)
    text = f"# {title_of(ticket)}\n\n{body_of(ticket, evidence, context.base_url)}"
    return web.Response(text=text, content_type="text/markdown")


def _tickets(context: Context, query: dict[str, str]) -> object:
    return tickets_page(context.reader.tickets(), query)


def page(request: web.Request, template: str, status: int = 200, **values: Any) -> web.Response:
    """A rendered template with what every page shows."""
    context = request.app[CONTEXT]
    caller = caller_of(request)
    values |= {
        "now": context.clock.now(),
        "pace": context.pace,
        "hour": length(3600 / context.pace),
        "refresh": max(2, round(15 / context.pace)),
        "path": request.path,
        "has_agents": context.centre is not None and bool(context.centre.agents()),
        "base_url": context.base_url,
        "may_change": context.access.allows(Purpose.CHANGE, caller),
        "has_token": context.access.token is not None,
        "signed_in": caller.signed_in,
    }
    text = render(template, **values)
    response = web.Response(text=text, status=status, content_type="text/html")
    if len(text) > _COMPRESSED:
        response.enable_compression()
    return response


def failed(request: web.Request, failure: Failure) -> web.Response:
    """A page that says what went wrong and what to do."""
    return page(request, "failure.html", failure.status, failure=failure)


def routes() -> list[web.RouteDef]:
    """All pages."""
    return [
        web.get("/", show_overview),
        web.get("/services/{service:[^/]+}", show_service),
        web.get("/tickets", show_tickets),
        web.get("/agents", show_agents),
        web.get("/tickets/{id}", show_ticket),
        web.get("/tickets/{id}/markdown", show_markdown),
        *page_actions.routes(),
    ]
