"""Experiments: is a step of this size caught, and is one found where there is none.

The scan's own code looks at copies as it looks at the series themselves: the same evaluations, the
same settings, the same number of confirmations. A step is caught when an evaluation within a day
sees it and those after it confirm it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from perfd.detect.detectability.copies import Array, Cells, Copied, levelled, shuffled
from perfd.detect.scan.settings import ScanSettings
from perfd.detect.scan.steps import Step
from perfd.detect.scan.track import Seen
from perfd.detect.scan.walk import View, Walk

COPIES = 20  # of each series and size: nine in ten are 18
EVERY = 6  # cells between two evaluations, unless it is set otherwise
DAY = 24  # cells within which a step has to be seen
WATCHED = 168  # cells of an unchanged copy that are evaluated: a week
AT_ONCE = 2_000  # series in one block
OBSTACLES = 5  # copies that are asked what stands in the way
CHANCE = "chance"


@dataclass(frozen=True, slots=True)
class Bench:
    """How the scan is run on copies: its settings, how often it looks, and a source of luck."""

    settings: ScanSettings
    draw: np.random.Generator
    every: int = EVERY
    copies: int = COPIES

    @property
    def horizon(self) -> int:
        """Cells from a step until it has to be confirmed: a day, and the evaluations after it."""
        return DAY + (self.settings.confirmations - 1) * self.every

    def quiet(self, copied: Copied) -> Copied:
        """The history without the steps that the scan itself finds in it."""
        return levelled(copied, self.settings, self.every)

    def caught(self, copied: Copied, first: int, sizes: Array) -> Cells:
        """Of `copies` steps of each series, how many are confirmed in time.

        `sizes` has one size for each series; days before the cell `first` stay in their place.
        """
        found = np.zeros(copied.series, dtype=np.int64)
        for rows in self._blocks(copied.series):
            np.add.at(found, rows, self._found(copied, rows, first, sizes))
        return found

    def wrong(self, copied: Copied, first: int) -> Cells:
        """How many steps are confirmed in a week of each of the `copies` unchanged copies."""
        found = np.zeros(copied.series, dtype=np.int64)
        np.add.at(found, [row for row, _ in self.mistakes(copied, first)], 1)
        return found

    def mistakes(self, copied: Copied, first: int) -> list[tuple[int, Step]]:
        """The same steps, each with its series."""
        found: list[tuple[int, Step]] = []
        for rows in self._blocks(copied.series):
            order = self._order(copied, first)
            never = np.full(len(rows), len(order))
            history = copied.only(rows).copied(order, never, np.zeros(len(rows)), self.settings)
            walk = Walk(history, self.settings)
            for end in range(len(order) - WATCHED, len(order) + 1, self.every):
                walk.look(end)
            found += [(int(rows[seen.series]), seen.step) for seen in walk.confirmed]
        return found

    def obstacle(self, copied: Copied, first: int, size: float) -> str:
        """What most often stands in the way of a step of one series after its day: a filter."""
        seen: Counter[str] = Counter()
        for _ in range(OBSTACLES):
            order = self._order(copied, first)
            changed = np.array([len(order) - self.horizon])
            history = copied.copied(order, changed, np.array([size]), self.settings)
            begin = max(len(order) - self.settings.window, 0)
            since = np.zeros(1, dtype=np.int64)
            view = View(slice(0, 1), begin, len(order), since, np.zeros(1))
            steps = history.evaluate(view)
            checks = steps[0].checks if steps else ()
            seen[next((check.name for check in checks if not check.passed), CHANCE)] += 1
        return seen.most_common(1)[0][0]

    def _found(self, copied: Copied, rows: Cells, first: int, sizes: Array) -> Cells:
        """1 for each series of a block whose step was confirmed in time."""
        order = self._order(copied, first)
        # The last hour of the copy is any hour of a day, and the step any hour between evaluations.
        order = order[: len(order) - int(self.draw.integers(DAY))]
        ends = range(len(order) - self.horizon + self.every, len(order) + 1, self.every)
        changed = ends[0] - self.draw.integers(1, self.every + 1, len(rows))
        walk = Walk(
            copied.only(rows).copied(order, changed, sizes[rows], self.settings), self.settings
        )
        for end in ends:
            walk.look(end)
        found = np.zeros(len(rows), dtype=np.int64)
        for seen in walk.confirmed:
            found[seen.series] = self._is_it(seen, int(changed[seen.series]))
        return found

    def _is_it(self, seen: Seen, changed: int) -> bool:
        """Whether what was found is the step that was put there."""
        low, high = seen.step.at_ci
        near = abs(seen.step.at - changed) <= self.settings.same or low <= changed <= high
        return near and seen.step.shift > 0.0

    def _order(self, copied: Copied, first: int) -> Cells:
        return shuffled(copied.start, copied.width, copied.known.shape[1], first, self.draw)

    def _blocks(self, series: int) -> list[Cells]:
        """All series as often as there are copies; a block has one order of days."""
        each = max(min(AT_ONCE // max(series, 1), self.copies // 4), 1)
        rows = np.arange(series)
        return [
            np.tile(rows, min(each, self.copies - done)) for done in range(0, self.copies, each)
        ]
