"""Reads gauges by the hour, as rows of a grid that ends with the last complete hour."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perfd.interfaces import Labels, Store
from perfd.model.series import Series
from perfd.model.times import floor_to
from perfd.model.window import Gauge

Array = NDArray[np.float64]
Value = Callable[[Gauge], float]
Rows = dict[Series, Array]

HOUR = 3600.0
DAY = 24  # cells, read at once


def low(gauge: Gauge) -> float:
    """The lowest reading."""
    return gauge.low


def mean(gauge: Gauge) -> float:
    """The mean of the readings."""
    return gauge.mean


def total(gauge: Gauge) -> float:
    """The sum of the readings, of what was added since the last."""
    return gauge.total


@dataclass(frozen=True, slots=True)
class GaugeHours:
    """`cells` of `width` seconds each up to `end`, which is the end of one."""

    store: Store
    end: float
    width: float
    cells: int

    @classmethod
    def upto(cls, store: Store, at: float, pace: float, cells: int) -> GaugeHours:
        """With the last hour (divided by pace) that was complete at a time."""
        width = HOUR / pace
        return cls(store, floor_to(at, width), width, cells)

    def rows(self, name: str, labels: Labels, value: Value) -> Rows:
        """Each series that was read, NaN where it was not."""
        rows: Rows = {}
        for gauge in self._gauges(name, labels):
            cell = round((gauge.start - self._start) / self.width)
            if gauge.series not in rows:
                rows[gauge.series] = np.full(self.cells, np.nan)
            if 0 <= cell < self.cells:
                rows[gauge.series][cell] = value(gauge)
        return rows

    def last(self, pieces: int) -> GaugeHours:
        """The last hour, in so many pieces."""
        return GaugeHours(self.store, self.end, self.width / pieces, pieces)

    @property
    def _start(self) -> float:
        return self.end - self.cells * self.width

    def _gauges(self, name: str, labels: Labels) -> Iterator[Gauge]:
        for first in range(0, self.cells, DAY):
            start = self._start + first * self.width
            stop = self._start + min(first + DAY, self.cells) * self.width
            yield from self.store.gauges(name, labels, start, stop, self.width)
