"""The tail of a profile is folded away when an hour is packed; totals stay what they were.

A program that runs long enough shows every stack once. Those stacks weigh next to nothing together
and would take most of the space, so only the heaviest that make up `keep` of the value stay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from perfd.model.profile import ROOT, Function, Node, ProfileWindow, Symbols, Weight

OTHER = Function("[other]", "")


def prune(
    rows: Sequence[tuple[int, ProfileWindow]], keep: float, symbols: Symbols
) -> list[tuple[int, ProfileWindow]]:
    """The same windows with light stacks folded into `[other]` below what is kept of their path.

    `symbols` must hold the stacks; the nodes of `[other]` are added to it. A stack whose path is
    not known is folded at the root. All windows are pruned alike.
    """
    totals: Counter[int] = Counter()
    for _, window in rows:
        totals.update({node: weight.value for node, weight in window.weights.items()})
    kept = heaviest(totals, keep)
    if len(kept) == len(totals):
        return list(rows)
    trunk = _paths(kept, symbols)
    target = {node: _target(node, trunk, symbols) for node in totals}
    return [(minute, _folded(window, target)) for minute, window in rows]


def heaviest(totals: Counter[int], keep: float) -> set[int]:
    """The fewest stacks whose value is at least `keep` of all."""
    least = keep * totals.total()
    kept: set[int] = set()
    held = 0
    for node, value in sorted(totals.items(), key=lambda pair: (-pair[1], pair[0])):
        if held >= least:
            break
        kept.add(node)
        held += value
    return kept


def _paths(leaves: Collection[int], symbols: Symbols) -> set[int]:
    """The nodes on the way to these leaves."""
    paths: set[int] = set()
    for leaf in leaves:
        node = leaf
        while node != ROOT and node not in paths:
            paths.add(node)
            node = _parent(node, symbols)
    return paths


def _target(node: int, trunk: Collection[int], symbols: Symbols) -> int:
    """Where a stack's weight goes: to itself, or to `[other]` where it leaves the trunk."""
    if node in trunk:
        return node
    while node != ROOT and node not in trunk:
        node = _parent(node, symbols)
    other = Node(node, OTHER.id)
    symbols.functions[OTHER.id] = OTHER
    symbols.nodes[other.id] = other
    return other.id


def _parent(node: int, symbols: Symbols) -> int:
    known = symbols.nodes.get(node)
    return ROOT if known is None else known.parent


def _folded(window: ProfileWindow, target: dict[int, int]) -> ProfileWindow:
    values: Counter[int] = Counter()
    hits: Counter[int] = Counter()
    for node, weight in window.weights.items():
        values[target[node]] += weight.value
        hits[target[node]] += weight.hits
    weights = {node: Weight(value, hits[node]) for node, value in values.items()}
    return ProfileWindow(
        window.series,
        window.start,
        window.width,
        window.unit,
        weights,
        window.duration,
        window.uploads,
        window.cumulative,
    )
