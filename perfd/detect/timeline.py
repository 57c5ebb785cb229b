"""The operation over time, one line per version, for the evidence page."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable

from perfd.model.evidence import TimelinePoint
from perfd.model.window import Window

MOST_POINTS = 600  # per version: more than a chart of a thousand pixels can show


def timeline(windows: Iterable[Window], operation: str) -> tuple[TimelinePoint, ...]:
    """Points of all versions and phases of one operation, by time."""
    merged: defaultdict[str, dict[float, Window]] = defaultdict(dict)
    for window in windows:
        label = window.series.label
        if label.get("operation") == operation:
            line = merged[label.get("version", "")]
            held = line.get(window.start)
            line[window.start] = window if held is None else held.merge(window)
    points = [
        _point(window, version)
        for version, line in merged.items()
        for window in sorted(line.values(), key=lambda w: w.start)[-MOST_POINTS:]
    ]
    return tuple(sorted(points, key=lambda p: (p.at, p.version)))


def _point(window: Window, version: str) -> TimelinePoint:
    held = window.histogram
    return TimelinePoint(
        window.start,
        window.width,
        version,
        window.count,
        window.errors,
        _number(held.mean),
        _number(held.quantile(0.5)),
        _number(held.quantile(0.95)),
    )


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
