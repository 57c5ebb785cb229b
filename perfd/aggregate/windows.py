"""Open windows: what was measured since the last take, by series and base window."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from perfd.aggregate.grid import Grid
from perfd.model.histogram import BUCKETS_PER_OCTAVE, Histogram
from perfd.model.series import Series
from perfd.model.window import Window

_INDEX_FACTOR = BUCKETS_PER_OCTAVE / math.log(2.0)


@dataclass(frozen=True, slots=True)
class Sample:
    """Durations made ready for several cells: bucket numbers of the positive ones, and sums."""

    indices: Sequence[int]
    count: int
    total: float
    log_total: float
    log_square: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Sample:
        """The same numbers as `Histogram.of`, with the counting left to C."""
        logs = [math.log(value) for value in seconds if value > 0.0]
        return cls(
            [math.ceil(log * _INDEX_FACTOR) - 1 for log in logs],
            *(len(seconds), sum(seconds), sum(logs), sum([log * log for log in logs])),
        )


class Cell:
    """A window that can still grow."""

    __slots__ = (
        *("series", "index", "count", "errors"),
        *("buckets", "zeros", "measured", "total", "log_total", "log_square"),
    )

    def __init__(self, series: Series, index: int) -> None:
        self.series = series
        self.index = index
        self.count = self.errors = self.zeros = self.measured = 0
        self.total = self.log_total = self.log_square = 0.0
        self.buckets: Counter[int] = Counter()

    def measure(self, count: int, errors: int, sample: Sample) -> None:
        """Requests, how many of them failed, and how long they took."""
        self.count += count
        self.errors += errors
        self.zeros += sample.count - len(sample.indices)
        self.measured += sample.count
        self.total += sample.total
        self.log_total += sample.log_total
        self.log_square += sample.log_square
        self.buckets.update(sample.indices)

    def add(self, count: int, errors: int, histogram: Histogram) -> None:
        """Requests, how many of them failed, and what was measured of them."""
        self.count += count
        self.errors += errors
        self.zeros += histogram.zeros
        self.measured += histogram.count
        self.total += histogram.total
        self.log_total += histogram.log_total
        self.log_square += histogram.log_square
        buckets = self.buckets
        for index, held in histogram.buckets.items():
            buckets[index] = buckets.get(index, 0) + held

    def histogram(self) -> Histogram:
        """What was measured so far."""
        return Histogram(
            *(dict(self.buckets), self.zeros, self.measured),
            *(self.total, self.log_total, self.log_square),
        )

    def window(self, start: float, width: float) -> Window:
        """What was counted so far."""
        return Window(self.series, start, width, self.count, self.errors, self.histogram())


class OpenWindows:
    """The cells, at most `most` at a time.

    A sender that spreads its spans over the two hours that are still taken could open 720 windows
    for every series; beyond the bound, new ones share the place that the caller offers.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._cells: dict[tuple[int, int], Cell] = {}

    def cell(self, series: Series, index: int, otherwise: Series) -> Cell:
        """The cell of a series, or that of `otherwise` when there are too many."""
        cell = self._cells.get((series.id, index))
        if cell is None:
            if len(self._cells) >= self._most:
                series = otherwise
            cell = self._cells.setdefault((series.id, index), Cell(series, index))
        return cell

    def open(self) -> Collection[Cell]:
        """The cells as they are now."""
        return self._cells.values()

    def take(self) -> Collection[Cell]:
        """Hand over all cells and begin anew."""
        cells, self._cells = self._cells, {}
        return cells.values()


def by_minute(cells: Iterable[Cell], grid: Grid) -> dict[tuple[int, float], Window]:
    """Cells merged into the store's minutes, by series id and start."""
    minutes: dict[tuple[int, float], Cell] = {}
    for cell in cells:
        key = (cell.series.id, grid.minute_start(cell.index))
        minute = minutes.get(key)
        if minute is None:
            minute = minutes[key] = Cell(cell.series, cell.index)
        minute.add(cell.count, cell.errors, cell.histogram())
    return {key: minute.window(key[1], grid.minute) for key, minute in minutes.items()}
