"""The profiles of one side of a comparison, counted by function and by node of the call tree.

A function's *self* samples have it as the leaf, its *total* samples hold it anywhere; recursion
counts once. Shares are of the profile's value (CPU time), since a sampler may change its period;
their uncertainty is that of the number of samples.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from perfd.model.profile import ROOT, ProfileWindow, Symbols, Weight

NANOSECOND = 1e-9

Functions = Callable[[int], Iterable[int]]


@dataclass(frozen=True, slots=True)
class Upload:
    """One window's samples: in all, and by function (self, total)."""

    hits: int
    own: dict[int, int]
    total: dict[int, int]


@dataclass(frozen=True, slots=True)
class ProfileSide:
    """`own` and `total` are weights by function id, `nodes` self weights by node id."""

    value: int
    hits: int
    seconds: float  # profiled time, summed over instances
    own: dict[int, Weight]
    total: dict[int, Weight]
    nodes: dict[int, Weight]
    uploads: tuple[Upload, ...]

    @property
    def cpu(self) -> float:
        """CPU seconds in the profiles."""
        return self.value * NANOSECOND


class Paths:
    """The functions on the way to a node, each once; remembered, since stacks share their roots."""

    def __init__(self, symbols: Symbols) -> None:
        self._symbols = symbols
        self._held: dict[int, frozenset[int]] = {ROOT: frozenset()}

    def on(self, leaf: int) -> frozenset[int]:
        """Function ids from the root to `leaf`; nothing for a node that is not known."""
        way: list[int] = []
        node = leaf
        while node not in self._held and node in self._symbols.nodes:
            way.append(node)
            node = self._symbols.nodes[node].parent
        for step in reversed(way):
            known = self._symbols.nodes[step]
            above = self._held.get(known.parent, frozenset())
            self._held[step] = above | {known.function}
        return self._held.get(leaf, frozenset())

    def leaf(self, node: int) -> int | None:
        """The function of a node."""
        known = self._symbols.nodes.get(node)
        return None if known is None else known.function


def profile_side(windows: Sequence[ProfileWindow], paths: Paths) -> ProfileSide | None:
    """All windows of one side together; None where they hold no sample."""
    uploads = tuple(_upload(window, paths) for window in windows if window.weights)
    nodes = _merged(windows)
    hits = sum(w.hits for w in nodes.values())
    if not hits:
        return None
    return ProfileSide(
        sum(w.value for w in nodes.values()),
        hits,
        sum(window.duration for window in windows),
        _by_function(nodes, lambda node: _alone(paths.leaf(node))),
        _by_function(nodes, paths.on),
        nodes,
        uploads,
    )


def _merged(windows: Iterable[ProfileWindow]) -> dict[int, Weight]:
    nodes: dict[int, Weight] = {}
    for window in windows:
        for node, weight in window.weights.items():
            nodes[node] = _sum(nodes.get(node), weight)
    return nodes


def _by_function(nodes: dict[int, Weight], functions: Functions) -> dict[int, Weight]:
    found: dict[int, Weight] = {}
    for node, weight in nodes.items():
        for function in functions(node):
            found[function] = _sum(found.get(function), weight)
    return found


def _upload(window: ProfileWindow, paths: Paths) -> Upload:
    own: defaultdict[int, int] = defaultdict(int)
    total: defaultdict[int, int] = defaultdict(int)
    hits = 0
    for node, weight in window.weights.items():
        hits += weight.hits
        for function in _alone(paths.leaf(node)):
            own[function] += weight.hits
        for function in paths.on(node):
            total[function] += weight.hits
    return Upload(hits, own, total)


def _alone(function: int | None) -> tuple[int, ...]:
    return () if function is None else (function,)


def _sum(held: Weight | None, more: Weight) -> Weight:
    return more if held is None else Weight(held.value + more.value, held.hits + more.hits)
