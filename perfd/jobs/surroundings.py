"""Reads what a service's processes, hosts and containers did around a change."""

from __future__ import annotations

from collections.abc import Iterable

from perfd.detect.contention import Conditions, conditions, contended
from perfd.interfaces import Labels, Store
from perfd.model.finding import Check, Estimate
from perfd.model.series import (
    CPU_SHARE,
    CPU_TIME,
    CPU_WAIT,
    HOST_CPU,
    HOST_STEAL,
    INSTANCE_REQUESTS,
    MEMORY,
    METRIC_INSTANCE_REQUESTS,
    STEADY,
)
from perfd.model.ticket import Ticket
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


def disturbance(store: Store, ticket: Ticket, after: Estimate, version: str) -> Check | None:
    """What the hosts say of a fix that measures `after`; passed when they do not explain it.

    None where they were not read on both sides, or where the ticket is not about latency.
    `version` is "" where labels do not tell the fix from what ran before.
    """
    before = ticket.before
    if before is None or before.value <= 0.0 or not ticket.metric.startswith("latency."):
        return None
    of_version = {"version": version} if version else {}
    old = _conditions(store, ticket, before, {"version": before.version} if version else {})
    new = _conditions(store, ticket, after, of_version)
    if old is None or new is None:
        return None
    return contended(old, new, after.value / before.value - 1.0)


def _conditions(
    store: Store, ticket: Ticket, side: Estimate, of_version: Labels
) -> Conditions | None:
    place = {"service": ticket.service, "environment": ticket.environment}
    labels = {**place, **of_version, "phase": STEADY}
    spans, metric = (
        store.windows(name, labels, side.start, side.end)
        for name in (INSTANCE_REQUESTS, METRIC_INSTANCE_REQUESTS)
    )
    gauges = surroundings(store, place, side.start, side.end)
    return conditions(gauges, spans or metric)
