"""Mix shift: other requests came, and each costs what it did.

Strata are the entries of the call tree, the functions where it first branches: a stack belongs to
one of them. With w the entry's part of all samples and f the function's part of the entry's, the
change of its share is the sum of mean(w) (f1 - f0), what happened within the entries, and of
mean(f) (w1 - w0), what the mix did (Kitagawa 1955). An entry may also grow because its own code
got slower: the mix is believed only where an operation is asked as much more often.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import NamedTuple

import numpy as np

from perfd.detect.functions.rise import Rise
from perfd.detect.functions.tree import Columns, Tree
from perfd.detect.wording import percent, share
from perfd.model.finding import Check
from perfd.model.profile import ROOT

NAME = "mix of requests"
WITHIN = 0.5  # of the change
TRUNK = 0.8  # of the samples above: a node that holds more is no branch yet
EXPLAINED = 0.8  # of the entry's growth, by that of an operation
DEVIATIONS = 3.0


class Parts(NamedTuple):
    """The change of the share within entries, by their mix, and the entry that did most of it."""

    within: float
    mix: float
    growth: float  # ln of the odds of that entry


def check(rise: Rise) -> Check:
    """Half of the rise happened within the entries, or nobody asked more often."""
    parts = decomposed(rise)
    whole = parts.within + parts.mix
    if whole <= 0.0 or parts.within >= WITHIN * whole:
        verdict = f"{share(parts.within / whole) if whole > 0.0 else 'all'} of it is within entries"
        return Check(NAME, True, verdict, {"within": parts.within, "mix": parts.mix})
    asked = _growth_of_requests(rise)
    inputs: dict[str, float | int | str] = {
        "within": parts.within,
        "mix": parts.mix,
        "entry": parts.growth,
        "operation": asked,
    }
    if asked < EXPLAINED * parts.growth or asked <= 0.0:
        grown = percent(math.expm1(parts.growth))
        return Check(NAME, True, f"its entry {grown}, and no operation as much", inputs)
    verdict = f"an operation was asked {percent(math.expm1(asked))} more often beside the others"
    return Check(NAME, False, verdict, inputs)


def decomposed(rise: Rise) -> Parts:
    """The two parts of the change, from the tree."""
    tree, at = rise.tree, rise.tree.at
    mine = np.zeros(len(tree.nodes), dtype=bool)
    held = tree.own if rise.own else tree.holding
    mine[held.get(rise.function, np.zeros(0, dtype=np.int64))] = True
    old, new = tree.hits[:at].sum(axis=0), tree.hits[at:].sum(axis=0)
    within = mix = most = growth = 0.0
    for columns in entries(tree):
        w = old[columns].sum() / max(old.sum(), 1.0), new[columns].sum() / max(new.sum(), 1.0)
        part = columns[mine[columns]]
        f = [s[part].sum() / max(s[columns].sum(), 1.0) for s in (old, new)]
        if min(w) <= 0.0:  # an entry of one side only has no part that stayed
            within += w[1] * f[1] - w[0] * f[0]
            continue
        within += 0.5 * (w[0] + w[1]) * (f[1] - f[0])
        by_mix = 0.5 * (f[0] + f[1]) * (w[1] - w[0])
        mix += by_mix
        if by_mix > most:
            most, growth = by_mix, _logit(w[1]) - _logit(w[0])
    return Parts(float(within), float(mix), float(growth))


def entries(tree: Tree) -> list[Columns]:
    """The stacks of each entry: below the trunk, where one node no longer holds most samples."""
    below: defaultdict[int, list[int]] = defaultdict(list)
    trunk = frozenset(_trunk(tree))
    for column, leaf in enumerate(tree.nodes):
        below[_entry(tree, leaf, trunk)].append(column)
    return [np.array(columns, dtype=np.int64) for columns in below.values()]


def _trunk(tree: Tree) -> list[int]:
    """Nodes from the root on that hold most of what the one above them holds."""
    totals: defaultdict[int, float] = defaultdict(float)
    children: defaultdict[int, set[int]] = defaultdict(set)
    for leaf, weight in zip(tree.nodes, tree.hits.sum(axis=0), strict=True):
        node = leaf
        while node != ROOT and node in tree.symbols.nodes:
            parent = tree.symbols.nodes[node].parent
            totals[node] += float(weight)
            children[parent].add(node)
            node = parent
    totals[ROOT] = float(tree.hits.sum())
    trunk = [ROOT]
    while largest := max(children[trunk[-1]], key=lambda node: totals[node], default=None):
        if totals[largest] < TRUNK * totals[trunk[-1]]:
            break
        trunk.append(largest)
    return trunk


def _entry(tree: Tree, leaf: int, trunk: frozenset[int]) -> int:
    """The node just below the trunk on the way to a leaf; the leaf's own where it is in it."""
    node = leaf
    while node in tree.symbols.nodes and tree.symbols.nodes[node].parent not in trunk:
        node = tree.symbols.nodes[node].parent
    return node


def _growth_of_requests(rise: Rise) -> float:
    """The largest growth of an operation's odds among the requests, beyond chance; else 0."""
    old, new = (sum(r[side] for r in rise.requests.values()) for side in (0, 1))
    grown = 0.0
    for before, after in rise.requests.values():
        if min(before, after) <= 0.0 or before >= old or after >= new:
            continue
        growth = _logit(after / new) - _logit(before / old)
        rest = old - before, new - after
        error = math.sqrt(sum(1.0 / count for count in (before, after, *rest)))
        if growth > DEVIATIONS * error:
            grown = max(grown, growth)
    return grown


def _logit(part: float) -> float:
    part = min(max(part, 1e-9), 1.0 - 1e-9)
    return math.log(part / (1.0 - part))
