"""One operation's own time and calls on one side of a deploy, window by window."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from perfd.detect.cells import LINEAR, Cells
from perfd.detect.columns import Array, array, summed
from perfd.detect.neighbours import Neighbours
from perfd.model.finding import Interval
from perfd.model.window import Window

Target = tuple[str, str]  # peer and call
Prices = Mapping[Target, float]


class Side(NamedTuple):
    """One side of a deploy: its version (empty: any) and its time."""

    version: str
    span: Interval

    def holds(self, window: Window) -> bool:
        """Whether a window belongs to it."""
        version = window.series.label.get("version", "")
        return self.version in ("", version) and self.span[0] <= window.start < self.span[1]


class Tally(NamedTuple):
    """Calls to one target: how many, how many of them failed, and the seconds waited for them."""

    number: float = 0.0
    errors: float = 0.0
    seconds: float = 0.0
    retries: float = 0.0

    @property
    def price(self) -> float:
        """Seconds waited for one call."""
        return self.seconds / self.number if self.number else 0.0


NONE = Tally()


@dataclass(frozen=True, slots=True)
class Read:
    """Sums of each window, by start.

    `n` requests, their own seconds, their own failures, and for each target the calls, the seconds
    waited and the calls that failed; `calls` are of one mean request.
    """

    start: Array
    n: Array
    own: Array
    failures: Array
    counts: Mapping[Target, Array]
    waits: Mapping[Target, Array]
    errors: Mapping[Target, Array]
    calls: Mapping[Target, Tally]

    @property
    def requests(self) -> float:
        """Requests that were put together with their calls."""
        return float(self.n.sum())

    @property
    def duration(self) -> float:
        """Seconds of the mean request."""
        waits = sum(float(wait.sum()) for wait in self.waits.values())
        return (float(self.own.sum()) + waits) / self.requests

    def priced(self, prices: Prices) -> Cells:
        """Own time, and the calls at these prices."""
        return self._cells(self.own + self._at(prices))

    def beyond(self, prices: Prices) -> Cells:
        """What the calls cost beyond these prices."""
        return self._cells(sum(self.waits.values(), np.zeros(len(self.n))) - self._at(prices))

    def failed(self) -> Cells:
        """Failures that no call explains."""
        return self._cells(self.failures)

    def _at(self, prices: Prices) -> Array:
        costs = (count * prices[target] for target, count in self.counts.items())
        return sum(costs, np.zeros(len(self.n)))

    def _cells(self, totals: Array) -> Cells:
        """Means of windows; by how much they differ is all taken for their own noise."""
        level = float(totals.sum() / self.n.sum())
        return Cells(LINEAR, level, self.start, np.ones(len(self.n)), self.n, totals / self.n, 0.0)


def read(around: Neighbours, operation: str, side: Side) -> Read:
    """The windows of one side, by start."""
    own = _of(around.own, operation, side)
    starts, row = np.unique(array(w.start for w in own), return_inverse=True)
    place = {float(start): i for i, start in enumerate(starts)}
    calls = [w for w in _of(around.calls, operation, side) if w.start in place]
    again = [w for w in _of(around.retries, operation, side) if w.start in place]
    counts = _by_target(calls, place, lambda w: w.count)
    waits = _by_target(calls, place, lambda w: w.histogram.total)
    errors = _by_target(calls, place, lambda w: w.errors)
    retries = _by_target(again, place, lambda w: w.count)
    requests = sum(w.count for w in own)
    return Read(
        start=starts,
        n=summed(row, array(w.count for w in own), len(starts)),
        own=summed(row, array(w.histogram.total for w in own), len(starts)),
        failures=summed(row, array(w.errors for w in own), len(starts)),
        counts=counts,
        waits=waits,
        errors=errors,
        calls={
            target: Tally(*(_sum(c, target) / requests for c in (counts, errors, waits, retries)))
            for target in counts
        },
    )


def _of(windows: Iterable[Window], operation: str, side: Side) -> list[Window]:
    return [w for w in windows if w.series.label.get("operation") == operation and side.holds(w)]


def _by_target(
    windows: Sequence[Window], place: Mapping[float, int], value: Callable[[Window], float]
) -> dict[Target, Array]:
    """A value of each target, window by window."""
    columns: dict[Target, Array] = {}
    for window in windows:
        label = window.series.label
        target = (label["peer"], label["call"])
        column = columns.setdefault(target, np.zeros(len(place)))
        column[place[window.start]] += value(window)
    return columns


def _sum(columns: Mapping[Target, Array], target: Target) -> float:
    return float(columns[target].sum()) if target in columns else 0.0
