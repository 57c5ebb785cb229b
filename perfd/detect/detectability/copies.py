"""Copies of a history in which nothing changed, or in which something is known to have.

A copy has the days of the history in another order, weekdays among weekdays and weekends among
weekends: noise, outliers and season stay what they are, and what was a step is none any more. Into
it a step of known size is put at a random hour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from perfd.detect.scan.levels import Levels
from perfd.detect.scan.season import DAY, weekend
from perfd.detect.scan.settings import ScanSettings
from perfd.detect.scan.shares import Shares
from perfd.detect.scan.table import RATE, Table
from perfd.detect.scan.track import Seen
from perfd.detect.scan.walk import History, Walk, ends

Array = NDArray[np.float64]
Cells = NDArray[np.int64]


class Copied(Protocol):
    """A history that copies are made of; rows and cells as in the scan's own."""

    @property
    def series(self) -> int:
        """How many."""

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which cells (series, cells) hold something."""

    @property
    def width(self) -> float:
        """Seconds of a cell."""

    @property
    def start(self) -> float:
        """Of the first cell."""

    def only(self, rows: Cells) -> Copied:
        """Some of the series."""

    def history(self, settings: ScanSettings) -> History:
        """As it was."""

    def without(self, steps: Sequence[Seen]) -> Copied:
        """As if they had not been."""

    def copied(self, order: Cells, changed: Cells, sizes: Array, settings: ScanSettings) -> History:
        """The cells in that order, each series `sizes` larger from its cell `changed` on."""


@dataclass(frozen=True, slots=True)
class CopiedLevels:
    """`values` as in Levels; a step multiplies them by 1 + size."""

    values: Array
    start: float
    width: float

    @property
    def series(self) -> int:
        """How many."""
        return len(self.values)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which cells hold something."""
        return np.isfinite(self.values)

    def only(self, rows: Cells) -> CopiedLevels:
        """Some of the series."""
        return replace(self, values=self.values[rows])

    def history(self, settings: ScanSettings) -> Levels:
        """As it was."""
        return Levels(self.values, self.start, self.width, settings)

    def without(self, steps: Sequence[Seen]) -> CopiedLevels:
        """What came after a step, at the level before it."""
        values = self.values.copy()
        for seen in steps:
            values[seen.series, seen.step.at :] *= np.exp(-seen.step.shift)
        return replace(self, values=values)

    def copied(self, order: Cells, changed: Cells, sizes: Array, settings: ScanSettings) -> Levels:
        """A copy with steps."""
        new = np.arange(len(order)) >= changed[:, None]
        values = self.values[:, order] * np.where(new, 1.0 + sizes[:, None], 1.0)
        return Levels(values, self.start, self.width, settings)


@dataclass(frozen=True, slots=True)
class CopiedRates:
    """`k` of `n` as in Shares; of what was not among the k, a step adds a share to them."""

    k: Array
    n: Array
    start: float
    width: float
    draw: np.random.Generator

    @property
    def series(self) -> int:
        """How many."""
        return len(self.k)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which cells hold something."""
        return np.isfinite(self.k) & (self.n > 0.0)

    def only(self, rows: Cells) -> CopiedRates:
        """Some of the series."""
        return replace(self, k=self.k[rows], n=self.n[rows])

    def history(self, settings: ScanSettings) -> Shares:
        """As it was."""
        return Shares(self.k, self.n, settings)

    def without(self, steps: Sequence[Seen]) -> CopiedRates:
        """Only what came after a step: counts cannot be scaled."""
        k = self.k.copy()
        for seen in steps:
            k[seen.series, : seen.step.at] = np.nan
        return replace(self, k=k)

    def copied(self, order: Cells, changed: Cells, sizes: Array, settings: ScanSettings) -> Shares:
        """A copy with steps."""
        k, n = self.k[:, order], self.n[:, order]
        new = (np.arange(len(order)) >= changed[:, None]) & np.isfinite(k) & np.isfinite(n)
        rest = np.where(new, np.maximum(np.round(n - k), 0.0), 0.0).astype(np.int64)
        return Shares(k + self.draw.binomial(rest, sizes[:, None]), n, settings)


def copied_of(table: Table, pace: float, draw: np.random.Generator) -> Copied:
    """What copies are made of; a day of them is a day of the calendar: time as it is at pace 1."""
    start, width = table.start * pace, table.width * pace
    if table.subjects[0].kind == RATE:
        return CopiedRates(table.first, table.second, start, width, draw)
    return CopiedLevels(table.first, start, width)


def levelled(copied: Copied, settings: ScanSettings, every: int) -> Copied:
    """The history without the steps that the scan confirms in it, when all of it is walked."""
    walk = Walk(copied.history(settings), settings)
    for end in ends(copied.known.shape[1], every, settings, whole=True):
        walk.look(end)
    return copied.without(walk.confirmed)


def shuffled(
    start: float, width: float, cells: int, first: int, draw: np.random.Generator
) -> Cells:
    """An order of the cells: whole days change places with days of their kind.

    Cells before `first`, and days that are not whole, stay where they are.
    """
    day = round(DAY / width)
    late = weekend(start, width, cells)
    order = np.arange(cells)
    begins = np.flatnonzero(np.isclose((start + width * order) % DAY, 0.0))
    begins = begins[(begins >= first) & (begins + day <= cells)]
    for kind in (False, True):
        places = begins[late[begins] == kind]
        for place, source in zip(places, draw.permutation(places), strict=True):
            order[place : place + day] = np.arange(source, source + day)
    return order
