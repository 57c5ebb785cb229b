"""Open windows: what was measured since the last take, by series and base window."""

from __future__ import annotations

from collections.abc import Collection

from perfd.aggregate.grid import Grid
from perfd.aggregate.picks import Candidate, Picks
from perfd.model.histogram import Histogram
from perfd.model.series import Series
from perfd.model.window import Window


class Cell:
    """A window that can still grow."""

    __slots__ = (
        *("series", "index", "count", "errors", "picks"),
        *("buckets", "zeros", "measured", "total", "log_total", "log_square"),
    )

    def __init__(self, series: Series, index: int) -> None:
        self.series = series
        self.index = index
        self.count = self.errors = self.zeros = self.measured = 0
        self.total = self.log_total = self.log_square = 0.0
        self.buckets: dict[int, int] = {}
        self.picks: Picks | None = None

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
        """What was counted so far, without exemplars."""
        return Window(self.series, start, width, self.count, self.errors, self.histogram())

    def pick(self) -> Picks:
        """Where the requests worth showing are kept."""
        if self.picks is None:
            self.picks = Picks()
        return self.picks

    def candidates(self) -> list[Candidate]:
        """The requests worth showing."""
        return self.picks.all() if self.picks else []


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


class ByMinute:
    """Cells merged into the store's minutes."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._minutes: dict[tuple[int, float], Cell] = {}
        self._candidates: dict[tuple[int, float], list[Candidate]] = {}

    def add(self, cell: Cell) -> None:
        """Merge a base window into its minute."""
        key = (cell.series.id, self._grid.minute_start(cell.index))
        minute = self._minutes.get(key)
        if minute is None:
            minute = self._minutes[key] = Cell(cell.series, cell.index)
        minute.add(cell.count, cell.errors, cell.histogram())
        if cell.picks:
            self._candidates.setdefault(key, []).extend(cell.candidates())

    def windows(self) -> list[tuple[Window, list[Candidate]]]:
        """Each minute, and the requests of it that are worth showing."""
        return [
            (minute.window(key[1], self._grid.minute), self._candidates.get(key, []))
            for key, minute in self._minutes.items()
        ]
