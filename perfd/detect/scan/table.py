"""What the scan looks at: rows that share a grid of cells, and what each of them is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perfd.model.series import Series

Array = NDArray[np.float64]

LEVEL = "level"  # a positive statistic of requests
RATE = "rate"  # k of n
GAUGE = "gauge"  # a positive level of a resource


@dataclass(frozen=True, slots=True)
class Subject:
    """What a row measures. `service` and `operation` are empty where it is about none.

    `metric` and `unit` as in findings; `kind` is LEVEL, RATE or GAUGE.
    """

    service: str
    environment: str
    operation: str
    metric: str
    unit: str
    series: Series
    kind: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows (subjects, cells); the first cell begins at `start`, each lasts `width` seconds.

    Of LEVEL and GAUGE `first` is the value, and `second` the count of requests (of gauges 1); of
    RATE `first` is k and `second` n. NaN where nothing was measured, or too little for the value.
    """

    subjects: tuple[Subject, ...]
    start: float
    width: float
    first: Array
    second: Array

    def __len__(self) -> int:
        return len(self.subjects)

    @property
    def cells(self) -> int:
        """How many."""
        return int(self.first.shape[1])

    @property
    def end(self) -> float:
        """When the last cell ends."""
        return self.start + self.cells * self.width

    def rows(self, chosen: Sequence[int]) -> Table:
        """Some of the rows."""
        subjects = tuple(self.subjects[i] for i in chosen)
        at = np.asarray(chosen, dtype=np.int64)
        return Table(subjects, self.start, self.width, self.first[at], self.second[at])


def table(
    rows: Sequence[tuple[Subject, Array, Array]], start: float, width: float, cells: int
) -> Table:
    """A table of (subject, first, second); of none it has no rows, and still its cells."""
    first, second = (np.full((len(rows), cells), np.nan) for _ in range(2))
    for i, (_, upper, lower) in enumerate(rows):
        first[i], second[i] = upper, lower
    return Table(tuple(subject for subject, _, _ in rows), start, width, first, second)
