"""Reads the memory of every service's processes, and says which of them leak."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from perfd.detect.trends.growth import Demand
from perfd.detect.trends.leak import Room, leak
from perfd.detect.trends.leak_finding import Place, finding
from perfd.detect.trends.rooms import container_of
from perfd.detect.trends.settings import TrendSettings
from perfd.interfaces import Labels, Meter, Store
from perfd.jobs.gauge_hours import HOUR, GaugeHours, low, mean
from perfd.model.evidence import Found
from perfd.model.series import CPU_SHARE, MEMORY, OVERFLOW, UNKNOWN

log = logging.getLogger(__name__)

Array = NDArray[np.float64]
Containers = Callable[[], Mapping[str, Array]]

AVAILABLE = "host.memory.available"
USAGE, LIMIT = "container.memory.usage", "container.memory.limit"
RECENT = 3  # hours that a process must have been read in, to run now


class Leaks:
    """`pace` divides hours."""

    def __init__(self, store: Store, settings: TrendSettings, pace: float, meter: Meter) -> None:
        self._store = store
        self._pace = pace
        self._meter = meter
        hours = round(settings.leak_after / HOUR)
        self._demand = Demand(hours, settings.leak_growth, float(settings.leak_bytes))

    def found(self, hours: GaugeHours, now: float) -> Iterator[Found]:
        """Of each version whose processes grow; what is not told is counted by what stopped it."""
        containers = cache(partial(_containers, hours))  # most hours nobody asks
        places = {_place(series.label) for series in self._store.series(MEMORY)}
        for place in sorted(places):
            try:
                found = list(self._of(place, hours, containers, now))
            except (ArithmeticError, LookupError, ValueError):
                self._count("failed")
                log.exception("the memory of %s in %s could not be judged", *place)
            else:
                yield from found

    def _of(
        self, place: Place, hours: GaugeHours, containers: Containers, now: float
    ) -> Iterator[Found]:
        labels = {"service": place[0], "environment": place[1]}
        versions: defaultdict[str, dict[str, Array]] = defaultdict(dict)
        for series, lows in hours.rows(MEMORY, labels, low).items():
            instance = series.label.get("instance", UNKNOWN)
            if instance != OVERFLOW and np.isfinite(lows[-RECENT:]).any():
                versions[series.label.get("version", UNKNOWN)][instance] = lows
        for version, memory in versions.items():
            rooms = partial(_rooms, labels, memory, hours, containers)
            found = leak(version, memory, rooms, self._demand)
            grows = found is not None and found.passed
            outcome = "steady" if found is None else found.checks[-1].name
            self._count("grows" if grows else outcome)
            if found is not None and grows:
                yield Found(finding(place, found, hours.end, hours.width, now))

    def _count(self, outcome: str) -> None:
        self._meter.count("perfd_trends_judged", what="memory", outcome=outcome)


def _rooms(
    labels: Labels,
    memory: Mapping[str, Array],
    hours: GaugeHours,
    containers: Containers,
    instance: str,
) -> list[Room]:
    """What is left for one instance, of its host and of its container's limit."""
    of_host = _of_host({**labels, "instance": instance}, hours)
    return [*of_host, *_of_container(memory[instance], hours, containers())]


def _of_host(labels: Labels, hours: GaugeHours) -> Iterator[Room]:
    for series in hours.last(1).rows(CPU_SHARE, labels, mean):
        host = series.label.get("host", "")
        for left in hours.last(1).rows(AVAILABLE, {"host": host}, low).values():
            yield Room(float(left[-1]), f"host {host}")


def _of_container(memory: Array, hours: GaugeHours, usages: Mapping[str, Array]) -> Iterator[Room]:
    name = container_of(memory, usages)
    if name is not None:
        for limit in hours.last(1).rows(LIMIT, {"container": name}, low).values():
            yield Room(float(limit[-1] - usages[name][-1]), f"the limit of container {name}")


def _containers(hours: GaugeHours) -> Mapping[str, Array]:
    """Memory by container."""
    rows = hours.rows(USAGE, {}, low)
    return {series.label.get("container", ""): usage for series, usage in rows.items()}


def _place(label: Mapping[str, str]) -> Place:
    return label.get("service", ""), label.get("environment", "")
