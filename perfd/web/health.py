"""/healthz: the process answers. /readyz: perfd takes telemetry; readers also see who is how."""

from __future__ import annotations

from aiohttp import web

from perfd.model.times import to_rfc3339
from perfd.web.access import Purpose
from perfd.web.caller import caller_of
from perfd.web.context import CONTEXT
from perfd.web.endpoint import json_response


async def healthz(_: web.Request) -> web.Response:
    """Live."""
    return json_response({"status": "ok"})


async def readyz(request: web.Request) -> web.Response:
    """Ready, and the state of each component for those who may read."""
    context = request.app[CONTEXT]
    ready = context.board.ready
    body: dict[str, object] = {"status": "ready" if ready else "not ready"}
    if context.access.allows(Purpose.READ, caller_of(request)):
        body["components"] = [
            {
                "component": status.component,
                "state": status.state,
                "since": to_rfc3339(status.since),
                "detail": status.detail,
                "essential": status.essential,
            }
            for status in context.board.statuses()
        ]
    return json_response(body, 200 if ready else 503)
