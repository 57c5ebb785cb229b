"""The call tree around a change: samples of each stack in each cell.

What a domain of functions holds (a class, a module, the callers of a function) is counted here:
samples whose stack has any of them, once each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perfd.detect.functions.comparison import Comparison, compare
from perfd.detect.profile_side import Paths
from perfd.model.profile import ROOT, ProfileWindow, Symbols

Array = NDArray[np.float64]
Columns = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tree:
    """`hits` (cells, stacks); `at` is the first cell of the new side.

    `holding` and `own` are the columns of the stacks that hold a function, or end in it.
    """

    hits: Array
    nodes: tuple[int, ...]
    at: int
    symbols: Symbols
    holding: Mapping[int, Columns]
    own: Mapping[int, Columns]

    def samples(self) -> Array:
        """All samples of each cell."""
        every: Array = self.hits.sum(axis=1)
        return every

    def columns(self, functions: Collection[int]) -> Columns:
        """The stacks that hold any of these."""
        held = [self.holding[f] for f in functions if f in self.holding]
        return np.unique(np.concatenate(held)) if held else np.zeros(0, dtype=np.int64)

    def total(self, functions: Collection[int]) -> Array:
        """Samples of each cell that hold any of these."""
        total: Array = self.hits[:, self.columns(functions)].sum(axis=1)
        return total

    def self_of(self, function: int) -> Array:
        """Samples of each cell that end in a function."""
        columns = self.own.get(function, np.zeros(0, dtype=np.int64))
        own: Array = self.hits[:, columns].sum(axis=1)
        return own

    def self_below(self, function: int, caller: int) -> Array:
        """Samples of each cell that end in a function and hold another above it."""
        empty = np.zeros(0, dtype=np.int64)
        columns = np.intersect1d(self.own.get(function, empty), self.holding.get(caller, empty))
        own: Array = self.hits[:, columns].sum(axis=1)
        return own

    def compared(self, k: Array, n: Array | None = None) -> Comparison | None:
        """Both sides of some samples among others, all by default."""
        return compare(k, self.samples() if n is None else n, self.at)

    def callers(self, function: int) -> frozenset[int]:
        """Functions directly above it in any stack, without itself."""
        return frozenset(self._above(function)) - {function}

    def callees(self, function: int) -> frozenset[int]:
        """Functions directly below it in any stack, without itself."""
        found = set()
        for leaf in self._leaves(function):
            for node, below in _steps(self.symbols, leaf):
                if below is not None and self.symbols.nodes[node].function == function:
                    found.add(self.symbols.nodes[below].function)
        return frozenset(found) - {function}

    def functions(self) -> frozenset[int]:
        """All of them."""
        return frozenset(self.holding)

    def _leaves(self, function: int) -> Iterable[int]:
        return (self.nodes[c] for c in self.holding.get(function, ()))

    def _above(self, function: int) -> Iterable[int]:
        for leaf in self._leaves(function):
            for node, _ in _steps(self.symbols, leaf):
                known = self.symbols.nodes[node]
                if known.function == function and known.parent in self.symbols.nodes:
                    yield self.symbols.nodes[known.parent].function


def tree(
    windows: Iterable[ProfileWindow], symbols: Symbols, start: float, width: float, at: int
) -> Tree:
    """From profiles of cells of `width` seconds that begin at `start`."""
    cells: defaultdict[int, defaultdict[int, int]] = defaultdict(lambda: defaultdict(int))
    for window in windows:
        cell = cells[int((window.start - start) / width + 1e-6)]
        for node, weight in window.weights.items():
            cell[node] += weight.hits
    nodes = tuple(sorted({node for cell in cells.values() for node in cell}))
    places = {node: column for column, node in enumerate(nodes)}
    hits = np.zeros((max(cells, default=0) + 1, len(nodes)))
    for row, cell in cells.items():
        for node, count in cell.items():
            hits[row, places[node]] = count
    return indexed(hits, nodes, symbols, at)


def indexed(hits: Array, nodes: tuple[int, ...], symbols: Symbols, at: int) -> Tree:
    """A tree with its index of functions."""
    paths = Paths(symbols)
    holding: defaultdict[int, list[int]] = defaultdict(list)
    own: defaultdict[int, list[int]] = defaultdict(list)
    for column, node in enumerate(nodes):
        for function in paths.on(node):
            holding[function].append(column)
        leaf = paths.leaf(node)
        if leaf is not None:
            own[leaf].append(column)
    return Tree(hits, nodes, at, symbols, _arrays(holding), _arrays(own))


def _arrays(index: Mapping[int, list[int]]) -> dict[int, Columns]:
    return {function: np.array(columns, dtype=np.int64) for function, columns in index.items()}


def _steps(symbols: Symbols, leaf: int) -> Iterable[tuple[int, int | None]]:
    """Nodes from a leaf to the root, each with the one below it."""
    node, below = leaf, None
    while node != ROOT and node in symbols.nodes:
        yield node, below
        node, below = symbols.nodes[node].parent, node
