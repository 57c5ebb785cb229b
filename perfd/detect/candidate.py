"""One metric of one operation before and after a deploy: what the filters look at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from perfd.detect import measures
from perfd.detect.case import DeployCase
from perfd.detect.cells import Cells
from perfd.detect.estimate import Comparison, compare_cells
from perfd.detect.sides import Sides
from perfd.detect.status_classes import ALL
from perfd.model.window import Gauge, Window

ALL_OPERATIONS = ""  # what a metric of the whole service says for an operation


@dataclass(frozen=True, slots=True)
class Candidate:
    """`threshold` is the p-value to stay below, after all other tests of this deploy.

    `comparison` is None where a side does not hold the metric.
    """

    case: DeployCase
    sides: Sides
    operation: str
    metric: str
    before: tuple[Window, ...]
    after: tuple[Window, ...]
    cpu_before: tuple[Gauge, ...]
    cpu_after: tuple[Gauge, ...]
    comparison: Comparison | None
    threshold: float
    expected: float = 0.0  # the shift that would have come without the deploy
    significant: bool = False
    old: Cells | None = None  # the sides as they were compared
    new: Cells | None = None
    status_class: str = ALL  # among which requests a latency is compared

    @property
    def floor(self) -> float:
        """The smallest effect worth a ticket: a ratio less 1, or a difference of rates."""
        settings = self.case.settings
        if self.metric == measures.ERROR_RATE:
            return settings.error_floor * (2.0 if self.sides.provisional else 1.0)
        return settings.provisional_floor if self.sides.provisional else settings.floor

    @property
    def least_shift(self) -> float:
        """The floor on the scale of the comparison's shift."""
        return self.floor if self.metric == measures.ERROR_RATE else math.log1p(self.floor)

    @property
    def powerful(self) -> bool:
        """Whether a change at the floor would have been seen, as far as requests are enough."""
        found = self.comparison
        return found is not None and found.least - found.blur <= self.least_shift

    def judged(self, significant: bool, threshold: float) -> Candidate:
        """The same after all tests of the deploy are known."""
        return replace(self, significant=significant, threshold=threshold)

    def against(
        self, after: Sequence[Window], cpu: Sequence[Gauge] | None = None
    ) -> Comparison | None:
        """The same baseline against another after side."""
        new = measures.read(self.metric, after, self.cpu_after if cpu is None else cpu)
        if self.old is None or new is None:
            return None
        return compare_cells(self.metric, self.old, new, expected=self.expected)
