"""Which tickets perfd would have opened, and which findings it would have kept to itself.

A ticket is for a confirmed change for the worse, of a series that perfd had known for a week by
then; changes of one service whose times cannot be told apart are one ticket.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from perfd.model.finding import CONFIRMED
from perfd.model.times import from_rfc3339

Report = dict[str, Any]

MATURE = 7 * 86_400.0  # s of history (divided by pace) before a series may open a ticket
TOLD = ("series", "at", "at_ci", "detected_at", "before", "after", "ratio", "ci", "deploy")


def opening(
    findings: Sequence[Report], begins: Mapping[str, float], pace: float
) -> tuple[list[Report], list[Report]]:
    """Tickets, oldest first; and the findings that are none, each with the rule that says so.

    `begins` tells when each series' history begins (seconds UTC).
    """
    tickets: list[Report] = []
    held: list[Report] = []
    for found in sorted(findings, key=lambda found: str(found["detected_at"])):
        if reason := _against(found, begins[found["series"]], pace):
            rule, words = reason
            held.append(
                {
                    "series": found["series"],
                    "at": found["at"],
                    "filter": rule,
                    "reason": words,
                    "evaluations": 1,
                }
            )
        else:
            _file(tickets, found)
    return [_ticket(ticket["service"], ticket["found"]) for ticket in tickets], held


def _against(found: Report, begin: float, pace: float) -> tuple[str, str] | None:
    if found["status"] != CONFIRMED:
        return "confirmation", "seen, and not yet in enough evaluations in a row"
    if found["direction"] == "down":
        return "direction", "a change for the better"
    age = (from_rfc3339(found["detected_at"]) - begin) * pace
    if age < MATURE:
        return "maturity", f"{age / 86_400:.1f} days of history by then; 7 are needed"
    return None


def _file(tickets: list[Report], found: Report) -> None:
    """Into the ticket of the same service whose changes may be the same, or a new one."""
    for ticket in tickets:
        if ticket["service"] == found["service"] and any(
            _meet(found, other) for other in ticket["found"]
        ):
            ticket["found"].append(found)
            return
    tickets.append({"service": found["service"], "found": [found]})


def _meet(one: Report, other: Report) -> bool:
    """Whether the intervals of both change times overlap."""
    return bool(one["at_ci"][0] <= other["at_ci"][1] and other["at_ci"][0] <= one["at_ci"][1])


def _ticket(service: str, found: Sequence[Report]) -> Report:
    """About the largest change; the others are evidence."""
    first = max(found, key=lambda one: one["ratio"] if one["ratio"] is not None else math.inf)
    others = sorted(one["series"] for one in found if one is not first)
    opened = min(str(one["detected_at"]) for one in found)
    return {
        "service": service,
        "opened_at": opened,
        **{key: first[key] for key in TOLD},
        "also": others,
    }
