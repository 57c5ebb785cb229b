"""Evaluation after evaluation: a change counts when several in a row have found it.

Every evaluation is one more chance to be wrong; that the same change is still there, at the same
time, in the next ones costs a few hours and takes most of the false ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perfd.detect.scan.settings import ScanSettings
from perfd.detect.scan.steps import Block, Step, evaluate
from perfd.model.finding import CONFIRMED, SUSPECTED, TREND

Array = NDArray[np.float64]

BLOCK = 2_000  # series at once


@dataclass(frozen=True, slots=True)
class Seen:
    """A step with its cells counted in the whole history; found when `end` cells were known.

    `times` evaluations in a row have seen it; `first` is what the first of them saw.
    """

    step: Step
    series: int
    end: int
    times: int
    first: Step
    status: str


class Walk:
    """What the evaluations of a set of series have seen so far.

    `values` (series, cells), positive, NaN where missing, on a grid of `width` seconds from
    `start`.
    """

    def __init__(self, values: Array, start: float, width: float, settings: ScanSettings) -> None:
        self._values, self._start, self._width = values, start, width
        self._settings = settings
        self._since = np.zeros(len(values), dtype=np.int64)
        self._noise = np.zeros(len(values))
        self.pending: dict[int, Seen] = {}
        self.confirmed: list[Seen] = []
        self.trends: dict[int, Seen] = {}

    def look(self, end: int) -> None:
        """One evaluation, when the first `end` cells are known."""
        found = {seen.series: seen for seen in self._found(end)}
        steps = {i: seen for i, seen in found.items() if seen.step.passed}
        for series, seen in found.items():
            if seen.step.trend:
                self.trends.setdefault(series, replace(seen, status=TREND))
        self.pending = {i: self._again(seen) for i, seen in steps.items()}
        for series, seen in list(self.pending.items()):
            if seen.times >= self._settings.confirmations:
                self._confirm(self.pending.pop(series))

    def _again(self, seen: Seen) -> Seen:
        """How often the same change was seen in a row."""
        last = self.pending.get(seen.series)
        if last is None or not _same(last.first, seen.step, self._settings.same):
            return seen
        return replace(seen, times=last.times + 1, first=last.first)

    def _confirm(self, seen: Seen) -> None:
        """From here on the new level is the baseline."""
        self.confirmed.append(replace(seen, status=CONFIRMED))
        self._since[seen.series] = seen.step.at
        self._noise[seen.series] = seen.step.noise

    def _found(self, end: int) -> Iterator[Seen]:
        first = max(end - self._settings.window, 0)
        for row in range(0, len(self._values), BLOCK):
            rows = slice(row, row + BLOCK)
            since = np.maximum(self._since[rows] - first, 0)
            known = np.where(since > 0, self._noise[rows], 0.0)
            start = self._start + first * self._width
            block = Block(self._values[rows, first:end], start, self._width, since, known)
            for step in evaluate(block, self._settings):
                moved = _moved(step, first)
                yield Seen(moved, row + step.row, end, 1, moved, SUSPECTED)


def _same(first: Step, now: Step, apart: int) -> bool:
    """Whether a change is the one that was seen first: its time is near, or among the likely."""
    (low, high), (begin, end) = first.at_ci, now.at_ci
    near = abs(first.at - now.at) <= apart
    return near or (low <= now.at <= high and begin <= first.at <= end)


def _moved(step: Step, by: int) -> Step:
    low, high = step.at_ci
    return replace(step, at=step.at + by, at_ci=(low + by, high + by))


def ends(cells: int, every: int, settings: ScanSettings, whole: bool) -> Iterable[int]:
    """When to look: at the last cell, and before it as often as is asked for.

    Without `whole`, only as often as a confirmation needs.
    """
    looks = range(cells, settings.fewest - 1, -every)
    return reversed(looks if whole else looks[: settings.confirmations])
