"""Evaluation after evaluation: a change counts when several in a row have found it.

Every evaluation is one more chance to be wrong; that the same change is still there, at the same
time, in the next ones costs a few hours and takes most of the false ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from perfd.detect.scan.settings import ScanSettings
from perfd.detect.scan.steps import Step
from perfd.model.finding import CONFIRMED, SUSPECTED, TREND

Array = NDArray[np.float64]
Cells = NDArray[np.int64]

BLOCK = 2_000  # series at once
NEAR_DEPLOY = 2  # cells
DOUBT = 2  # times the confirmations


@dataclass(frozen=True, slots=True)
class View:
    """What one evaluation sees: some series, and their cells from `first` up to `end`.

    Per series, `since` is the first cell of the view that counts (after an older change), `noise`
    the long-run standard deviation known from before it, 0 where there was none.
    """

    rows: slice
    first: int
    end: int
    since: Cells
    noise: Array


class History(Protocol):
    """Series on one grid of cells, and the test that fits what they measure."""

    @property
    def series(self) -> int:
        """How many."""

    def evaluate(self, view: View) -> list[Step]:
        """All steps beyond chance in the view, rows and cells counted from its first."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A step with its cells counted in the whole history, found when `end` cells were known.

    `times` evaluations in a row have seen it; `first` is what the first of them saw.
    """

    step: Step
    series: int
    end: int
    times: int
    first: Step
    status: str


class Walk:
    """What the evaluations of a history have seen so far.

    `deploys` holds the cells of the deploys of a series; a change at one needs one confirmation
    less, since its time was not searched for.
    """

    def __init__(
        self,
        history: History,
        settings: ScanSettings,
        deploys: Mapping[int, Sequence[int]] | None = None,
    ) -> None:
        self._history, self._settings = history, settings
        self._deploys = deploys or {}
        self._since = np.zeros(history.series, dtype=np.int64)
        self._noise = np.zeros(history.series)
        self._ramps: dict[int, int] = {}
        self.pending: dict[int, Seen] = {}
        self.confirmed: list[Seen] = []
        self.trends: dict[int, Seen] = {}

    def look(self, end: int, *, decide: bool = True) -> None:
        """One evaluation of all series, when the first `end` cells are known.

        Unless it is to `decide`, what it sees only counts for the next one.
        """
        found = list(self._found(end))
        self._climb([seen for seen in found if seen.step.trend])
        steps = [self._again(seen) for seen in found if seen.step.passed]
        sure = [seen for seen in steps if decide and self._sure(seen)]
        self.pending = {seen.series: seen for seen in steps}
        for seen in sure:
            self._confirm(self.pending.pop(seen.series))

    def deploy(self, seen: Seen) -> int | None:
        """The cell of the deploy that the change may have come with, the last one if several."""
        low, high = seen.step.at_ci[0] - NEAR_DEPLOY, seen.step.at_ci[1] + NEAR_DEPLOY
        near = [cell for cell in self._deploys.get(seen.series, ()) if low <= cell <= high]
        return max(near, default=None)

    def _climb(self, ramps: Sequence[Seen]) -> None:
        """A ramp has no time of its own: it is one when as many in a row have found any."""
        before = self._ramps
        self._ramps = {seen.series: before.get(seen.series, 0) + 1 for seen in ramps}
        for seen in ramps:
            if self._ramps[seen.series] >= self._settings.confirmations:
                self.trends.setdefault(seen.series, replace(seen, status=TREND))

    def _again(self, seen: Seen) -> Seen:
        """The same with how often it was seen in a row."""
        last = self.pending.get(seen.series)
        if last is None or not _same(last.first, seen.step, self._settings.same):
            return seen
        return replace(seen, times=last.times + 1, first=last.first)

    def _sure(self, seen: Seen) -> bool:
        """A deploy at that time saves one confirmation; a ramp that fits as well doubles them."""
        needed = self._settings.confirmations
        if self.deploy(seen) is not None:
            return seen.times >= max(needed - 1, 1)
        return seen.times >= needed * (DOUBT if seen.step.doubtful else 1)

    def _confirm(self, seen: Seen) -> None:
        """From here on the new level is the baseline."""
        self.confirmed.append(replace(seen, status=CONFIRMED))
        self._since[seen.series] = seen.step.at
        self._noise[seen.series] = seen.step.noise
        self.trends.pop(seen.series, None)

    def _found(self, end: int) -> Iterator[Seen]:
        first = max(end - self._settings.window, 0)
        for row in range(0, self._history.series, BLOCK):
            rows = slice(row, row + BLOCK)
            since = np.maximum(self._since[rows] - first, 0)
            known = np.where(since > 0, self._noise[rows], 0.0)
            for step in self._history.evaluate(View(rows, first, end, since, known)):
                moved = _moved(step, first)
                yield Seen(moved, row + step.row, end, 1, moved, SUSPECTED)


def ends(cells: int, every: int, settings: ScanSettings, whole: bool) -> list[int]:
    """When to look: at the last cell, and before it as often as is asked for.

    Without `whole`, only as often as a confirmation needs.
    """
    looks = range(cells, settings.fewest - 1, -every)
    return sorted(looks if whole else looks[: DOUBT * settings.confirmations])


def _same(first: Step, now: Step, apart: int) -> bool:
    """Whether a change is the one that was seen first: its time is near, or among the likely."""
    (low, high), (begin, end) = first.at_ci, now.at_ci
    near = abs(first.at - now.at) <= apart
    return near or (low <= now.at <= high and begin <= first.at <= end)


def _moved(step: Step, by: int) -> Step:
    low, high = step.at_ci
    return replace(step, at=step.at + by, at_ci=(low + by, high + by))
