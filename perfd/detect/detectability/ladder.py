"""The smallest step that is caught: a few sizes for all series, then nearer for each."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from perfd.model.detectability import Recall

Array = NDArray[np.float64]
Cells = NDArray[np.int64]

RECALL = 0.9
NEARER = 2  # halvings, on a logarithmic scale: a factor of 2 becomes one of 1.2

# Of each of these series a step of this size: how many were caught, and of how many.
Try = Callable[[Cells, Array], tuple[Cells, int]]


@dataclass(frozen=True, slots=True)
class Sizes:
    """`usual` are tried on every series; nothing smaller than `least` or greater than `most`."""

    least: float
    usual: tuple[float, ...]
    most: float


RELATIVE = Sizes(0.01, (0.05, 0.10, 0.20), 0.50)
ADDED = Sizes(0.001, (0.01, 0.05, 0.20), 0.50)  # of all requests, that now fail as well


@dataclass(slots=True)
class Climb:
    """What was tried of one series, by size."""

    least: float
    recalls: dict[float, Recall] = field(default_factory=dict)

    @property
    def missed(self) -> float:
        """The greatest size that is not caught often enough."""
        return max((size for size, one in self.recalls.items() if not _often(one)), default=0.0)

    @property
    def seen(self) -> float | None:
        """The smallest size that is, as is every greater one that was tried."""
        return min((size for size in self.recalls if size > self.missed), default=None)

    @property
    def middle(self) -> float | None:
        """The next size to try, between the two."""
        return None if self.seen is None else math.sqrt(max(self.missed, self.least) * self.seen)


def _often(recall: Recall) -> bool:
    return recall.caught >= RECALL * recall.of


def climb(series: int, sizes: Sizes, attempt: Try) -> list[Climb]:
    """For each series what is caught of the usual sizes, and the smallest that is."""
    climbs = [Climb(sizes.least) for _ in range(series)]
    for size in sizes.usual:
        _try(climbs, dict.fromkeys(range(series), size), attempt)
    _try(climbs, {i: sizes.most for i, one in enumerate(climbs) if one.seen is None}, attempt)
    for _ in range(NEARER):
        middles = {i: one.middle for i, one in enumerate(climbs)}
        _try(climbs, {i: size for i, size in middles.items() if size is not None}, attempt)
    return climbs


def _try(climbs: list[Climb], sizes: dict[int, float], attempt: Try) -> None:
    if not sizes:
        return
    rows = np.array(list(sizes), dtype=np.int64)
    found, of = attempt(rows, np.array(list(sizes.values())))
    for row, caught in zip(rows.tolist(), found.tolist(), strict=True):
        climbs[row].recalls[sizes[row]] = Recall(sizes[row], caught, of)
