"""Which trackers hear of a ticket."""

from __future__ import annotations

from fnmatch import fnmatchcase

from perfd.model.ticket import Ticket
from perfd.tickets.settings import Route, TicketSettings


def trackers_for(ticket: Ticket, settings: TicketSettings) -> tuple[str, ...]:
    """Names of the first matching route's trackers, or of all."""
    for route in settings.routes:
        if _matches(route, ticket):
            return route.trackers
    return tuple(tracker.name for tracker in settings.trackers)


def _matches(route: Route, ticket: Ticket) -> bool:
    return (
        fnmatchcase(ticket.service, route.service)
        and fnmatchcase(ticket.environment, route.environment)
        and fnmatchcase(ticket.kind, route.kind)
    )
