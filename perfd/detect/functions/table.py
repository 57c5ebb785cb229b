"""Samples of each function of a service by the hour, for as many functions as may be told apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perfd.model.profile import CPU_PROFILE, ROOT, ProfileWindow, Symbols
from perfd.model.series import STEADY

Array = NDArray[np.float64]
Ids = NDArray[np.int64]
Small = NDArray[np.int32]

MOST_SEEN = 50_000  # functions of a service; what comes later counts as samples of no name
MOST_STACKS = 100_000  # whose functions are remembered from cell to cell
KEPT = 4  # times the functions that are told apart, of each cell


@dataclass(frozen=True, slots=True)
class FunctionTable:
    """`own` and `total` (functions, cells) of `samples` (cells); NaN where nobody profiled.

    The first cell begins at `start`, each lasts `width` seconds. `left_out` functions had fewer
    samples than those that are told apart.
    """

    functions: tuple[int, ...]
    own: Array
    total: Array
    samples: Array
    start: float
    width: float
    left_out: int

    @property
    def cells(self) -> int:
        """How many."""
        return len(self.samples)

    def time(self, cell: int) -> float:
        """When a cell begins."""
        return self.start + cell * self.width


@dataclass(frozen=True, slots=True)
class _Cell:
    """One hour: places of functions, their own and all samples, 12 bytes each."""

    places: Small
    own: Small
    total: Small
    samples: int


class TableBuilder:
    """Takes the cells one by one, in any order, and keeps only counts."""

    def __init__(self, start: float, width: float, cells: int, most: int) -> None:
        self._start, self._width, self._most = start, width, most
        self._cells: list[_Cell | None] = [None] * cells
        self._places: dict[int, int] = {}
        self._paths: dict[int, Small] = {}  # by node: the place of its leaf, then all, each once

    def unknown(self, windows: Iterable[ProfileWindow]) -> set[int]:
        """Stacks that must be learned before these can be added."""
        if len(self._paths) > MOST_STACKS:
            self._paths.clear()
        return {node for window in windows for node in window.weights} - self._paths.keys()

    def learn(self, nodes: Iterable[int], symbols: Symbols) -> None:
        """What stacks consist of; a frame that `symbols` does not know ends one."""
        for node in nodes:
            self._paths[node] = self._path(node, symbols)

    def add(self, cell: int, windows: Iterable[ProfileWindow]) -> None:
        """The profiles of one cell; of many functions in it, those with most samples."""
        hits: Counter[int] = Counter()
        for window in windows:
            for node, weight in window.weights.items():
                hits[node] += weight.hits
        paths = [self._paths[node] for node in hits]
        if not hits:
            return
        counts = np.fromiter(hits.values(), np.int64, len(hits))
        leaves = np.array([path[0] if len(path) else -1 for path in paths])
        size = len(self._places)
        own = np.bincount(leaves[leaves >= 0], counts[leaves >= 0], size)
        lengths = [max(len(path) - 1, 0) for path in paths]
        every = np.concatenate([path[1:] for path in paths])
        total = np.bincount(every, np.repeat(counts, lengths), size)
        kept = np.flatnonzero(total)
        if len(kept) > KEPT * self._most:
            kept = np.sort(kept[np.argsort(total[kept])[-KEPT * self._most :]])
        self._cells[cell] = _Cell(
            kept.astype(np.int32),
            own[kept].astype(np.int32),
            total[kept].astype(np.int32),
            int(counts.sum()),
        )

    def table(self) -> FunctionTable:
        """What was added, of the functions with most samples."""
        sums = np.zeros(len(self._places))
        for cell in self._cells:
            if cell is not None:
                sums[cell.places] += cell.total
        seen = int((sums > 0.0).sum())
        chosen = np.argsort(-sums, kind="stable")[: min(self._most, seen)]
        rows = np.full(len(sums), -1)
        rows[chosen] = np.arange(len(chosen))
        own = np.full((len(chosen), len(self._cells)), np.nan)
        total, samples = own.copy(), np.full(len(self._cells), np.nan)
        for column, held in enumerate(self._cells):
            if held is None:
                continue
            own[:, column] = total[:, column] = 0.0
            row = rows[held.places]
            own[row[row >= 0], column] = held.own[row >= 0]
            total[row[row >= 0], column] = held.total[row >= 0]
            samples[column] = held.samples
        names = list(self._places)
        functions = tuple(names[place] for place in chosen)
        left = seen - len(chosen)
        return FunctionTable(functions, own, total, samples, self._start, self._width, left)

    def _path(self, leaf: int, symbols: Symbols) -> Small:
        way: list[int] = []
        node = leaf
        while node != ROOT and (known := symbols.nodes.get(node)) is not None:
            place = self._place(known.function)
            if place is not None:
                way.append(place)
            elif not way:
                return np.zeros(0, np.int32)  # the leaf has no place: nobody's own
            node = known.parent
        return np.array([*way[:1], *dict.fromkeys(way)], np.int32)

    def _place(self, function: int) -> int | None:
        if len(self._places) >= MOST_SEEN:
            return self._places.get(function)
        return self._places.setdefault(function, len(self._places))


def sampled(windows: Iterable[ProfileWindow], sampler: str | None = None) -> list[ProfileWindow]:
    """Steady CPU profiles, of one sampler where it is named."""
    return [
        window
        for window in windows
        if (label := window.series.label).get("phase", STEADY) == STEADY
        and label.get("type", "").startswith(CPU_PROFILE)
        and sampler in (None, label.get("sampler", ""))
    ]


def busiest(windows: Iterable[ProfileWindow]) -> str | None:
    """The sampler that took most samples; None of no profiles."""
    hits: Counter[str] = Counter()
    for window in windows:
        taken = sum(weight.hits for weight in window.weights.values())
        hits[window.series.label.get("sampler", "")] += taken
    return max(hits, key=lambda name: (hits[name], name), default=None)
