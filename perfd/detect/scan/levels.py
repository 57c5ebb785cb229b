"""Series of a positive measure (a latency, a gauge); changes are ratios: logarithms are tested."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perfd.detect.scan import season
from perfd.detect.scan.settings import ScanSettings
from perfd.detect.scan.steps import Block, Step, evaluate
from perfd.detect.scan.walk import View

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Levels:
    """`values` (series, cells), positive, NaN where missing; cells of `width` seconds."""

    values: Array
    start: float
    width: float
    settings: ScanSettings

    @property
    def series(self) -> int:
        """How many."""
        return len(self.values)

    def evaluate(self, view: View) -> list[Step]:
        """All steps beyond chance; no ramps where the day is unknown, which has some of its own."""
        values = self.values[view.rows, view.first : view.end]
        start = self.start + view.first * self.width
        block = Block(values, start, self.width, view.since, view.noise)
        steps = evaluate(block, self.settings)
        known = (view.end - view.first) * self.width >= season.DAYS * season.DAY
        return steps if known else [step for step in steps if not step.trend]
