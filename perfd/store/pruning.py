"""The tail of a profile is folded away when an hour is packed; totals stay what they were.

A program that runs long enough shows every stack once. Those stacks weigh next to nothing together
and would take most of the space, so only the heaviest that make up `keep` of the value stay.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from perfd.model.profile import ROOT, Function, Node, Symbols
from perfd.store.columns import Ints, ints
from perfd.store.stacks import Stacks

OTHER = Function("[other]", "")


def light(hour: Stacks, keep: float) -> Ints:
    """The stacks that are too many: what is left without them is at least `keep` of all value."""
    if keep >= 1.0:  # also stacks that weigh nothing
        return hour.nodes[:0]
    values = hour.weights[0]
    heaviest_first = np.argsort(-values, kind="stable")
    held = np.cumsum(values[heaviest_first])
    enough = int(np.searchsorted(held, keep * values.sum()))
    return hour.nodes[heaviest_first[enough + 1 :]]


def targets(
    nodes: Ints, folded: Collection[int], known: Mapping[int, Node]
) -> tuple[dict[int, int], Symbols]:
    """Where the weight of each light stack goes, and the new nodes that this takes.

    It goes to `[other]` below the last node that its path shares with a stack that stays; a node
    that is itself on such a path stays. A path that is not known is folded at the root.
    """
    trunk = _paths(set(nodes.tolist()) - set(folded), known)
    moves, new = {}, Symbols()
    for leaf in folded:
        if leaf not in trunk:
            moves[leaf] = _other_below(_junction(leaf, trunk, known), new)
    return moves, new


def fold(stacks: Stacks, moves: Mapping[int, int]) -> Stacks:
    """A window with its light stacks moved."""
    return stacks.moved(ints([moves.get(node, node) for node in stacks.nodes.tolist()]))


def _paths(leaves: Collection[int], known: Mapping[int, Node]) -> set[int]:
    """The nodes on the way to these leaves."""
    paths: set[int] = set()
    for leaf in leaves:
        node = leaf
        while node != ROOT and node not in paths:
            paths.add(node)
            node = _parent(node, known)
    return paths


def _junction(node: int, trunk: Collection[int], known: Mapping[int, Node]) -> int:
    while node != ROOT and node not in trunk:
        node = _parent(node, known)
    return node


def _other_below(parent: int, symbols: Symbols) -> int:
    node = Node(parent, OTHER.id)
    symbols.functions[OTHER.id] = OTHER
    symbols.nodes[node.id] = node
    return node.id


def _parent(node: int, known: Mapping[int, Node]) -> int:
    found = known.get(node)
    return ROOT if found is None else found.parent
