"""Profiles: stacks as a source sends them, and interned weights as the store keeps them.

A stack is interned as a parent-pointer tree: a node is (parent node, function). Ids are hashes of
the
path, so two perfds that see the same stack give it the same id without asking each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from perfd.model.identity import hash63
from perfd.model.series import Resource, Series

# Series name; labels: service, version, environment, type, phase, and sampler where it is named.
PROFILE = "profile"
CPU_PROFILE = "process_cpu:cpu"
ROOT = 0


class Function(NamedTuple):
    """A function of the profiled program.

    `line` is where it starts, 0 when unknown; not part of its identity.
    """

    name: str
    file: str
    line: int = 0

    @property
    def id(self) -> int:
        """63-bit hash of name and file, so that versions stay comparable when lines move."""
        return hash63("function", self.name, self.file)


class Node(NamedTuple):
    """One step of a stack: `parent` is a node id (ROOT for the first), `function` a function id."""

    parent: int
    function: int

    @property
    def id(self) -> int:
        """63-bit hash of the path."""
        return hash63("node", str(self.parent), str(self.function))


Stack = tuple[Function, ...]  # root first


class Sample(NamedTuple):
    """`value` in the profile's unit, `hits` the number of times the sampler saw the stack."""

    stack: Stack
    value: int
    hits: int


@dataclass(frozen=True, slots=True)
class Profile:
    """What one upload holds of one type, e.g. type `process_cpu:cpu`, unit `nanoseconds`.

    `cumulative` profiles (CPU, allocations) are summed over time, instant ones (in use) averaged.
    `items` is how many samples arrived: `samples` has equal stacks merged and zeros left out.
    """

    resource: Resource
    type: str
    unit: str
    start: float
    duration: float
    samples: tuple[Sample, ...]
    cumulative: bool = True
    sampler: str = ""
    items: int = 0


class Weight(NamedTuple):
    """What a stack weighs in a window: value in the profile's unit, and number of samples."""

    value: int
    hits: int


@dataclass(frozen=True, slots=True)
class ProfileWindow:
    """Weights of the stacks (node id of the leaf) of one profile series over one interval.

    `duration` is the profiled time in seconds, summed over uploads: requests ÷ CPU are compared
    over the same upload intervals.
    """

    series: Series
    start: float
    width: float
    unit: str
    weights: Mapping[int, Weight]
    duration: float = 0.0
    uploads: int = 0
    cumulative: bool = True

    def merge(self, other: ProfileWindow) -> ProfileWindow:
        """Both windows as one; associative and commutative."""
        start = min(self.start, other.start)
        end = max(self.start + self.width, other.start + other.width)
        weights = dict(self.weights)
        for node, weight in other.weights.items():
            held = weights.get(node, Weight(0, 0))
            weights[node] = Weight(held.value + weight.value, held.hits + weight.hits)
        return ProfileWindow(
            self.series,
            start,
            end - start,
            self.unit,
            weights,
            self.duration + other.duration,
            self.uploads + other.uploads,
            self.cumulative,
        )


@dataclass(slots=True)
class Symbols:
    """The dictionary behind node ids. Grows only; merging two is a union."""

    nodes: dict[int, Node] = field(default_factory=dict)
    functions: dict[int, Function] = field(default_factory=dict)

    def intern(self, stack: Stack) -> int:
        """The node id of a stack's leaf; ROOT for the empty stack."""
        parent = ROOT
        for function in stack:
            function_id = function.id
            self.functions.setdefault(function_id, function)
            node = Node(parent, function_id)
            parent = node.id
            self.nodes.setdefault(parent, node)
        return parent

    def stack(self, leaf: int) -> Stack:
        """The functions from the root to `leaf`; unknown nodes end the walk."""
        path: list[Function] = []
        while leaf != ROOT and (node := self.nodes.get(leaf)) is not None:
            path.append(self.functions[node.function])
            leaf = node.parent
        return tuple(reversed(path))

    def update(self, others: Iterable[Symbols]) -> None:
        """Take in what the others know."""
        for other in others:
            self.nodes.update(other.nodes)
            self.functions.update(other.functions)
