"""The overview: every service in a line, perfd and its machine, and how perfd's parts are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from perfd.interfaces import Status
from perfd.model.series import CPU_TIME, MEMORY
from perfd.tickets.wording import Scale, length
from perfd.web.links import service_path
from perfd.web.reader import Reader
from perfd.web.recent import Recent
from perfd.web.services import JUDGING, QUIET, REGRESSED, SILENT, Service, services
from perfd.web.svg.sparkline import sparkline
from perfd.web.views.figures import duration, rate, seconds_scale, share
from perfd.web.views.machine import Figure, machine, processes
from perfd.web.views.tickets import Line, line
from perfd.web.views.verdict import Verdict, verdict
from perfd.web.views.words import counted, judgement_words, listed

_RECENT_TICKETS = 5


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table of services."""

    name: str
    href: str
    state: str
    words: str
    version: str
    rate: str
    errors: str
    p50: str
    p95: str
    trend: Markup


@dataclass(frozen=True, slots=True)
class Overview:
    """All that the page shows."""

    verdict: Verdict
    period: str
    rows: tuple[Row, ...]
    processes: tuple[Figure, ...]
    machine: tuple[Figure, ...]
    claims: tuple[Line, ...]
    tickets: tuple[Line, ...]
    components: tuple[Status, ...]
    troubled: tuple[Status, ...]


def overview(reader: Reader, recent: Recent, statuses: Sequence[Status], now: float) -> Overview:
    """Reads the last hour and says how it was."""
    found = services(reader, recent, now)
    busy = [service for service in found if service.state not in {QUIET, SILENT}]
    start = now - (found[0].span.end - found[0].span.start if found else 0.0)
    scale = seconds_scale(s.red.quantile(0.95) for s in busy)
    said = verdict(found)
    others = [ticket for ticket in reader.tickets() if ticket not in said.tickets]
    return Overview(
        verdict=said,
        claims=tuple(line(ticket) for ticket in said.tickets),
        period=period(found[0]) if found else "",
        rows=tuple(row(service, scale) for service in busy),
        processes=processes(
            reader.gauges(CPU_TIME, {}, start, now), reader.gauges(MEMORY, {}, start, now)
        ),
        machine=machine(reader, start, now),
        tickets=tuple(line(ticket) for ticket in others[:_RECENT_TICKETS]),
        components=tuple(statuses),
        troubled=tuple(s for s in statuses if s.state != "ok"),
    )


def period(service: Service) -> str:
    """`60 min`: how far back the figures reach."""
    return length(service.red.seconds)


def row(service: Service, scale: Scale) -> Row:
    """One service in figures."""
    p95 = [step.quantile(0.95) for step in service.steps]
    return Row(
        name=service.name,
        href=service_path(service.name),
        state=service.state,
        words=state_words(service),
        version=service.version,
        rate=rate(service.red.rate),
        errors=share(service.red.error_ratio),
        p50=duration(service.red.quantile(0.5), scale),
        p95=duration(service.red.quantile(0.95), scale),
        trend=sparkline(p95, f"p95 of {service.name} over {period(service)}"),
    )


def state_words(service: Service) -> str:
    """The state in words, since colour never stands alone."""
    if service.state == REGRESSED:
        return counted(len(service.tickets), "open ticket")
    if service.state == JUDGING:
        return listed([f"{j.version} {judgement_words(j)}" for j in service.judging], 1)
    return "no regression known"
