"""Whether the demo has shown what it promises: pure judgements over what was answered and measured.

Each gives the problems that it sees, in words; none is good news.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

SERVICE = "pricing"
OPERATION = "POST /quote"
GOOD = "1.0.0"
BAD = "1.1.0"
FIXED = "1.1.1"
CULPRIT = "merge_discounts"

# What the injected regression really does to pricing, and what it must leave of the machine.
LEAST_RATIO, MOST_RATIO = 1.2, 2.0
MOST_CORES = 0.7

# A change that is only suspected, and one whose suspicion came to nothing, were never opened.
UNOPENED = frozenset({"pending", "dropped"})

Ticket = Mapping[str, Any]


def opened(tickets: Sequence[Ticket]) -> list[Ticket]:
    """The tickets that somebody has been told of."""
    return [ticket for ticket in tickets if ticket["state"] not in UNOPENED]


def ticket_problems(tickets: Sequence[Ticket]) -> list[str]:
    """One ticket in all, on pricing, that names the operation, the version and the function."""
    told = opened(tickets)
    if len(told) != 1:
        return [f"{len(told)} tickets instead of one{_names(told)}"]
    return [
        f"the ticket's {what} is {found!r}, not {wanted!r}"
        for what, found, wanted in _claims(told[0])
        if found != wanted
    ] + _hotspot_problems(told[0])


def no_ticket_problems(
    tickets: Sequence[Ticket], deploys: Sequence[Mapping[str, Any]], looks: float
) -> list[str]:
    """Nothing opened, nothing about to be, and yet the deploy was noticed and looked at."""
    active = [ticket for ticket in tickets if ticket["state"] != "dropped"]
    problems = [f"a ticket where nothing is wrong{_names(active)}"] if active else []
    if [(deploy["version"], deploy["previous"]) for deploy in deploys] != [(BAD, GOOD)]:
        problems.append(f"the deploy of {SERVICE} {BAD} is not what was noticed: {deploys}")
    if not looks:
        problems.append("no deploy was judged")
    return problems


def truth_problems(truth: Mapping[str, Any], regression: bool) -> list[str]:
    """What the shop and its customers measured themselves: the demo's own conditions."""
    problems = []
    if regression and not LEAST_RATIO <= truth["p95_ratio"] <= MOST_RATIO:
        problems.append(
            f"the true p95 ratio is {truth['p95_ratio']}, not in [{LEAST_RATIO}, {MOST_RATIO}]"
        )
    problems += [
        f"pricing {version} takes {measured['cpu_cores']} of a core"
        for version, measured in truth["pricing"].items()
        if measured["cpu_cores"] >= MOST_CORES
    ]
    problems += [
        f"{truth['load'].get(mishap)} requests {mishap}"
        for mishap in ("dropped", "failed")
        if truth["load"].get(mishap) != 0
    ]
    return problems


def p95_ratio(pricing: Mapping[str, Any]) -> float | None:
    """How much slower the bad version truly is, as pricing itself measured it."""
    if BAD not in pricing:
        return None
    good, bad = (float(pricing[version]["latency"]["p95"]) for version in (GOOD, BAD))
    return round(bad / good, 3)


def _claims(ticket: Ticket) -> list[tuple[str, Any, str]]:
    suspects = ticket.get("suspects") or [{}]
    return [
        ("service", ticket.get("service"), SERVICE),
        ("operation", ticket.get("operation"), OPERATION),
        ("first suspect", suspects[0].get("version"), BAD),
    ]


def _hotspot_problems(ticket: Ticket) -> list[str]:
    first = [hotspot["function"] for hotspot in ticket.get("hotspots", [])[:3]]
    if any(CULPRIT in function for function in first):
        return []
    return [f"{CULPRIT} is not among the first three hotspots {first}"]


def _names(tickets: Sequence[Ticket]) -> str:
    named = ", ".join(
        f"{ticket['id']} ({ticket['state']}) on {ticket['service']} {ticket.get('operation')}"
        for ticket in tickets
    )
    return f": {named}" if named else ""
