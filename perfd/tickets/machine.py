"""The block of a ticket's body that programs read: small, complete in itself, fenced JSON."""

from __future__ import annotations

import json
from typing import Any

from perfd.model.ticket import Ticket
from perfd.tickets.document import ticket_json
from perfd.tickets.markdown import clean, fenced

FIELDS = (
    "schema", "id", "fingerprint", "state", "kind", "trigger", "provisional", "service",
    "environment", "operation", "metric", "unit", "before", "after", "effect", "change",
    "suspects", "findings", "occurrence", "opened_at",
)  # fmt: skip
MOST = 5  # items of a list


def machine_block(ticket: Ticket) -> str:
    """Names are cleaned as in the text, and everything that is not ASCII is escaped."""
    document = ticket_json(ticket, "")
    chosen = {name: _short(document[name]) for name in FIELDS}
    rule = dict(document["verification"]["rule"] or {})
    rule.pop("text", None)
    chosen["rule"] = _short(rule) or None
    lines = (f' "{name}": {json.dumps(value, allow_nan=False)}' for name, value in chosen.items())
    return fenced("{\n" + ",\n".join(lines) + "\n}", "json")


def _short(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, list):
        return [_short(inner) for inner in value[:MOST]]
    if isinstance(value, dict):
        return {key: _short(inner) for key, inner in value.items()}
    return value
