"""What would be seen, in /metrics: of each service the operations with most requests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from perfd.model.detectability import Detectability, Detectable
from perfd.web.exposition import GAUGE, Family

MOST_OPERATIONS = 10  # of a service
MOST = 1_000  # series in all


def detectability_families(found: Iterable[Detectability]) -> list[Family]:
    """The smallest change that would be seen; what is blind has no sample there, and is counted."""
    change = Family(
        "perfd_detectable_change_ratio",
        GAUGE,
        "Smallest change seen within a day 9 times in 10, as a part of the value "
        "(of an error rate: added share of requests)",
    )
    blind = Family("perfd_blind_series", GAUGE, "Series of which not even a large change is seen")
    waiting = Family("perfd_self_test_waiting_series", GAUGE, "Series that are yet to be tried")
    for one in found:
        labels = {"service": one.service}
        blind.add(sum(row.smallest is None for row in one.rows), **labels)
        waiting.add(one.waiting, **labels)
        for row in _busiest(one.rows)[: MOST - len(change.lines)]:
            about = {"operation": row.operation, "metric": row.metric}
            change.add(row.smallest or 0.0, **labels, environment=row.environment, **about)
    return [change, blind, waiting]


def _busiest(rows: Sequence[Detectable]) -> list[Detectable]:
    """Of the operations with most requests, what can be seen."""
    requests: dict[tuple[str, str], float] = {}
    for row in rows:
        place = row.environment, row.operation
        requests[place] = max(requests.get(place, 0.0), row.requests)
    chosen = set(sorted(requests, key=lambda place: (-requests[place], place))[:MOST_OPERATIONS])
    return [
        row
        for row in rows
        if row.smallest is not None and (row.environment, row.operation) in chosen
    ]
