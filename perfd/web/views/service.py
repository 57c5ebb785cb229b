"""A service's page: how it is, how it was, what was deployed, and what was looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from perfd.model.deploy import Deploy
from perfd.model.judgement import WAITING, Judgement
from perfd.model.series import CPU_TIME, MEMORY
from perfd.model.ticket import Ticket
from perfd.model.window import Gauge, Window
from perfd.tickets.wording import length
from perfd.web.links import query, service_path
from perfd.web.reader import Reader
from perfd.web.red import Red, Span, covered, grouped, over_time, summarise
from perfd.web.services import DAY, HOUR, Service, back, service
from perfd.web.svg.axes import Mark
from perfd.web.svg.line_chart import Chart, Line
from perfd.web.svg.sparkline import sparkline
from perfd.web.views import tickets as ticket_lines
from perfd.web.views.budget import budget_words
from perfd.web.views.charts import Plot, plot
from perfd.web.views.detectability import Sight, sight
from perfd.web.views.figures import duration, rate, seconds_scale, share
from perfd.web.views.machine import Figure, processes
from perfd.web.views.unopened import Unopened, unopened
from perfd.web.views.verdict import ratio
from perfd.web.views.words import ago_words, fix_words, got_worse, judgement_words

_FINDINGS_FOR = 30 * DAY
_DEPLOYS = 20
_FOLLOWED = frozenset({"open", "verifying"})


@dataclass(frozen=True, slots=True)
class OperationRow:
    """One operation in figures."""

    name: str
    environment: str
    rate: str
    errors: str
    p50: str
    p95: str
    trend: Markup


@dataclass(frozen=True, slots=True)
class DeployRow:
    """One deploy and how its judging is."""

    deploy: Deploy
    judgement: str
    waiting: bool


@dataclass(frozen=True, slots=True)
class ServicePage:
    """All that the page shows."""

    name: str
    sentence: str
    tone: str
    service: Service
    period: str
    ranges: tuple[tuple[str, str, bool], ...]
    plots: tuple[Plot, ...]
    operations: tuple[OperationRow, ...]
    deploys: tuple[DeployRow, ...]
    unopened: tuple[Unopened, ...]
    budget: str
    tickets: tuple[ticket_lines.Line, ...]
    processes: tuple[Figure, ...]
    json_href: str
    findings_href: str
    sight: Sight


def service_page(reader: Reader, name: str, now: float, hours: float = 1.0) -> ServicePage | None:
    """The page of a service over some hours (divided by pace); None when nothing is known of it."""
    span = back(now, reader.pace, hours)
    labels = {"service": name}
    step = span.step if hours > 1 else None
    windows = reader.requests(labels, span.start, span.end, step)
    cpu = reader.gauges(CPU_TIME, labels, span.start, span.end)
    memory = reader.gauges(MEMORY, labels, span.start, span.end)
    deploys = [d for d in reader.deploys() if d.service == name][:_DEPLOYS]
    tickets = [ticket for ticket in reader.tickets() if ticket.service == name]
    if not (windows or cpu or memory or deploys or tickets):
        return None
    judgements = [j for j in reader.judgements(now - DAY) if j.service == name]
    current = _current(reader, name, now, tickets, judgements)
    findings = [f for f in reader.findings(now - _FINDINGS_FOR) if f.service == name]
    return ServicePage(
        name=name,
        sentence=sentence(current),
        tone="worse" if current.tickets else "fine",
        service=current,
        period=length(covered(windows, span)),
        ranges=_ranges(hours, reader.pace),
        plots=_plots(windows, cpu, deploys, span),
        operations=_operations(windows, span),
        deploys=_deploy_rows(deploys, judgements),
        unopened=unopened(findings),
        budget=budget_words(reader.budget(name, now)),
        tickets=tuple(ticket_lines.line(ticket) for ticket in tickets),
        processes=processes(cpu, memory),
        json_href=query("/api/v1" + service_path(name), hours=f"{hours:g}"),
        findings_href=query("/api/v1/findings", service=name, opened="false"),
        sight=sight(name, next(iter(reader.detectability(name)), None)),
    )


def sentence(current: Service) -> str:
    """The first line: the open ticket, the judging, or how the last minutes compare."""
    if current.tickets:
        fix = fix_words(current.tickets[0])
        return f"{got_worse(current.tickets[0])}{'; ' + fix if fix else ''}."
    if current.judging:
        judging = current.judging[0]
        return f"{current.name} {judging.version} is {judgement_words(judging)}."
    if not current.red.count:
        return f"{current.name} sent no requests for {ago_words(current.span)}."
    return _compared(current)


def _compared(current: Service) -> str:
    change = ratio(current)
    if change is None:
        return f"{current.name} works; too few requests yet to compare it with itself."
    percent = (change - 1) * 100
    if abs(percent) < 5:
        return f"{current.name} is as fast as {ago_words(current.span)} ago."
    word = "above" if percent > 0 else "below"
    return f"{current.name} has no open ticket; its p95 is {abs(percent):.0f} % {word} before."


def _current(
    reader: Reader,
    name: str,
    now: float,
    tickets: Sequence[Ticket],
    judgements: Sequence[Judgement],
) -> Service:
    span = back(now, reader.pace)
    windows = reader.requests({"service": name}, span.start, span.end)
    followed = [ticket for ticket in tickets if ticket.state.value in _FOLLOWED]
    waiting = [j for j in judgements if j.state == WAITING]
    return service(name, windows, span, followed, waiting)


def _ranges(hours: float, pace: float) -> tuple[tuple[str, str, bool], ...]:
    return tuple((length(h * HOUR / pace), query("", hours=f"{h}"), h == hours) for h in (1, 6, 24))


def _plots(
    windows: Sequence[Window], cpu: Sequence[Gauge], deploys: Sequence[Deploy], span: Span
) -> tuple[Plot, ...]:
    steps = over_time(windows, span)
    marks = [Mark(deploy.at, deploy.version) for deploy in deploys]
    times = [span.start + (i + 0.5) * span.step for i in range(span.count)]

    def chart(title: str, unit: str, *lines: tuple[str, str, Sequence[float | None]]) -> Plot:
        drawn = [
            Line(name, tuple(zip(times, values, strict=True)), role) for name, role, values in lines
        ]
        return plot(Chart(title, unit, span.start, span.end, drawn, marks))

    return (
        chart(
            "Latency",
            "s",
            ("p95", "strong", [s.quantile(0.95) for s in steps]),
            ("p50", "plain", [s.quantile(0.5) for s in steps]),
        ),
        chart("Requests per second", "/s", ("requests", "strong", _rates(steps))),
        chart("Failed requests", "ratio", ("failed", "strong", [s.error_ratio for s in steps])),
        chart("CPU of its processes, in cores", "", ("CPU", "strong", _cores(cpu, span))),
    )


def _cores(cpu: Sequence[Gauge], span: Span) -> list[float | None]:
    """CPU seconds per second over all instances; nothing where no process was sampled."""
    spent: list[float | None] = [None] * span.count
    for gauge in cpu:
        index = span.index(gauge.start)
        if index is not None:
            spent[index] = (spent[index] or 0.0) + gauge.total / span.seconds(index)
    return spent


def _rates(steps: Sequence[Red]) -> list[float | None]:
    """Zero inside the known time, nothing before the first request."""
    first = next((i for i, step in enumerate(steps) if step.count), len(steps))
    # The last step has only begun: a quarter of it is the least that a rate can be read from.
    short = [step.seconds < steps[0].seconds / 4 for step in steps]
    return [None if i < first or short[i] else step.rate for i, step in enumerate(steps)]


def _operations(windows: Sequence[Window], span: Span) -> tuple[OperationRow, ...]:
    seconds = covered(windows, span)
    groups = grouped(windows, "environment", "operation")
    reds = {key: summarise(group, seconds) for key, group in groups.items()}
    scale = seconds_scale(red.quantile(0.95) for red in reds.values())
    return tuple(
        OperationRow(
            name=operation,
            environment=environment,
            rate=rate(red.rate),
            errors=share(red.error_ratio),
            p50=duration(red.quantile(0.5), scale),
            p95=duration(red.quantile(0.95), scale),
            trend=sparkline(
                [step.quantile(0.95) for step in over_time(groups[environment, operation], span)],
                f"p95 of {operation}",
            ),
        )
        for (environment, operation), red in sorted(
            reds.items(), key=lambda item: (-item[1].count, item[0])
        )
    )


def _deploy_rows(
    deploys: Sequence[Deploy], judgements: Sequence[Judgement]
) -> tuple[DeployRow, ...]:
    by_deploy = {judgement.deploy_id: judgement for judgement in judgements}
    rows = []
    for deploy in deploys:
        judgement = by_deploy.get(deploy.id)
        words = judgement_words(judgement) if judgement else "–"
        rows.append(DeployRow(deploy, words, bool(judgement and judgement.state == WAITING)))
    return tuple(rows)
