"""Placebos: the deploy's own comparison, made at moments of the day before that had no deploy.

They see load, neighbours and the daily cycle exactly as the comparison itself does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from perfd.detect.cells import Cells
from perfd.detect.columns import Array
from perfd.detect.noise import Spread

FEWEST = 12  # fewer say nothing
STRIDE = 3  # blocks from one placebo to the next; they overlap, which `OVERLAP` accounts for
OVERLAP = 1.5  # how much more overlapping placebos tell than disjoint ones


@dataclass(frozen=True, slots=True)
class Grid:
    """The blocks of a history, of `block` seconds from `origin`, and how many each side has."""

    origin: float
    block: float
    length: int
    before: int
    after: int

    @property
    def middles(self) -> np.ndarray:
        """The blocks at which a placebo's after side begins."""
        return np.arange(self.before, self.length - self.after + 1, STRIDE)

    def freedom(self, placebos: int) -> float:
        """The degrees of freedom of a variance that so many of them show."""
        return max(OVERLAP * STRIDE * placebos / (self.before + self.after), 1.0)


@dataclass(frozen=True, slots=True)
class Placebos:
    """One shift per moment of a grid, NaN where a side is empty, and its sampling variance."""

    grid: Grid
    shift: Array
    sampling: Array

    @property
    def known(self) -> np.ndarray:
        """Which moments have a shift."""
        return ~np.isnan(self.shift)

    def excess(self) -> Spread | None:
        """The variance beyond that of sampling; None where there are too few."""
        kept = self.known
        if kept.sum() < FEWEST:
            return None
        beyond = float((self.shift[kept] ** 2 - self.sampling[kept]).mean())
        return Spread(max(beyond, 0.0), self.grid.freedom(int(kept.sum())))


def grid(starts: Sequence[Array], lengths: tuple[float, float]) -> Grid | None:
    """The grid of all histories' blocks, from when these start; `lengths` of sides in seconds."""
    starts = [start for start in starts if len(start) >= 2]
    if not starts:
        return None
    block = min(float(np.median(np.diff(start))) for start in starts)
    origin, last = (float(end) for end in (min(s[0] for s in starts), max(s[-1] for s in starts)))
    sizes = (max(round(length / block), 1) for length in lengths)
    return Grid(origin, block, round((last - origin) / block) + 1, *sizes)


def placebos(history: Cells, on: Grid) -> Placebos:
    """After less before at each moment of the grid."""
    place = np.round((history.start - on.origin) / on.block).astype(int)
    weights, values = np.zeros(on.length + 1), np.zeros(on.length + 1)
    np.add.at(weights, place + 1, history.n)
    np.add.at(values, place + 1, history.n * (history.y - history.level))
    weights, values = np.cumsum(weights), np.cumsum(values)
    middle, (before, after) = on.middles, (on.before, on.after)
    old = weights[middle] - weights[middle - before]
    new = weights[middle + after] - weights[middle]
    old[old <= 0.0], new[new <= 0.0] = np.nan, np.nan
    shift = (values[middle + after] - values[middle]) / new
    shift -= (values[middle] - values[middle - before]) / old
    return Placebos(on, shift, history.sampling * (1.0 / old + 1.0 / new))
