"""Points on a grid: cells of an hour, or of the series' own interval where that is longer.

A history of less than a week gets shorter cells: a day of minutes is worth a suspicion.

Series that share interval and last cell are tested together.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perfd.commands.series_points import SHARES, Points
from perfd.detect import measures
from perfd.detect.scan.table import GAUGE, LEVEL, RATE, Subject, Table
from perfd.model.series import Series

Array = NDArray[np.float64]
Places = NDArray[np.int64]

HOUR = 3600.0
FEWEST = 168  # cells that a history is divided into, as far as its rows allow
HALF = 0.5  # of the rows that a cell may hold; with fewer it is a gap
FEWEST_REQUESTS = 5.0  # in a cell, where they were counted; with fewer it is a gap
MOST_CELLS = 200_000
TABLES = {"latency": LEVEL, "gauge": GAUGE, "share": RATE, "ratio": RATE}
METRICS = {
    "latency": measures.LATENCY_MEAN,
    "gauge": "memory",
    "share": "share",
    "ratio": measures.ERROR_RATE,
}


@dataclass(frozen=True, slots=True)
class Grid:
    """Series of one kind as a table of the daemon's scan, with the names that a person gave them.

    The values of a level are weighted geometric means, and their counts those of requests only
    where they were `counted`. `thin` is how many cells of each had points, and too few requests.
    """

    names: tuple[str, ...]
    table: Table
    kind: str
    counted: bool
    thin: tuple[int, ...]

    @property
    def cells(self) -> int:
        """How many."""
        return self.table.cells

    @property
    def values(self) -> Array:
        """What was measured (series, cells); of shares the rate."""
        table = self.table
        return table.first / table.second if self.kind in SHARES else table.first

    def time(self, cell: int) -> float:
        """When a cell begins."""
        return self.table.start + cell * self.table.width

    def cell(self, time: float) -> int:
        """Which cell holds a time."""
        return math.floor((time - self.table.start) / self.table.width)


@dataclass(frozen=True, slots=True)
class Place:
    """Cells of `width` seconds, offset by `phase`; `last` is the number of the last one."""

    width: float
    phase: float
    last: int

    def numbers(self, points: Points) -> Places:
        """The cell of each point; where a point is a cell, the nearest."""
        at = (points.times - self.phase) / self.width
        single = self.width == interval(points)
        return (np.round(at) if single else np.floor(at)).astype(np.int64)


def grids(series: Mapping[str, Points], kind: str) -> list[Grid]:
    """All series, in as few grids as possible."""
    groups: dict[Place, list[str]] = {}
    for name, points in series.items():
        groups.setdefault(_place(points), []).append(name)
    return [
        _grid(place, {name: series[name] for name in names}, kind)
        for place, names in groups.items()
    ]


def service_of(series: str) -> str:
    """What a name begins with: `pricing` of `pricing/POST /quote` and of `pricing{le="1"}`."""
    return re.split(r"[/{| :]", series, maxsplit=1)[0] or series


def interval(points: Points) -> float:
    """The usual distance of neighbours, in whole seconds where that is 1 s or more."""
    if len(points.times) < 2:
        return HOUR
    usual = float(np.median(np.diff(points.times)))
    return float(round(usual)) if usual >= 1.0 else usual


def _place(points: Points) -> Place:
    width, last = _width(points), float(points.times[-1])
    single = width == interval(points)
    phase = last % width if single else 0.0
    return Place(width, phase, math.floor((last - phase) / width + 0.5 * single))


def _width(points: Points) -> float:
    """Of a cell: a whole number of intervals."""
    own = interval(points)
    wanted = min(HOUR, float(points.times[-1] - points.times[0]) / FEWEST)
    return own * max(math.floor(wanted / own), 1)


def _grid(place: Place, series: Mapping[str, Points], kind: str) -> Grid:
    begin = min(points.times[0] for points in series.values())
    first = math.floor((begin - place.phase) / place.width)
    first = max(first, place.last + 1 - MOST_CELLS)
    shape = len(series), place.last - first + 1
    upper, lower = np.full(shape, np.nan), np.full(shape, np.nan)
    thin = []
    for i, points in enumerate(series.values()):
        held, total, weight = _sums(points, place.numbers(points) - first, shape[1], kind)
        expected = max(place.width / interval(points), 1.0)
        full = held >= max(HALF * expected, 1.0)
        few = full & (weight < FEWEST_REQUESTS) & points.counted
        thin.append(int(few.sum()))
        full &= ~few
        upper[i, full], lower[i, full] = total[full], weight[full]
    subjects = tuple(_subject(name, kind) for name in series)
    start = first * place.width + place.phase
    return Grid(
        names=tuple(series),
        table=Table(subjects, start, place.width, upper, lower),
        kind=kind,
        counted=kind in SHARES or any(points.counted for points in series.values()),
        thin=tuple(thin),
    )


def _subject(name: str, kind: str) -> Subject:
    """What a series is about, as far as its name tells; nobody said in which unit it is."""
    service = service_of(name)
    rest = name.removeprefix(service).strip("/ |:")
    series = Series.of("backtest", series=name)
    return Subject(service, "", rest, METRICS[kind], "", series, TABLES[kind])


def _sums(points: Points, index: Places, cells: int, kind: str) -> tuple[Array, Array, Array]:
    """Points, totals and weights of each cell."""
    inside = (index >= 0) & (index < cells)
    index, upper, lower = index[inside], points.first[inside], points.second[inside]
    held = np.bincount(index, minlength=cells).astype(float)
    weight: Array = np.bincount(index, lower, cells).astype(float)
    if kind in SHARES:
        return held, np.bincount(index, upper, cells).astype(float), weight
    total = np.bincount(index, np.log(upper) * lower, cells)
    return held, np.exp(total / np.where(weight > 0.0, weight, 1.0)), weight
