"""perfd itself, the processes that it watches, and the machine: known before any service."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from perfd.model.series import CPU_TIME, CPU_WAIT, MEMORY
from perfd.model.window import Gauge
from perfd.web.reader import Reader
from perfd.web.svg.sparkline import sparkline
from perfd.web.views.figures import bytes_, share


@dataclass(frozen=True, slots=True)
class Figure:
    """One quantity of one thing: its last value and its course."""

    subject: str
    name: str
    value: str
    trend: Markup


# Host series, what they are called, and how a value is written; deltas are per second.
_HOST = (
    ("host.cpu.utilization", "CPU busy, all cores", "share"),
    ("host.cpu.steal", "CPU taken by the hypervisor", "share"),
    ("host.load.1m", "load, 1 min", "plain"),
    ("host.memory.used", "memory used", "bytes"),
    ("host.memory.available", "memory available", "bytes"),
    ("host.disk.read", "disk read", "flow"),
    ("host.disk.write", "disk written", "flow"),
    ("host.network.receive", "network received", "flow"),
    ("host.network.transmit", "network sent", "flow"),
)


# The same and those of processes and containers, for the pictures around a change.
RESOURCES = {
    **{series: name for series, name, _ in _HOST},
    CPU_TIME: "CPU of the processes",
    CPU_WAIT: "the processes' waiting for a core",
    MEMORY: "memory of the processes",
    "container.cpu.time": "CPU of the container",
    "container.cpu.throttled.time": "CPU held back by the container's limit",
    "container.memory.usage": "memory of the container",
}


def processes(cpu: Iterable[Gauge], memory: Iterable[Gauge]) -> tuple[Figure, ...]:
    """CPU and memory of each service's processes, summed over instances."""
    figures = [
        *_figures(cpu, "service", "CPU, of one core", "cores"),
        *_figures(memory, "service", "memory", "bytes"),
    ]
    return tuple(sorted(figures, key=lambda f: (f.subject, f.name)))


def machine(reader: Reader, start: float, now: float) -> tuple[Figure, ...]:
    """The host that perfd runs on, and others whose perfd reports here."""
    return tuple(
        figure
        for series, name, form in _HOST
        for figure in _figures(reader.gauges(series, {}, start, now), "host", name, form)
    )


def _figures(gauges: Iterable[Gauge], label: str, name: str, form: str) -> list[Figure]:
    subjects: dict[str, dict[float, list[Gauge]]] = {}
    for gauge in gauges:
        times = subjects.setdefault(gauge.series.label.get(label, ""), {})
        times.setdefault(gauge.start, []).append(gauge)
    return [
        _figure(subject, name, form, [_value(times[at], form) for at in sorted(times)])
        for subject, times in sorted(subjects.items())
    ]


def _figure(subject: str, name: str, form: str, values: Sequence[float]) -> Figure:
    return Figure(
        subject, name, written(values[-1], form), sparkline(values, f"{name} of {subject}")
    )


def _value(gauges: Sequence[Gauge], form: str) -> float:
    """Instances at the same time add up; a delta becomes a rate."""
    if form in {"flow", "cores"}:
        return sum(gauge.total / gauge.width for gauge in gauges if gauge.width)
    return sum(gauge.mean for gauge in gauges)


def written(value: float, form: str) -> str:
    """A value in its own unit."""
    if form in {"share", "cores"}:
        return share(value)
    if form == "bytes":
        return bytes_(value)
    return f"{bytes_(value)}/s" if form == "flow" else f"{value:.2f}"
