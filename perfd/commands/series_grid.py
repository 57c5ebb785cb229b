"""Rows on a grid: cells of an hour, or of the series' own interval where that is longer.

A history of less than a week gets shorter cells: a day of minutes is worth a suspicion.

Series that share interval and last cell are tested together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perfd.commands.series_csv import Row

Array = NDArray[np.float64]

HOUR = 3600.0
FEWEST = 168  # cells that a history is divided into, as far as its rows allow
HALF = 0.5  # of the rows that a cell may hold; with fewer it is a gap
MOST_CELLS = 200_000


@dataclass(frozen=True, slots=True)
class Grid:
    """Series on cells of `width` seconds, the first of which begins at `start`.

    `first` and `second` (series, cells): the weighted mean of the logarithms of the values and the
    weight; or the sums of k and of n. NaN where there is nothing.
    """

    names: tuple[str, ...]
    start: float
    width: float
    first: Array
    second: Array

    @property
    def cells(self) -> int:
        """How many."""
        return int(self.first.shape[1])

    def time(self, cell: int) -> float:
        """When a cell begins."""
        return self.start + cell * self.width

    def cell(self, time: float) -> int:
        """Which cell holds a time."""
        return math.floor((time - self.start) / self.width)


def grids(series: Mapping[str, Sequence[Row]], shares: bool) -> list[Grid]:
    """All series, in as few grids as possible."""
    groups: dict[tuple[float, float, int], list[str]] = {}
    for name, rows in series.items():
        groups.setdefault(_place(rows), []).append(name)
    return [
        _grid(width, phase, last, {name: series[name] for name in names}, shares)
        for (width, phase, last), names in groups.items()
    ]


def interval(rows: Sequence[Row]) -> float:
    """The usual distance of neighbours, in whole seconds where that is 1 s or more."""
    if len(rows) < 2:
        return HOUR
    apart = np.diff([row.time for row in rows])
    usual = float(np.median(apart))
    return float(round(usual)) if usual >= 1.0 else usual


def _place(rows: Sequence[Row]) -> tuple[float, float, int]:
    """Width of a cell, offset of the grid and the number of the last cell."""
    width = _width(rows)
    single = width == interval(rows)
    phase = rows[-1].time % width if single else 0.0
    return width, phase, math.floor((rows[-1].time - phase) / width + 0.5 * single)


def _width(rows: Sequence[Row]) -> float:
    """Of a cell: a whole number of intervals."""
    own = interval(rows)
    wanted = min(HOUR, (rows[-1].time - rows[0].time) / FEWEST)
    return own * max(math.floor(wanted / own), 1)


def _grid(
    width: float, phase: float, last: int, series: Mapping[str, Sequence[Row]], shares: bool
) -> Grid:
    begin = min(rows[0].time for rows in series.values())
    first = max(math.floor((begin - phase) / width), last + 1 - MOST_CELLS)
    shape = len(series), last - first + 1
    upper, lower = np.full(shape, np.nan), np.full(shape, np.nan)
    for i, rows in enumerate(series.values()):
        upper[i], lower[i] = _cells(rows, width, phase, first, shape[1], shares)
    return Grid(tuple(series), first * width + phase, width, upper, lower)


def _cells(
    rows: Sequence[Row], width: float, phase: float, first: int, cells: int, shares: bool
) -> tuple[Array, Array]:
    times = np.array([row.time for row in rows]) - phase
    at = np.round(times / width) if width == interval(rows) else np.floor(times / width)
    index = at.astype(np.int64) - first
    inside = (index >= 0) & (index < cells)
    upper = np.array([row.first for row in rows])[inside]
    lower = np.array([row.second for row in rows])[inside]
    index = index[inside]
    held = np.bincount(index, minlength=cells)
    expected = max(width / interval(rows), 1.0)
    gap = held < max(HALF * expected, 1.0)
    weight = np.bincount(index, lower, cells)
    total = np.bincount(index, upper if shares else np.log(upper) * lower, cells)
    if not shares:
        total = np.exp(total / np.where(weight > 0.0, weight, 1.0))
    return np.where(gap, np.nan, total), np.where(gap, np.nan, weight)
