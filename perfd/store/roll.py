"""Rolling up: partials of one series that share a bucket of time become one window.

The place of a result is computed from its bucket's number and never from the partials' floats, so
that every store gives the same start and width for the same minute.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Generic, NamedTuple, TypeVar

from perfd.model.profile import ProfileWindow
from perfd.model.series import Series
from perfd.model.window import Gauge, Window
from perfd.store.combine import combined
from perfd.store.grid import Grid
from perfd.store.stacks import Stacks

T = TypeVar("T")


class Row(NamedTuple, Generic[T]):
    """A partial and the minute it belongs to; `span` is how many minutes it stands for."""

    number: int
    item: T
    span: int = 1


def roll(rows: Iterable[Row[Any]], grid: Grid, step: int = 1) -> list[Any]:
    """Rows merged into buckets of `step` minutes, by (series, start)."""
    groups: dict[tuple[Series, int], list[Row[Any]]] = {}
    for row in rows:
        groups.setdefault((row.item.series, row.number // step), []).append(row)
    rolled = []
    for place in sorted(groups, key=lambda place: (place[0].labels, place[1])):
        group = groups[place]
        span = max(step, *(row.span for row in group))
        item = combined([row.item for row in group])
        rolled.append(put(item, grid.start(place[1] * step), span * grid.width))
    return rolled


def put(item: Any, start: float, width: float) -> Any:
    """The same measurements at a place of their own."""
    match item:
        case Window(series=series):
            return Window(
                series, start, width, item.count, item.errors, item.histogram, item.exemplars
            )
        case Gauge(series=series):
            return Gauge(series, start, width, item.count, item.total, item.low, item.high)
        case ProfileWindow(series=series):
            return replace(item, start=start, width=width)
        case Stacks():
            return item.window(start, width)
    raise TypeError(f"{type(item).__name__} is not stored")


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
