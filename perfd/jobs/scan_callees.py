"""Who calls whom, so that a change that came from a callee is told of the callee."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from perfd.interfaces import Store
from perfd.jobs.cells import Place
from perfd.model.series import LINKS


def callees(store: Store, place: Place) -> frozenset[Place]:
    """Services of the same environment that were seen behind its calls."""
    service, environment = place
    links = store.series(LINKS, {"service": service, "environment": environment})
    names = {series.label.get("callee", "") for series in links}
    return frozenset((name, environment) for name in names - {service, ""})


def callees_first(store: Store, places: Iterable[Place]) -> list[Place]:
    """The same services, each after all that it calls; a circle is cut where it is met."""
    calls = {place: callees(store, place) for place in places}
    ordered: dict[Place, None] = {}
    for place in calls:
        _visit(place, calls, set(), ordered)
    return list(ordered)


def _visit(
    place: Place,
    calls: Mapping[Place, frozenset[Place]],
    begun: set[Place],
    ordered: dict[Place, None],
) -> None:
    if place in ordered or place in begun:
        return
    begun.add(place)
    for callee in sorted(calls[place] & calls.keys()):
        _visit(callee, calls, begun, ordered)
    ordered[place] = None
