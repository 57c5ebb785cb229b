"""The API's table: every route there is, and the description that is made of it."""

from __future__ import annotations

from aiohttp import web

from perfd.web import (
    api_agents,
    api_deploys,
    api_detectability,
    api_findings,
    api_profiles,
    api_services,
    api_tickets,
)
from perfd.web.endpoint import Endpoint, json_response
from perfd.web.openapi import describe

ENDPOINTS: tuple[Endpoint, ...] = (
    *api_services.ENDPOINTS,
    *api_tickets.ENDPOINTS,
    *api_findings.ENDPOINTS,
    *api_deploys.ENDPOINTS,
    *api_detectability.ENDPOINTS,
    *api_profiles.ENDPOINTS,
    *api_agents.ENDPOINTS,
)


async def openapi(_: web.Request) -> web.Response:
    """The description of all calls."""
    return json_response(describe(ENDPOINTS))


def routes() -> list[web.RouteDef]:
    """All routes under /api/v1."""
    own = [endpoint.route() for endpoint in ENDPOINTS]
    return [*own, web.get("/api/v1/openapi.json", openapi)]
