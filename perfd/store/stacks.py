"""Profile windows as arrays: merging hundreds of stacks at a time costs one sort, not a loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from perfd.model.profile import ProfileWindow, Weight
from perfd.model.series import Series
from perfd.store.columns import Ints, ints


class Part(msgspec.Struct, array_like=True, frozen=True):
    """A window without its weights."""

    unit: str
    cumulative: bool
    duration: float
    uploads: int

    def merge(self, other: Part) -> Part:
        """Both windows' facts."""
        return Part(
            self.unit,
            self.cumulative,
            self.duration + other.duration,
            self.uploads + other.uploads,
        )


@dataclass(frozen=True, slots=True)
class Stacks:
    """A profile window without a place: `weights` has a row for values and a row for hits.

    `nodes` are sorted and distinct.
    """

    series: Series
    part: Part
    nodes: Ints
    weights: Ints

    @classmethod
    def of(cls, window: ProfileWindow) -> Stacks:
        """The arrays of a window."""
        part = Part(window.unit, window.cumulative, window.duration, window.uploads)
        nodes = ints(list(window.weights))
        weights = ints([number for weight in window.weights.values() for number in weight])
        order = np.argsort(nodes)
        return cls(window.series, part, nodes[order], weights.reshape(-1, 2).T[:, order])

    def merge(self, other: Stacks) -> Stacks:
        """Both windows as one; associative and commutative."""
        return merged([self, other])

    def moved(self, targets: Ints) -> Stacks:
        """The same weights on other nodes, one for each; those that meet are added."""
        return _summed(self.series, self.part, targets, self.weights)

    def window(self, start: float, width: float) -> ProfileWindow:
        """The window at its place."""
        weights = dict(zip(self.nodes.tolist(), map(Weight, *self.weights.tolist()), strict=True))
        part = self.part
        return ProfileWindow(
            self.series,
            start,
            width,
            part.unit,
            weights,
            part.duration,
            part.uploads,
            part.cumulative,
        )


def merged(tables: Sequence[Stacks]) -> Stacks:
    """All of one series as one."""
    part = tables[0].part
    for other in tables[1:]:
        part = part.merge(other.part)
    nodes = np.concatenate([table.nodes for table in tables])
    weights = np.concatenate([table.weights for table in tables], axis=1)
    return _summed(tables[0].series, part, nodes, weights)


def _summed(series: Series, part: Part, nodes: Ints, weights: Ints) -> Stacks:
    """Sort by node and add up what belongs to the same one."""
    if not len(nodes):
        return Stacks(series, part, nodes, weights)
    order = np.argsort(nodes, kind="stable")
    nodes, weights = nodes[order], weights[:, order]
    firsts = np.flatnonzero(np.concatenate([[True], nodes[1:] != nodes[:-1]]))
    return Stacks(series, part, nodes[firsts], np.add.reduceat(weights, firsts, axis=1))
