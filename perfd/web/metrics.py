"""/metrics: perfd's own telemetry, and what it knows of services, hosts, tickets and deploys.

The series are the ones that Grafana's dashboards ask for; everything there is a Prometheus query.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from aiohttp import web

from perfd.model.deploy import Deploy
from perfd.model.series import CPU_TIME, MEMORY
from perfd.model.ticket import Ticket
from perfd.web.agent_metrics import agent_families
from perfd.web.agents import agents_now
from perfd.web.context import CONTEXT, Context, off_loop
from perfd.web.detectability_metrics import detectability_families
from perfd.web.exposition import CONTENT_TYPE, COUNTER, GAUGE, HISTOGRAM, Family, render
from perfd.web.totals import BOUNDS, OPERATION, VERSION, Level, ServiceTotals

DEPLOYS_FOR = 30 * 86_400.0  # seconds that a deploy's marker is shown
MOST_MARKERS = 500
# A process or host that was not sampled for this long (real seconds) has no level any more.
STALE = 120.0


class Exported(NamedTuple):
    """How a gauge series is shown: as the running total of its windows, or as its last level."""

    series: str
    name: str
    kind: str
    help: str


RESOURCES = (
    Exported("host.cpu.utilization", "perfd_host_cpu_utilization_ratio", GAUGE,
             "Busy share of all cores"),
    Exported("host.cpu.steal", "perfd_host_cpu_steal_ratio", GAUGE,
             "Share of the time that the hypervisor gave to others"),
    Exported("host.load.1m", "perfd_host_load1", GAUGE, "Load average over one minute"),
    Exported("host.memory.used", "perfd_host_memory_used_bytes", GAUGE, "Memory in use"),
    Exported("host.memory.available", "perfd_host_memory_available_bytes", GAUGE,
             "Memory that can be had without swapping"),
    Exported("host.disk.read", "perfd_host_disk_read_bytes_total", COUNTER, "Bytes read"),
    Exported("host.disk.write", "perfd_host_disk_written_bytes_total", COUNTER, "Bytes written"),
    Exported("host.network.receive", "perfd_host_network_receive_bytes_total", COUNTER,
             "Bytes received"),
    Exported("host.network.transmit", "perfd_host_network_transmit_bytes_total", COUNTER,
             "Bytes sent"),
    Exported("container.cpu.time", "perfd_container_cpu_seconds_total", COUNTER,
             "CPU time of a container"),
    Exported("container.cpu.throttled.time", "perfd_container_cpu_throttled_seconds_total",
             COUNTER, "Time a container was held back by its CPU limit"),
    Exported("container.cpu.throttled.periods", "perfd_container_cpu_throttled_periods_total",
             COUNTER, "Periods in which a container was held back by its CPU limit"),
    Exported("container.memory.usage", "perfd_container_memory_usage_bytes", GAUGE,
             "Memory of a container"),
    Exported("container.memory.limit", "perfd_container_memory_limit_bytes", GAUGE,
             "Memory limit of a container"),
)  # fmt: skip


async def metrics(request: web.Request) -> web.Response:
    """The scrape: own telemetry as it comes, then the series of services."""
    context = request.app[CONTEXT]
    own, content_type = context.render_metrics()
    text = await off_loop(_text, context)
    body = own if own.endswith(b"\n") or not own else own + b"\n"
    return web.Response(
        body=body + text.encode(), headers={"Content-Type": content_type or CONTENT_TYPE}
    )


def _text(context: Context) -> str:
    now = context.clock.now()
    context.totals.forget_idle(now)
    reader = context.reader
    return render(
        [
            *service_families(context.totals, now),
            *resource_families(context.totals, now),
            *ticket_families(reader.tickets(), context.base_url),
            deploy_family(reader.deploys(now - DEPLOYS_FOR)),
            *agent_families(agents_now(context.centre, now)),
            *detectability_families(reader.detectability()),
        ]
    )


def service_families(totals: ServiceTotals, now: float) -> list[Family]:
    """RED, CPU and memory of services."""
    requests = Family("perfd_service_requests_total", COUNTER, "Requests by operation")
    errors = Family("perfd_service_errors_total", COUNTER, "Failed requests by operation")
    duration = Family(
        "perfd_service_request_duration_seconds", HISTOGRAM, "Duration of requests by operation"
    )
    for key, operation in totals.operations().items():
        labels = dict(zip(OPERATION, key, strict=True))
        requests.add(operation.requests, **labels)
        errors.add(operation.errors, **labels)
        duration.add_histogram(
            BOUNDS, operation.buckets, operation.measured, operation.seconds, **labels
        )
    return [requests, errors, duration, _cpu(totals), _memory(totals, now)]


def resource_families(totals: ServiceTotals, now: float) -> Iterator[Family]:
    """Hosts and containers; a level that is no longer sampled is left out, a counter stays."""
    for exported in RESOURCES:
        family = Family(exported.name, exported.kind, exported.help)
        label = exported.series.partition(".")[0]
        for key, level in totals.levels(exported.series):
            if exported.kind == COUNTER:
                family.add(level.total, **{label: key[0]})
            elif level.seen > now - STALE:
                family.add(level.value, **{label: key[0]})
        yield family


def ticket_families(tickets: Iterable[Ticket], base_url: str) -> list[Family]:
    """Tickets as a table, and when each regression was found as markers; the newest few."""
    table = Family("perfd_ticket_info", GAUGE, "Tickets that perfd knows")
    found = Family(
        "perfd_regression_detected_timestamp_seconds", GAUGE, "When a regression was found"
    )
    for ticket in list(tickets)[:MOST_MARKERS]:
        table.add(
            1,
            id=ticket.id,
            service=ticket.service,
            environment=ticket.environment,
            operation=ticket.operation,
            state=ticket.state.value,
            kind=ticket.kind,
            url=f"{base_url}/tickets/{ticket.id}",
        )
        if ticket.kind == "regression":
            found.add(ticket.opened_at, ticket=ticket.id, service=ticket.service)
    return [table, found]


def deploy_family(deploys: Iterable[Deploy]) -> Family:
    """The newest deploy of each version, as markers."""
    family = Family("perfd_deploy_timestamp_seconds", GAUGE, "When a version took traffic")
    newest: dict[tuple[str, str, str], float] = {}
    for deploy in list(deploys)[:MOST_MARKERS]:
        key = (deploy.service, deploy.version, deploy.environment)
        newest[key] = max(deploy.at, newest.get(key, 0.0))
    for (service, version, environment), at in newest.items():
        family.add(at, service=service, version=version, environment=environment)
    return family


def _cpu(totals: ServiceTotals) -> Family:
    family = Family("perfd_service_cpu_seconds_total", COUNTER, "CPU time of a service's processes")
    for key, level in totals.levels(CPU_TIME):
        family.add(level.total, **dict(zip(VERSION, key, strict=True)))
    return family


def _memory(totals: ServiceTotals, now: float) -> Family:
    family = Family("perfd_service_memory_bytes", GAUGE, "Memory of a service's processes")
    # The labels of the series, sorted: environment, instance, service, version.
    sums = _summed(totals.levels(MEMORY), lambda k: (k[2], k[3], k[0]), now)
    for key, value in sums.items():
        family.add(value, **dict(zip(VERSION, key, strict=True)))
    return family


def _summed(
    levels: Iterable[tuple[tuple[str, ...], Level]],
    key: Callable[[tuple[str, ...]], tuple[str, ...]],
    now: float,
) -> dict[tuple[str, ...], float]:
    sums: dict[tuple[str, ...], float] = {}
    for labels, level in levels:
        if level.seen > now - STALE:
            sums[key(labels)] = sums.get(key(labels), 0.0) + level.value
    return sums
