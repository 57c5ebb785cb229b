"""Reads gauges by the hour, as rows of a grid that ends with the last complete hour."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
        (rows,) = self.tables(name, labels, (value,))
        return rows

    def tables(self, name: str, labels: Labels, values: Sequence[Value]) -> list[Rows]:
        """The same for several values, read once."""
        tables: list[Rows] = [{} for _ in values]
        for cell, gauge in self.readings(name, labels):
            for rows, value in zip(tables, values, strict=True):
                if gauge.series not in rows:
                    rows[gauge.series] = np.full(self.cells, np.nan)
                rows[gauge.series][cell] = value(gauge)
        return tables

    def readings(self, name: str, labels: Labels) -> Iterator[tuple[int, Gauge]]:
        """What was read in each cell, a day at a time."""
        for first in range(0, self.cells, DAY):
            start = self._start + first * self.width
            stop = self._start + min(first + DAY, self.cells) * self.width
            for gauge in self.store.gauges(name, labels, start, stop, self.width):
                cell = round((gauge.start - self._start) / self.width)
                if 0 <= cell < self.cells:
                    yield cell, gauge

    def last(self, pieces: int) -> GaugeHours:
        """The last hour, in so many pieces."""
        return GaugeHours(self.store, self.end, self.width / pieces, pieces)

    @property
    def _start(self) -> float:
        return self.end - self.cells * self.width
