"""`POST /api/v1/windows`: what agents forward. The body is binary (docs/forwarding.md)."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from perfd.errors import TooLarge, Unsupported
from perfd.forward.body import MEDIA_TYPE
from perfd.forward.centre import Centre
from perfd.forward.settings import AgentSettings
from perfd.web.endpoint import json_response

PATH = "/api/v1/windows"


def routes(centre: Centre, settings: AgentSettings) -> Sequence[web.RouteDef]:
    """The route, a push like any other: mounted by whoever has a centre."""

    async def take(request: web.Request) -> web.Response:
        """Take one shipment; the answer says how far the centre has the agent's rows on disk."""
        if request.content_type != MEDIA_TYPE:
            raise Unsupported(f"Agents send {MEDIA_TYPE} here, not {request.content_type}.")
        return json_response(await centre.receive(await _body(request, settings.max_size)))

    return (web.post(PATH, take),)


async def _body(request: web.Request, limit: int) -> bytes:
    if (request.content_length or 0) > limit:
        raise TooLarge(f"The body may have at most {limit} bytes.")
    body = bytearray()
    async for piece in request.content.iter_chunked(64 * 1024):
        body += piece
        if len(body) > limit:
            raise TooLarge(f"The body may have at most {limit} bytes.")
    return bytes(body)
