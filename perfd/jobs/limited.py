"""What has a limit, and how its part of it is read: hosts, containers, file systems."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from perfd.jobs.gauge_hours import GaugeHours, Rows, low, mean, total
from perfd.model.series import HOST_CPU, Series

Array = NDArray[np.float64]

_OWNERS = frozenset({"service", "version", "environment", "instance"})


class Limited(NamedTuple):
    """A gauge `used`, and what it is a part of: 1, a `limit`, or itself and what is `free`.

    `fills` tells what only fills from what follows the load. `throttles` is a part of the CPU time
    that was asked for; it has a threshold of its own, and no date.
    """

    used: str
    words: str
    limit: str = ""
    free: str = ""
    fills: bool = False
    throttles: bool = False

    def called(self, series: Series) -> str:
        """What a person calls one of them: `memory of host node-1`."""
        return " ".join((self.words, *(v for k, v in series.labels if k not in _OWNERS)))


# What has no part of a limit to report is not here: of a container's memory.current the kernel can
# take back what are cached files, so that it is always full; its working set is without them.
LIMITED = (
    Limited(HOST_CPU, "CPU of host"),
    Limited("host.memory.used", "memory of host", free="host.memory.available", fills=True),
    Limited(
        "container.memory.working_set",
        "memory of container",
        limit="container.memory.limit",
        fills=True,
    ),
    Limited(
        "container.cpu.throttled.time",
        "CPU time held back by the limit of container",
        free="container.cpu.time",
        throttles=True,
    ),
    # As the Collector's hostmetrics receiver sends them.
    Limited("system.filesystem.utilization", "file system", fills=True),
    Limited("system.memory.utilization", "memory", fills=True),
)


class Parts(NamedTuple):
    """Parts of the limit by the hour: their means, and what is lowest of what fills."""

    means: Array
    lows: Array


def parts(limited: Limited, hours: GaugeHours) -> dict[Series, Parts]:
    """Each series of which both the use and the limit were read."""
    value = total if limited.throttles else mean
    used, lows = hours.tables(limited.used, {}, (value, low if limited.fills else value))
    whole = _whole(limited, used, hours)
    return {
        series: Parts(_divided(used[series], whole[series]), _divided(lows[series], whole[series]))
        for series in sorted(whole, key=lambda series: series.labels)
    }


def _whole(limited: Limited, used: Rows, hours: GaugeHours) -> Rows:
    """What each is a part of."""
    if not limited.limit and not limited.free:
        return {series: np.ones_like(x) for series, x in used.items()}
    value = total if limited.throttles else mean
    rest = hours.rows(limited.limit or limited.free, {}, value)
    by_owner = {series.labels: x for series, x in rest.items()}
    return {
        series: by_owner[series.labels] + (0.0 if limited.limit else x)
        for series, x in used.items()
        if series.labels in by_owner
    }


def _divided(part: Array, whole: Array) -> Array:
    divided: Array = np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0.0)
    return divided
