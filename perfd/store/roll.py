"""Rolling up: partials of one series that share a bucket of time become one window.

The place of a result is computed from its bucket's number and never from the partials' floats, so
that every store gives the same start and width for the same minute.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from perfd.model.profile import ProfileWindow
from perfd.model.series import Series
from perfd.model.window import Gauge, Window
from perfd.store.grid import Grid

T = TypeVar("T", Window, Gauge, ProfileWindow)


def roll(rows: Iterable[tuple[int, T]], grid: Grid, step: int = 1) -> list[T]:
    """`(minute, partial)` rows merged into buckets of `step` minutes, by (series, start)."""
    merged: dict[tuple[Series, int], T] = {}
    for number, item in rows:
        place = item.series, number // step
        held = merged.get(place)
        merged[place] = item if held is None else held.merge(item)
    width = step * grid.width
    ordered = sorted(merged, key=lambda place: (place[0].labels, place[1]))
    return [put(merged[place], grid.start(place[1] * step), width) for place in ordered]


def put(item: T, start: float, width: float) -> T:
    """The same measurements at a place of their own."""
    if isinstance(item, Window):
        return Window(
            item.series, start, width, item.count, item.errors, item.histogram, item.exemplars
        )
    if isinstance(item, Gauge):
        return Gauge(item.series, start, width, item.count, item.total, item.low, item.high)
    return ProfileWindow(
        item.series,
        start,
        width,
        item.unit,
        item.weights,
        item.duration,
        item.uploads,
        item.cumulative,
    )


def within(windows: Iterable[Window], start: float, end: float) -> list[Window]:
    """Windows reduced to the exemplars whose request began in `[start, end)`; none, no window."""
    kept = []
    for window in windows:
        exemplars = tuple(e for e in window.exemplars if start <= e.start < end)
        if exemplars:
            kept.append(
                Window(window.series, window.start, window.width, 0, 0, exemplars=exemplars)
            )
    return kept
