"""Base windows of the last two minutes, for pages that show the last seconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from perfd.aggregate.grid import Grid
from perfd.aggregate.windows import Cell
from perfd.model.series import CALLS, LINKS, OWN_TIME, RETRIES
from perfd.model.window import Window

_KEPT_BASES = 12  # two minutes at pace 1
_MOST = 20_000
_UNSHOWN = frozenset({OWN_TIME, CALLS, RETRIES, LINKS})  # no page shows the last seconds of them


class Live:
    """Windows that were taken but are still recent; a window is merged from all its takes."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._windows: dict[tuple[int, int], Window] = {}

    def add(self, cells: Iterable[Cell], now: float) -> None:
        """Keep what is recent of the cells just taken, and forget what is not any more."""
        last = self._grid.index_at(now)
        oldest = last - _KEPT_BASES
        self._windows = {k: w for k, w in self._windows.items() if oldest <= k[1] <= last}
        for cell in cells:
            if cell.series.name in _UNSHOWN:
                continue
            if oldest <= cell.index <= last and len(self._windows) < _MOST:
                _merge(self._windows, self._grid, cell)

    def windows(self, opened: Iterable[Cell], name: str, labels: Mapping[str, str]) -> list[Window]:
        """Recent and open windows of the matching series, by (series, start)."""
        matching = {k: w for k, w in self._windows.items() if w.series.matches(name, labels)}
        for cell in opened:
            if cell.series.matches(name, labels):
                _merge(matching, self._grid, cell)
        return sorted(matching.values(), key=lambda w: (w.series.labels, w.start))


def _merge(windows: dict[tuple[int, int], Window], grid: Grid, cell: Cell) -> None:
    key = (cell.series.id, cell.index)
    window = cell.window(grid.start(cell.index), grid.base)
    held = windows.get(key)
    windows[key] = held.merge(window) if held else window
