"""What makes two findings the same ticket.

The fingerprint is (kind family, service, environment, operation or resource) and never a version,
host, time or culprit: a relapse finds its old ticket, and a second culprit opens no second one.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator

from perfd.model.finding import Finding
from perfd.model.identity import fingerprint, ticket_id
from perfd.model.ticket import Ticket

# Kinds that are two views of one trouble belong to one family, hence to one ticket.
FAMILIES = {
    "slo_burn": "slo",
    "slo_drift": "slo",
    "budget": "slo",
    "hotspot": "cost",
    "opportunity": "cost",
    "saturation": "resource",
    "leak": "resource",
}
# A finding without an operation is about one of these labels of its series.
RESOURCES = ("operation", "container", "process", "host", "resource")


def family(kind: str) -> str:
    """The family of a kind; a kind of its own is its own family."""
    return FAMILIES.get(kind, kind)


def subject(finding: Finding) -> str:
    """The operation, or else the resource, that the finding is about; empty: the whole service."""
    if finding.operation:
        return finding.operation
    label = finding.series.label
    return next((label[name] for name in RESOURCES if label.get(name)), "")


def about(ticket: Ticket) -> str:
    """The operation, or the function whose share it is; empty where it is the whole service."""
    if ticket.metric == "share" and ticket.hotspots:
        return ticket.hotspots[0].function
    return ticket.operation


def mark(finding: Finding) -> str:
    """The fingerprint of the ticket that the finding belongs to: 128 bits in hexadecimal."""
    return fingerprint(
        "ticket", family(finding.kind), finding.service, finding.environment, subject(finding)
    )


def ids(mark: str) -> Iterator[str]:
    """The ids a ticket may have, best first.

    The first is the one everybody expects. The others exist because 30 bits collide once in about
    40,000 tickets, and a ticket must then not swallow another's history.
    """
    yield ticket_id(mark)
    letters = base64.b32encode(bytes.fromhex(mark)).decode("ascii").rstrip("=")
    for at in range(1, len(letters) - 5):
        yield "PERF-" + letters[at : at + 6]
