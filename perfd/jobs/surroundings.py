"""Reads what a service's processes, hosts and containers did around a change."""

from __future__ import annotations

from collections.abc import Iterable

from perfd.interfaces import Labels, Store
from perfd.model.series import CPU_SHARE, CPU_TIME, CPU_WAIT, HOST_CPU, HOST_STEAL, MEMORY
from perfd.model.window import Gauge

OWN = (CPU_TIME, MEMORY, CPU_SHARE, CPU_WAIT)
HOST = (HOST_CPU, HOST_STEAL, "host.memory.available", "host.disk.write")
CONTAINER = ("container.cpu.throttled.time", "container.memory.usage")
MOST_HOSTS = 16  # of the service's hosts; the first by name


def surroundings(store: Store, place: Labels, start: float, end: float) -> tuple[Gauge, ...]:
    """All gauges of the service at `place` (service, environment) and of what it runs on."""
    own = [g for name in OWN for g in store.gauges(name, place, start, end)]
    hosts = [g for of in _hosts(own) for name in HOST for g in store.gauges(name, of, start, end)]
    containers = [g for name in CONTAINER for g in store.gauges(name, {}, start, end)]
    return (*own, *hosts, *containers)


def _hosts(own: Iterable[Gauge]) -> list[dict[str, str]]:
    """Labels of the hosts that the service is known to run on; of every host where none is."""
    known = {g.series.label["host"] for g in own if g.series.name == CPU_SHARE}
    return [{"host": host} for host in sorted(known)[:MOST_HOSTS]] or [{}]
