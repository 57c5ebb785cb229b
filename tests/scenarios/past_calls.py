"""The past of calls between services: own time, calls and links, as perfd would have seen them."""

from __future__ import annotations

from functools import cache

import numpy as np
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from perfd.aggregate.peers import call_of, peer_of
from perfd.model.histogram import Histogram
from perfd.model.series import CALLS, LINKS, OWN_TIME, Series
from perfd.model.window import Window
from tests.scenarios import bodies
from tests.scenarios.service import Call, Database, Service
from tests.scenarios.spans import version_of
from tests.scenarios.traffic import Called, Served


class CallSink:
    """Windows of one interval; a service that sends no spans has none."""

    def __init__(self, start: float, width: float) -> None:
        self._start, self._width = start, width
        self._served: dict[int, Served] = {}
        self._own: dict[int, np.ndarray] = {}
        self._by_itself: dict[int, np.ndarray] = {}
        self._calls: list[Window] = []

    def served(self, served: Served) -> None:
        """What was not spent waiting for calls is the service's own; calls follow."""
        if served.service.reporting.spans:
            key = id(served)
            self._served[key], self._own[key] = served, served.durations.copy()
            self._by_itself[key] = served.failed.copy()

    def called(self, called: Called) -> None:
        """One call of each request."""
        key = id(called.by)
        if key not in self._served:
            return
        count, waits = len(called.durations), called.call.waits
        held = Histogram()
        if waits:
            self._own[key] -= called.durations
            self._by_itself[key] &= ~called.failed
            held = Histogram({}, 0, count, float(called.durations.sum()))
        place, (peer, call) = _place(called.by), target(called.call)
        made = Series.of(CALLS, **place, peer=peer, call=call)
        self._calls.append(self._window(made, count, int(called.failed.sum()), held))
        if isinstance(called.call.target, Service) and called.call.target.reporting.spans:
            labels = {k: place[k] for k in ("service", "environment")}
            link = Series.of(LINKS, **labels, peer=peer, callee=called.call.target.name)
            self._calls.append(self._window(link, count, 0, Histogram()))

    def windows(self) -> list[Window]:
        """Everything of the interval."""
        found = list(self._calls)
        for key, served in self._served.items():
            series = Series.of(OWN_TIME, **_place(served))
            own = np.maximum(self._own[key], 0.0)
            held = Histogram.of(own.tolist())
            found.append(self._window(series, len(own), int(self._by_itself[key].sum()), held))
        return found

    def _window(self, series: Series, count: int, errors: int, held: Histogram) -> Window:
        return Window(series, self._start, self._width, count, errors, held)


def target(call: Call) -> tuple[str, str]:
    """Peer and call, as perfd reads them from the client span."""
    if isinstance(call.target, Database):
        return _read(bodies.query_span(call.target.name, call.target.system))
    return _read(bodies.request_span(call.operation, bodies.CLIENT, False, call.target.name))


@cache
def _read(constant: bytes) -> tuple[str, str]:
    span = Span.FromString(constant)
    told = {a.key: a.value.string_value or str(a.value.int_value) for a in span.attributes}
    return peer_of(told), call_of(span.name.encode(), told)


def _place(served: Served) -> dict[str, str]:
    service = served.service
    return {
        "service": service.name,
        "version": version_of(service, service.instances[0]),
        "environment": service.environment,
        "operation": served.operation.name,
    }
