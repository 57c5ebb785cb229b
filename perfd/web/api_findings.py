"""Findings: what detectors said, also what was looked at and not opened, and why."""

from __future__ import annotations

from typing import Any

import msgspec

from perfd.tickets.document import finding_json
from perfd.web.api_tickets import Limit
from perfd.web.context import Context, off_loop
from perfd.web.endpoint import Endpoint
from perfd.web.paging import page
from perfd.web.ticket_schemas import FindingList


class FindingsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which findings; `opened` false for those that no ticket came of."""

    service: str | None = None
    opened: bool | None = None
    limit: Limit = 50
    cursor: str | None = None


async def list_findings(context: Context, query: FindingsQuery, _: None) -> dict[str, Any]:
    """Findings, newest first."""
    found = await off_loop(context.reader.findings)
    wanted = [
        f for f in found if query.service in {None, f.service} and query.opened in {None, f.opened}
    ]
    shown, cursor = page(wanted, lambda f: (f.found_at, f.id), query.limit, query.cursor)
    return {"findings": [finding_json(f) for f in shown], "cursor": cursor}


ENDPOINTS = (
    Endpoint(
        "GET",
        "/api/v1/findings",
        "Findings, newest first, opened or not",
        list_findings,
        FindingList,
        FindingsQuery,
    ),
)
