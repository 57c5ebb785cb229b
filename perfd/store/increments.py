"""A batch taken apart: which stream and minute an increment belongs to, and what comes too late."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from perfd.interfaces import Meter
from perfd.model.batch import Batch
from perfd.model.exemplar import keep_best
from perfd.model.histogram import EMPTY
from perfd.model.profile import ProfileWindow
from perfd.model.series import Series
from perfd.model.window import Gauge, Window
from perfd.store.grid import LIMIT, MINUTES_PER_HOUR, Grid

# An hour adds up a few hundred increments of this size without leaving 63 bits. No honest sender
# comes near: in nanoseconds of CPU it is a hundred days.
_MOST = 1 << 53


class Kind(StrEnum):
    """What a stored row holds. Exemplars are windows without counts, kept apart for their size."""

    WINDOW = "window"
    GAUGE = "gauge"
    PROFILE = "profile"
    EXEMPLAR = "exemplar"


Item = Window | Gauge | ProfileWindow


class Increment(NamedTuple):
    """What is to be added to one stream in one minute. Exemplars go to the first of their hour."""

    kind: Kind
    series: Series
    number: int
    item: Item


def admit(batch: Batch, grid: Grid, sealed: int, meter: Meter) -> list[Increment]:
    """The increments of a batch that may be written; the others are counted.

    `sealed` is the first minute that still takes increments. The signal that is counted is
    `windows`, `gauges` or `profiles`, and one increment counts once, whatever it sums up.
    """
    admitted = []
    for increment in _increments(batch, grid):
        reason = _obstacle(increment, sealed)
        if not reason:
            admitted.append(increment)
        elif increment.kind != Kind.EXEMPLAR:  # counted with its window
            signal = f"{increment.kind}s"
            meter.count("perfd_dropped_items", stage="store", signal=signal, reason=reason)
    return admitted


def outside(number: int, item: Item) -> str:
    """Why an item can be stored at no time; "" when it can."""
    if not 0 <= number < LIMIT:
        return "time"
    return "overflow" if _greatest(item) > _MOST else ""


def _obstacle(increment: Increment, sealed: int) -> str:
    if increment.number < sealed:
        return "late"
    return outside(increment.number, increment.item)


def _greatest(item: Item) -> int:
    match item:
        case Window():
            buckets = item.histogram.buckets.values()
            return max(item.count, item.errors, item.histogram.count, *buckets)
        case Gauge():
            return item.count
        case _:
            return max((weight.value for weight in item.weights.values()), default=0)


def _increments(batch: Batch, grid: Grid) -> Iterator[Increment]:
    for window in batch.windows:
        number = grid.number(window.start)
        if window.count or window.errors or window.histogram.count:
            yield Increment(Kind.WINDOW, window.series, number, _without_exemplars(window))
        if window.exemplars:
            first = number // MINUTES_PER_HOUR * MINUTES_PER_HOUR
            yield Increment(Kind.EXEMPLAR, window.series, first, _only_exemplars(window))
    for gauge in batch.gauges:
        yield Increment(Kind.GAUGE, gauge.series, grid.number(gauge.start), gauge)
    for profile in batch.profiles:
        yield Increment(Kind.PROFILE, profile.series, grid.number(profile.start), profile)


def _without_exemplars(window: Window) -> Window:
    if not window.exemplars:
        return window
    return Window(
        window.series, window.start, window.width, window.count, window.errors, window.histogram
    )


def _only_exemplars(window: Window) -> Window:
    """No more than the store would keep, whether or not anything is merged with it."""
    best = keep_best(window.exemplars)
    return Window(window.series, window.start, window.width, 0, 0, EMPTY, best)
