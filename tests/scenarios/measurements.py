"""What instances report of themselves as OTLP metrics: CPU time, and request durations."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    Metric,
    ResourceMetrics,
)

from perfd.aggregate.rebucket import from_explicit, from_exponential
from perfd.model.buckets import explicit_layout, exponential_layout
from perfd.model.histogram import Histogram as Held
from tests.scenarios import bodies
from tests.scenarios.reporting import DELTA, EXPLICIT, Reporting
from tests.scenarios.service import Instance, Service
from tests.scenarios.spans import resource_of
from tests.scenarios.traffic import Called, Served

TEMPORALITIES = {
    True: AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA,
    False: AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE,
}
Point = tuple[str, bool]  # operation, and whether it failed


@dataclass
class _Meter:
    """Of one process: durations since it began, or since the last export with delta."""

    service: Service
    instance: Instance
    since: float
    durations: dict[Point, list[np.ndarray]] = field(default_factory=lambda: defaultdict(list))


class MetricSink:
    """Collects what was served until the next export."""

    def __init__(self) -> None:
        self._meters: dict[str, _Meter] = {}

    def served(self, served: Served) -> None:
        """Durations of HTTP requests, by operation and status."""
        service = served.service
        if not service.reporting.metrics:
            return
        for number, instance in enumerate(service.instances):
            for failed in (False, True):
                mine = (served.which == number) & (served.failed == failed)
                if mine.any():
                    meter = self._meter(service, instance)
                    meter.durations[served.operation.name, failed].append(served.durations[mine])

    def called(self, called: Called) -> None:
        """Clients' durations are nobody's here."""

    def take(self, services: list[Service], now: float) -> list[tuple[Service, bytes, int]]:
        """One body for each process that runs, and how many points it holds."""
        made = []
        for service in services:
            for instance in service.instances:
                found = self._export(service, instance, now)
                points = sum(len(m.sum.data_points) + len(m.histogram.data_points)
                             + len(m.exponential_histogram.data_points)
                             for m in found.scope_metrics[0].metrics)  # fmt: skip
                if points:
                    body = bodies.metrics(resource_of(service, instance), found)
                    made.append((service, body, points))
        return made

    def _meter(self, service: Service, instance: Instance) -> _Meter:
        if instance.name not in self._meters:
            self._meters[instance.name] = _Meter(service, instance, instance.started)
        return self._meters[instance.name]

    def _export(self, service: Service, instance: Instance, now: float) -> ResourceMetrics:
        found = ResourceMetrics()
        metrics = found.scope_metrics.add().metrics
        at = now + instance.skew
        if service.cpu and instance.cpu_seconds:
            _cpu_time(metrics.add(), instance, at)
        meter = self._meters.get(instance.name)
        if meter is not None and meter.durations:
            _durations(metrics.add(), meter, at)
            if service.reporting.temporality == DELTA:
                self._meters[instance.name] = _Meter(service, instance, now)
        return found


def _cpu_time(metric: Metric, instance: Instance, at: float) -> None:
    metric.name, metric.unit = "process.cpu.time", "s"
    metric.sum.is_monotonic = True
    metric.sum.aggregation_temporality = TEMPORALITIES[False]
    metric.sum.data_points.add(
        start_time_unix_nano=_ns(instance.started),
        time_unix_nano=_ns(at),
        as_double=instance.cpu_seconds,
    )


def _durations(metric: Metric, meter: _Meter, at: float) -> None:
    reporting = meter.service.reporting
    metric.name, metric.unit = "http.server.request.duration", "s"
    explicit = reporting.histogram == EXPLICIT
    data = metric.histogram if explicit else metric.exponential_histogram
    data.aggregation_temporality = TEMPORALITIES[reporting.temporality == DELTA]
    for (operation, failed), parts in sorted(meter.durations.items()):
        values = np.concatenate(parts)
        method, _, route = operation.partition(" ")
        point = data.data_points.add(
            start_time_unix_nano=_ns(meter.since + meter.instance.skew),
            time_unix_nano=_ns(at),
            count=len(values),
            sum=float(values.sum()),
            attributes=bodies.attributes(
                {
                    "http.request.method": method,
                    "http.route": route,
                    "http.response.status_code": 500 if failed else 200,
                }
            ),
        )
        (_explicit if explicit else _exponential)(point, values, reporting)


def metered(service: Service, values: np.ndarray) -> tuple[str, Held]:
    """The layout of a service's histogram, and what perfd makes of these durations in it."""
    reporting, total = service.reporting, float(values.sum())
    if reporting.histogram == EXPLICIT:
        bounds = reporting.bounds
        counts = _in_bounds(values, bounds)
        return explicit_layout(bounds), from_explicit(bounds, counts, total, 1.0)
    indices, counts = np.unique(_index(values, reporting.scale), return_counts=True)
    buckets = dict(zip(indices.tolist(), counts.tolist(), strict=True))
    held = from_exponential(buckets, 0, reporting.scale, total, 1.0)
    return exponential_layout(reporting.scale), held


def _explicit(point: Any, values: np.ndarray, reporting: Reporting) -> None:
    point.explicit_bounds.extend(reporting.bounds)
    point.bucket_counts.extend(_in_bounds(values, reporting.bounds))


def _exponential(point: Any, values: np.ndarray, reporting: Reporting) -> None:
    indices = _index(values, reporting.scale)
    point.scale = reporting.scale
    point.positive.offset = int(indices.min())
    counts = np.bincount(indices - indices.min())
    point.positive.bucket_counts.extend(int(n) for n in counts)


def _in_bounds(values: np.ndarray, bounds: Sequence[float]) -> list[int]:
    places = np.searchsorted(bounds, values, side="left")
    counts: list[int] = np.bincount(places, minlength=len(bounds) + 1).tolist()
    return counts


def _index(values: np.ndarray, scale: int) -> np.ndarray:
    return np.asarray(np.ceil(np.log(values) * (2.0**scale / math.log(2.0))).astype(int) - 1)


def _ns(at: float) -> int:
    return round(at * 1e9)
