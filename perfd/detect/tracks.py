"""Host, container and process resources around the change, thinned to what a chart can show."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from perfd.model.evidence import Track
from perfd.model.series import CPU_TIME, CPU_WAIT, HOST_STEAL, MEMORY, Series
from perfd.model.window import Gauge

MOST_POINTS = 240
MOST_TRACKS = 24

# What is read of each: the mean of a level, or the total of a delta by the second; and its unit.
LEVEL, RATE = "level", "rate"
SHOWN = {
    CPU_TIME: (RATE, "cores"),
    CPU_WAIT: (RATE, "cores"),
    MEMORY: (LEVEL, "bytes"),
    "host.cpu.utilization": (LEVEL, "ratio"),
    HOST_STEAL: (LEVEL, "ratio"),
    "host.memory.available": (LEVEL, "bytes"),
    "host.disk.write": (RATE, "bytes/s"),
    "container.cpu.throttled.time": (RATE, "cores"),
    "container.memory.usage": (LEVEL, "bytes"),
}


def tracks(gauges: Iterable[Gauge]) -> tuple[Track, ...]:
    """One track per series that is shown; phases of one process are one track."""
    found: defaultdict[tuple[str, str], list[Gauge]] = defaultdict(list)
    for gauge in gauges:
        if gauge.series.name in SHOWN:
            found[gauge.series.name, _subject(gauge.series)].append(gauge)
    ordered = sorted(found.items(), key=lambda item: (list(SHOWN).index(item[0][0]), item[0][1]))
    return tuple(_track(name, subject, held) for (name, subject), held in ordered[:MOST_TRACKS])


def _track(name: str, subject: str, gauges: Sequence[Gauge]) -> Track:
    reading, unit = SHOWN[name]
    points = sorted(
        (g.start, g.mean if reading == LEVEL else g.total / g.width) for g in gauges if g.count
    )
    step = -(-len(points) // MOST_POINTS)
    thinned = [_mean(points[i : i + step]) for i in range(0, len(points), max(step, 1))]
    return Track(name, unit, subject, tuple(thinned))


def _mean(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return points[0][0], sum(value for _, value in points) / len(points)


def _subject(series: Series) -> str:
    label = series.label
    if "service" in label:
        parts = (label.get(name, "") for name in ("service", "version", "instance"))
        return " ".join(part for part in parts if part)
    return label.get("container") or label.get("host", "")
