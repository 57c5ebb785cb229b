"""Reads what a service's processes, hosts and containers did around a change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from perfd.detect.contention import conditions, contended, crowded, seat_of
from perfd.detect.host_readings import HostReadings
from perfd.interfaces import Labels, Store
from perfd.jobs.requests import instance_requests
from perfd.model.finding import Check, Estimate
from perfd.model.series import (
    CPU_SHARE,
    CPU_TIME,
    CPU_WAIT,
    HOST_CPU,
    HOST_STEAL,
    MEMORY,
    STEADY,
)
from perfd.model.ticket import Ticket
from perfd.model.window import Gauge, Window

OWN = (CPU_TIME, MEMORY, CPU_SHARE, CPU_WAIT)
HOST = (HOST_CPU, HOST_STEAL, "host.memory.available", "host.disk.write")
CONTAINER = ("container.cpu.throttled.time", "container.memory.usage")
MOST_HOSTS = 16  # of the service's hosts; the first by name


def surroundings(
    store: Store, place: Labels, start: float, end: float, step: float | None = None
) -> tuple[Gauge, ...]:
    """All gauges of the service at `place` (service, environment) and of what it runs on."""
    own = [g for name in OWN for g in store.gauges(name, place, start, end, step)]
    hosts = [
        g for of in _hosts(own) for name in HOST for g in store.gauges(name, of, start, end, step)
    ]
    containers = [g for name in CONTAINER for g in store.gauges(name, {}, start, end, step)]
    return (*own, *hosts, *containers)


def _hosts(own: Iterable[Gauge]) -> list[dict[str, str]]:
    """Labels of the hosts that the service is known to run on; of every host where none is."""
    known = {g.series.label["host"] for g in own if g.series.name == CPU_SHARE}
    return [{"host": host} for host in sorted(known)[:MOST_HOSTS]] or [{}]


class Disturbance(NamedTuple):
    """What busy hosts have to do with a fix, and the starts of the windows that they were busy in.

    The check is passed when they do not explain what the fix measures while they are busy.
    """

    check: Check
    busy: frozenset[float]


def disturbance(
    store: Store, ticket: Ticket, after: Estimate, version: str, step: float | None = None
) -> Disturbance | None:
    """What the hosts say of a fix that measures `after`.

    None where they were not read on both sides, were no busier than before, or where the ticket is
    not about latency. `version` is "" where labels do not tell the fix from what ran before.
    """
    before = ticket.before
    if before is None or before.value <= 0.0 or not ticket.metric.startswith("latency."):
        return None
    of_old = {"version": before.version} if version and before.version else {}
    old = _side(store, ticket, before, of_old, step)
    new = _side(store, ticket, after, {"version": version} if version else {}, step)
    usual, whole = conditions(*old), conditions(*new)
    if usual is None or whole is None:
        return None
    seats = crowded(usual, whole)
    under = conditions(new[0], [w for w in new[1] if seat_of(w) in seats])
    if under is None:
        return None
    check = contended(usual, under, after.value / before.value - 1.0)
    return Disturbance(check, frozenset(at for _, at in seats))


def _side(
    store: Store, ticket: Ticket, side: Estimate, of_version: Labels, step: float | None
) -> tuple[HostReadings, Sequence[Window]]:
    """What was read of the service's hosts, and its steady windows by instance."""
    place = {"service": ticket.service, "environment": ticket.environment}
    labels = {**place, **of_version, "phase": STEADY}
    spans, metric = instance_requests(store, labels, side.start, side.end, step)
    gauges = surroundings(store, place, side.start, side.end, step)
    return HostReadings(gauges), spans or metric
