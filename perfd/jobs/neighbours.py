"""Reads what surrounds a deployed service: its own time and its calls, its callees, its callers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from perfd.detect.neighbours import Caller, Neighbours, services_behind
from perfd.detect.speaker import speaking
from perfd.interfaces import Labels, Store
from perfd.jobs.requests import known
from perfd.model.deploy import Deploy
from perfd.model.series import CALLS, LINKS, METRIC_REQUESTS, OWN_TIME, REQUESTS, RETRIES, STEADY
from perfd.model.window import Window

MOST_CALLERS = 20  # services; the first by name

Spans = Sequence[tuple[float, float]]


def neighbours(store: Store, deploy: Deploy, spans: Spans) -> Neighbours:
    """Around a deploy, in these spans of time, as fine as stored."""
    return _Reader(store, deploy, spans).read()


class _Reader:
    def __init__(self, store: Store, deploy: Deploy, spans: Spans) -> None:
        self._store = store
        self._spans = spans
        self._service = deploy.service
        self._environment = {"environment": deploy.environment}
        self._operations = self._known()

    def read(self) -> Neighbours:
        calls = self._of(CALLS, self._place(self._service))
        peers = {w.series.label.get("peer", "") for w in calls}
        services = self._behind(self._service, peers)
        watched = sorted(set(services.values()) & self._operations.keys())
        return Neighbours(
            own=self._of(OWN_TIME, self._place(self._service)),
            calls=calls,
            retries=self._of(RETRIES, self._place(self._service)),
            services=services,
            callees={service: self._requests(self._place(service)) for service in watched},
            callers=tuple(self._callers()),
        )

    def _callers(self) -> Iterable[Caller]:
        peers: defaultdict[str, set[str]] = defaultdict(set)
        for series in self._store.series(CALLS, self._environment):
            peers[series.label.get("service", "")].add(series.label.get("peer", ""))
        names = [name for name in sorted(peers) if self._calls_it(name, peers[name])]
        for name in names[:MOST_CALLERS]:
            yield from self._caller(name, peers[name])

    def _calls_it(self, name: str, peers: Iterable[str]) -> bool:
        return name != self._service and self._service in self._behind(name, peers).values()

    def _caller(self, name: str, peers: Iterable[str]) -> Iterable[Caller]:
        behind = self._behind(name, peers)
        place = self._place(name)
        calls = [
            w
            for peer, service in behind.items()
            if service == self._service
            for w in self._of(CALLS, {**place, "peer": peer})
        ]
        for operation in sorted({w.series.label.get("operation", "") for w in calls}):
            of = {**place, "operation": operation}
            mine = tuple(w for w in calls if w.series.label.get("operation", "") == operation)
            yield Caller(name, operation, self._of(OWN_TIME, of), mine, self._requests(of))

    def _known(self) -> dict[str, frozenset[str]]:
        """The operations of all services of the environment."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for series in known(self._store, self._environment):
            label = series.label
            found[label.get("service", "")].add(label.get("operation", ""))
        return {service: frozenset(names) for service, names in found.items()}

    def _behind(self, service: str, peers: Iterable[str]) -> dict[str, str]:
        links = self._store.series(LINKS, self._place(service))
        return services_behind(peers, links, self._operations)

    def _place(self, service: str) -> dict[str, str]:
        return {**self._environment, "service": service}

    def _requests(self, labels: Labels) -> tuple[Window, ...]:
        steady = {**labels, "phase": STEADY}
        return tuple(speaking(self._of(REQUESTS, steady), self._of(METRIC_REQUESTS, labels)))

    def _of(self, name: str, labels: Labels) -> tuple[Window, ...]:
        return tuple(w for a, b in self._spans for w in self._store.windows(name, labels, a, b))
