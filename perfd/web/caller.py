"""Reads from a request what the access rules ask about."""

from __future__ import annotations

from aiohttp import web

from perfd.web.access import Caller
from perfd.web.context import CONTEXT
from perfd.web.session import COOKIE, valid


def caller_of(request: web.Request) -> Caller:
    """What the request says about itself."""
    context = request.app[CONTEXT]
    cookie = request.cookies.get(COOKIE, "")
    return Caller(
        host=request.headers.get("Host", ""),
        origin=request.headers.get("Origin", ""),
        site=request.headers.get("Sec-Fetch-Site", ""),
        authorization=request.headers.get("Authorization", ""),
        signed_in=valid(context.access.token, cookie, context.clock.now()),
        scheme=request.scheme,
    )
