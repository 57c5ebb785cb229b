"""`http.server.request.duration` to METRIC_REQUESTS: the requests that a service itself counted.

They are the same requests as those of its spans, so the two are never added up; but they are all of
them, also where spans are sampled.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from perfd.aggregate.operation import (
    HTTP_METHOD,
    HTTP_STATUS,
    Operation,
    decoded,
    first,
    http_operation,
)
from perfd.aggregate.points import explicit_bounds, explicit_total, exponential_total
from perfd.aggregate.rebucket import from_explicit, from_exponential
from perfd.aggregate.streams import Total
from perfd.model.buckets import explicit_layout, exponential_layout
from perfd.model.histogram import Histogram

STABLE = b"http.server.request.duration"
LEGACY = b"http.server.duration"
_DEFAULT_UNIT = {STABLE: 1.0, LEGACY: 1e-3}
_UNITS = {b"s": 1.0, b"ms": 1e-3, b"us": 1e-6, b"ns": 1e-9}


class Durations(NamedTuple):
    """A data point of request durations: what it holds, and the bounds of explicit buckets."""

    total: Total
    bounds: list[float] | None
    unit: float

    @classmethod
    def explicit(cls, metric: Any, point: Any) -> Durations:
        """Of a histogram. Raises Unusable."""
        return cls(explicit_total(point), explicit_bounds(point), unit_of(metric))

    @classmethod
    def exponential(cls, metric: Any, point: Any) -> Durations:
        """Of an exponential histogram. Raises Unusable."""
        return cls(exponential_total(point), None, unit_of(metric))

    def layout(self, increment: Total) -> str:
        """What its buckets tell apart; of a scale that has changed, the coarser one."""
        if self.bounds is None:
            return exponential_layout(increment.scale)
        return explicit_layout([bound * self.unit for bound in self.bounds])

    def histogram(self, increment: Total) -> Histogram:
        """What came since the last point, in perfd's buckets."""
        buckets = increment.buckets or {}
        if self.bounds is None:
            return from_exponential(
                *(buckets, increment.zeros, increment.scale, increment.total, self.unit)
            )
        counts = [buckets.get(i, 0) for i in range(len(self.bounds) + 1)] if self.bounds else []
        return from_explicit(self.bounds, counts, increment.total, self.unit)


def unit_of(metric: Any) -> float:
    """The metric's unit in seconds; by its name where the unit is not one of time."""
    return _UNITS.get(metric.unit) or _DEFAULT_UNIT[metric.name]


def operation_of(point: Any) -> Operation:
    """The operation of a data point."""
    attributes = decoded(point.attributes[:])
    failed = bool(attributes.get("error.type")) and not first(attributes, HTTP_STATUS)
    return http_operation(attributes, first(attributes, HTTP_METHOD), "", failed)
