"""The cap on series: what senders can make perfd remember is bounded, and totals stay right.

A name that finds no room is counted under `_other` on the level where room ran out: the service,
its version and environment, its instance or operation. Operations and instances are capped per
version, so that a new version is not crowded out by the one that it replaces. Nothing is ever
pushed out to make room (an attacker could push out everything real); a name gives its place back
when it was not seen for an hour.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from perfd.aggregate.settings import AggregateSettings
from perfd.model.series import OVERFLOW, Resource

_SWEEP_EVERY = 60.0  # seconds between two looks for idle names; a look costs 0.1 µs a name

SERVICE_SHARE = 4  # one service may take a quarter of all series

Key = tuple[str, ...]


class Cap:
    """Names that may be used now, bounded in every scope that they are part of.

    A name's scopes are the beginnings of its key: the names under one beginning are bounded by the
    limit of that length.
    """

    def __init__(self, limits: Sequence[int], idle: float) -> None:
        self._limits = tuple(limits)
        self._idle = idle
        self._seen: dict[Key, float] = {}
        self._held: Counter[Key] = Counter()
        self._swept = float("-inf")

    def __len__(self) -> int:
        return len(self._seen)

    def admit(self, key: Key, now: float) -> bool:
        """Whether this name has a place, or gets one; it is as long as there are limits."""
        if key in self._seen:
            self._seen[key] = now
            return True
        if self._full(key):
            self._sweep(now)
            if self._full(key):
                return False
        self._seen[key] = now
        self._held.update(key[:length] for length in range(len(self._limits)))
        return True

    def _full(self, key: Key) -> bool:
        return any(self._held[key[:n]] >= limit for n, limit in enumerate(self._limits))

    def _sweep(self, now: float) -> None:
        if now - self._swept < _SWEEP_EVERY:
            return
        self._swept = now
        self._seen = {key: at for key, at in self._seen.items() if now - at < self._idle}
        self._held = Counter(key[:n] for key in self._seen for n in range(len(self._limits)))


class Cardinality:
    """The labels that a resource and its operations may have."""

    def __init__(self, settings: AggregateSettings) -> None:
        versions, each = settings.max_versions_per_service, settings.max_series_per_service
        most, idle = settings.max_series, settings.series_idle
        self._services = Cap((settings.max_services,), idle)
        self._versions = Cap((most, versions), idle)
        # All services, one service, its versions and environments (capped above), and each kind.
        self._names = Cap((most, most // SERVICE_SHARE, most, most, each), idle)

    def resource(self, resource: Resource, now: float) -> Resource:
        """The resource under labels that it may have."""
        service, version, environment = resource.service, resource.version, resource.environment
        if not self._services.admit((service,), now):
            return Resource(OVERFLOW, OVERFLOW, OVERFLOW, OVERFLOW)
        if not self._versions.admit((service, f"{version}\0{environment}"), now):
            version = environment = OVERFLOW
        instance = resource.instance
        if not self._names.admit((service, version, environment, "instance", instance), now):
            instance = OVERFLOW
        return Resource(service, version, environment, instance)

    def operation(self, resource: Resource, name: str, now: float) -> str:
        """The operation's name, or `_other`; `resource` is one that `resource` returned."""
        return self._admit(resource, "operation", name, now)

    def gauge(self, resource: Resource, name: str, now: float) -> bool:
        """Whether a gauge of this name and labels may be kept."""
        return self._admit(resource, "gauge", name, now) != OVERFLOW

    def call(self, resource: Resource, name: str, now: float) -> bool:
        """Whether calls of an operation to one target may be kept by themselves."""
        return self._admit(resource, "call", name, now) != OVERFLOW

    def _admit(self, resource: Resource, kind: str, name: str, now: float) -> str:
        key = (resource.service, resource.version, resource.environment, kind, name)
        if resource.service == OVERFLOW or not self._names.admit(key, now):
            return OVERFLOW
        return name
