"""Hours of resources: of hosts, of containers, and the memory of each service's instances."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from perfd.detect.scan.table import GAUGE, Subject
from perfd.jobs.gauge_hours import GaugeHours
from perfd.model.series import HOST_CPU, HOST_STEAL, MEMORY, Series

Array = NDArray[np.float64]
Row = tuple[Subject, Array, Array]

ZEROS = 0.2  # of its cells that may be 0 in a level; what is 0 more often is a count of something
READ = 0.8  # of the readings that an hour usually has, below which it says nothing
_OWNERS = ("service", "environment", "host", "container")  # labels that tell resources apart


class Resource(NamedTuple):
    """A gauge: its series and metric, its unit, and whether an hour is a sum of readings or a mean.

    A mean is over the readings of all instances.
    """

    series: str
    metric: str
    unit: str
    summed: bool = False


RESOURCES = (
    Resource(MEMORY, "memory", "By"),
    Resource(HOST_CPU, HOST_CPU, "1"),
    Resource(HOST_STEAL, HOST_STEAL, "1"),
    Resource("host.load.1m", "host.load.1m", "1"),
    Resource("host.memory.used", "host.memory.used", "By"),
    Resource("host.disk.read", "host.disk.read", "By", summed=True),
    Resource("host.disk.write", "host.disk.write", "By", summed=True),
    Resource("host.network.receive", "host.network.receive", "By", summed=True),
    Resource("host.network.transmit", "host.network.transmit", "By", summed=True),
    Resource("container.cpu.time", "container.cpu.time", "s", summed=True),
    Resource("container.cpu.throttled.time", "container.cpu.throttled.time", "s", summed=True),
    Resource("container.memory.usage", "container.memory.usage", "By"),
)


def resource_rows(hours: GaugeHours) -> list[Row]:
    """A row for each resource of each host, container and service."""
    return [row for resource in RESOURCES for row in _rows(hours, resource)]


def _rows(hours: GaugeHours, resource: Resource) -> Iterator[Row]:
    totals: defaultdict[Series, Array] = defaultdict(lambda: np.zeros((2, hours.cells)))
    for cell, gauge in hours.readings(resource.series, {}):
        totals[_owner(gauge.series)][:, cell] += (gauge.total, gauge.count)
    for series, (total, count) in totals.items():
        values = _values(total, count, resource.summed)
        if _is_level(values):
            yield _subject(series, resource), values, np.where(np.isfinite(values), 1.0, np.nan)


def _values(total: Array, count: Array, summed: bool) -> Array:
    """Of each hour that was read about as often as usual."""
    usual = float(np.median(count[count > 0.0]))
    full = count >= max(READ * usual, 1.0)
    value = total if summed else total / np.maximum(count, 1.0)
    return np.where(full, value, np.nan)


def _is_level(values: Array) -> bool:
    known = values[np.isfinite(values)]
    return len(known) > 0 and float((known <= 0.0).mean()) <= ZEROS


def _owner(series: Series) -> Series:
    kept = {name: series.label[name] for name in _OWNERS if name in series.label}
    return Series.of(series.name, **kept)


def _subject(series: Series, resource: Resource) -> Subject:
    label = series.label
    place = label.get("host") or label.get("container", "")
    service, environment = label.get("service", ""), label.get("environment", "")
    return Subject(service, environment, place, resource.metric, resource.unit, series, GAUGE)
