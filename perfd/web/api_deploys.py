"""Deploys: those that perfd saw, and announcing one."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from perfd.errors import BadInput
from perfd.model.deploy import Deploy
from perfd.model.series import UNKNOWN
from perfd.model.times import from_rfc3339
from perfd.tickets.document import deploy_json
from perfd.web.api_tickets import Limit, Name, Text
from perfd.web.context import Context, off_loop
from perfd.web.endpoint import Endpoint, Nothing
from perfd.web.paging import page
from perfd.web.ticket_schemas import DeployList, DeployRecord

# An announcement may come before the deploy, but a date in another year is a mistake.
_AHEAD = 86_400.0


class DeploysQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which deploys."""

    service: str | None = None
    limit: Limit = 50
    cursor: str | None = None


class Announcement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A deploy. `at` is now when left out; a `Perf-Ticket:` line in `message` claims a fix."""

    service: Name
    version: Name
    environment: Annotated[str, msgspec.Meta(max_length=256)] = UNKNOWN
    at: str | None = None
    commit: Annotated[str, msgspec.Meta(max_length=256)] = ""
    url: Annotated[str, msgspec.Meta(max_length=2_000)] = ""
    message: Text = ""


async def list_deploys(context: Context, query: DeploysQuery, _: None) -> dict[str, Any]:
    """Deploys, newest first."""
    found = await off_loop(context.reader.deploys)
    wanted = [deploy for deploy in found if query.service in {None, deploy.service}]
    shown, cursor = page(wanted, lambda d: (d.at, d.id), query.limit, query.cursor)
    return {"deploys": [deploy_json(d) for d in shown], "cursor": cursor}


async def announce(context: Context, _: Nothing, body: Announcement) -> dict[str, Any]:
    """Record a deploy."""
    now = context.clock.now()
    deploy = Deploy(
        service=body.service,
        environment=body.environment or UNKNOWN,
        version=body.version,
        previous="",
        at=_moment(body.at, now),
        source="announced",
        commit=body.commit,
        url=body.url,
        message=body.message,
    )
    return deploy_json(await context.desk.deploy(deploy))


def _moment(text: str | None, now: float) -> float:
    if text is None:
        return now
    try:
        at = from_rfc3339(text)
    except (ValueError, OverflowError) as problem:
        raise BadInput(f"at: not an RFC 3339 time ({problem}).") from None
    if not 0 < at < now + _AHEAD:
        raise BadInput("at: more than a day ahead, or before 1970.")
    return at


ENDPOINTS = (
    Endpoint(
        "GET", "/api/v1/deploys", "Deploys, newest first", list_deploys, DeployList, DeploysQuery
    ),
    Endpoint(
        "POST",
        "/api/v1/deploys",
        "Announce a deploy",
        announce,
        DeployRecord,
        Nothing,
        Announcement,
        status=201,
    ),
)
