"""A resource under the labels that it may have, and the series made of them."""

from __future__ import annotations

from perfd.aggregate.cardinality import Cardinality
from perfd.aggregate.operation import Operation
from perfd.aggregate.warmup import InstanceKey
from perfd.model.series import (
    CALLS,
    INSTANCE_REQUESTS,
    LINKS,
    METRIC_INSTANCE_REQUESTS,
    METRIC_REQUESTS,
    OVERFLOW,
    OWN_TIME,
    REQUESTS,
    RETRIES,
    Resource,
    Series,
)

_REFRESH = 60.0  # seconds after which a resource proves its labels again, so that they stay its own
_MOST = 10_000
_MOST_LAYOUTS = 8  # of one resource; a histogram's buckets change with its program


class Origin:
    """Where spans or points come from; its series are made once and kept."""

    def __init__(self, labels: Resource, cardinality: Cardinality, now: float) -> None:
        self.labels = labels
        self.key = InstanceKey.of(labels)
        self._common = {
            "service": labels.service,
            "version": labels.version,
            "environment": labels.environment,
        }
        self._cardinality = cardinality
        self._now = now
        self._names: dict[str, str] = {}
        self._edges: set[str] = set()
        self._series: dict[tuple[str, ...], Series] = {}
        self._layouts: set[str] = set()

    def operation(self, name: str) -> str:
        """The name under which an operation is counted: its own or `_other`."""
        admitted = self._names.get(name)
        if admitted is None:
            admitted = self._cardinality.operation(self.labels, name, self._now)
            if admitted != OVERFLOW:  # names without a place are not remembered: they are too many
                self._names[name] = admitted
        return admitted

    def requests(self, operation: Operation, phase: str) -> Series:
        """REQUESTS of an operation, by status class and phase."""
        name, status = operation.name, operation.status
        return self._of(REQUESTS, operation=name, status=status, phase=phase)

    def instance(self, phase: str) -> Series:
        """INSTANCE_REQUESTS, by phase."""
        return self._of(INSTANCE_REQUESTS, instance=self.labels.instance, phase=phase)

    def other_instance(self, phase: str) -> Series:
        """INSTANCE_REQUESTS of the instances that found no room."""
        return self._of(INSTANCE_REQUESTS, instance=OVERFLOW, phase=phase)

    def metric(self, operation: Operation, phase: str, buckets: str) -> Series:
        """METRIC_REQUESTS of an operation, by status class, phase and layout of the buckets."""
        name, status = operation.name, operation.status
        labels = {"status": status, "phase": phase, "buckets": self._layout(buckets)}
        return self._of(METRIC_REQUESTS, operation=name, **labels)

    def metric_instance(self, phase: str) -> Series:
        """METRIC_INSTANCE_REQUESTS, by phase."""
        return self._of(METRIC_INSTANCE_REQUESTS, instance=self.labels.instance, phase=phase)

    def other_metric_instance(self, phase: str) -> Series:
        """METRIC_INSTANCE_REQUESTS of the instances that found no room."""
        return self._of(METRIC_INSTANCE_REQUESTS, instance=OVERFLOW, phase=phase)

    def _layout(self, buckets: str) -> str:
        """The layout, or `_other`: of what has too many, quantiles are not known."""
        if buckets not in self._layouts:
            if len(self._layouts) >= _MOST_LAYOUTS:
                return OVERFLOW
            self._layouts.add(buckets)
        return buckets

    def edge(self, operation: str, peer: str, call: str) -> tuple[str, str, str]:
        """The labels under which calls of an operation are counted: their own or `_other`."""
        name = f"{operation}\0{peer}\0{call}"
        if name in self._edges:
            return operation, peer, call
        if not self._cardinality.call(self.labels, name, self._now):
            return operation, OVERFLOW, OVERFLOW
        self._edges.add(name)
        return operation, peer, call

    def own(self, operation: str) -> Series:
        """OWN_TIME of an operation."""
        return self._of(OWN_TIME, operation=operation)

    def calls(self, operation: str, peer: str, call: str) -> Series:
        """CALLS of an operation to one target."""
        return self._of(CALLS, operation=operation, peer=peer, call=call)

    def retries(self, operation: str, peer: str, call: str) -> Series:
        """RETRIES of these calls."""
        return self._of(RETRIES, operation=operation, peer=peer, call=call)

    def link(self, peer: str, callee: str) -> Series:
        """LINKS of a peer to the service behind it; no version changes it."""
        key = (LINKS, peer, callee)
        series = self._series.get(key)
        if series is None:
            labels = {"service": self.labels.service, "environment": self.labels.environment}
            series = self._series[key] = Series.of(LINKS, **labels, peer=peer, callee=callee)
        return series

    def _of(self, name: str, **labels: str) -> Series:
        key = (name, *labels.values())
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = Series.of(name, **self._common, **labels)
        return series


class Origins:
    """The origins of the resources seen in the last minute."""

    def __init__(self, cardinality: Cardinality) -> None:
        self._cardinality = cardinality
        self._known: dict[object, Origin] = {}
        self._since = 0.0

    def of(self, resource: Resource, now: float) -> Origin:
        """The origin of a resource."""
        if abs(now - self._since) > _REFRESH or len(self._known) >= _MOST:
            self._known.clear()
            self._since = now
        origin = self._known.get(resource)
        if origin is None:
            labels = self._cardinality.resource(resource, now)
            origin = self._known[resource] = Origin(labels, self._cardinality, now)
        return origin
