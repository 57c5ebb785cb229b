"""The differential flame graph: the call trees of both sides as one, in seconds per request."""

from __future__ import annotations

from collections import defaultdict

from perfd.detect.profile_diff import ProfileDiff
from perfd.detect.profile_side import ProfileSide
from perfd.detect.shares import score, share
from perfd.model.evidence import FlameNode
from perfd.model.profile import ROOT, Symbols

MOST_NODES = 4_000
LEAST_SHARE = 0.0005  # of a side's time; thinner than a pixel is folded into its caller
SIGNIFICANT = 3.0  # standard errors
OTHER = "[other]"

Totals = dict[int, tuple[int, int, int, int]]  # value and hits before, value and hits after


def flame(diff: ProfileDiff, symbols: Symbols) -> tuple[FlameNode, ...]:
    """Nodes with their parents before them; `before` and `after` are self time."""
    totals = _totals(diff, symbols)
    kept = _kept(diff, totals)
    children: defaultdict[int, list[int]] = defaultdict(list)
    for node in kept:
        children[symbols.nodes[node].parent].append(node)
    built: list[FlameNode] = [FlameNode(-1, "all", "", 0.0, 0.0)]
    waiting = [(ROOT, 0)]
    while waiting:
        parent, place = waiting.pop()
        for node in sorted(children[parent]):
            waiting.append((node, len(built)))
            built.append(_node(diff, symbols, totals, node, place))
        built += _folded(diff, totals, parent, children[parent], place)
    return tuple(built)


def _totals(diff: ProfileDiff, symbols: Symbols) -> Totals:
    """Each node's weight with all below it."""
    found: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for offset, side in ((0, diff.before), (2, diff.after)):
        for leaf, weight in side.nodes.items():
            node = leaf
            while node != ROOT and node in symbols.nodes:
                found[node][offset] += weight.value
                found[node][offset + 1] += weight.hits
                node = symbols.nodes[node].parent
    return {node: (a, b, c, d) for node, (a, b, c, d) in found.items()}


def _kept(diff: ProfileDiff, totals: Totals) -> set[int]:
    """The nodes worth drawing; a parent outweighs its children, so the tree stays whole."""
    weight = {
        node: max(old / diff.before.value, new / diff.after.value)
        for node, (old, _, new, _) in totals.items()
    }
    heavy = [node for node, w in weight.items() if w >= LEAST_SHARE]
    if len(heavy) <= MOST_NODES:
        return set(heavy)
    least = sorted((weight[node] for node in heavy), reverse=True)[MOST_NODES]
    return {node for node in heavy if weight[node] > least}


def _node(diff: ProfileDiff, symbols: Symbols, totals: Totals, node: int, parent: int) -> FlameNode:
    function = symbols.functions[symbols.nodes[node].function]
    old, new = _seconds(diff, _self(diff.before, node), _self(diff.after, node))
    return FlameNode(
        parent, function.name, function.file, old, new, _significant(diff, totals[node])
    )


def _folded(
    diff: ProfileDiff,
    totals: Totals,
    parent: int,
    drawn: list[int],
    place: int,
) -> list[FlameNode]:
    """What was below `parent` and is not drawn, as one node, so that widths add up."""
    whole = totals.get(parent) or (diff.before.value, 0, diff.after.value, 0)
    own = _self(diff.before, parent), _self(diff.after, parent)
    rest = [
        whole[i] - sum(totals[node][i] for node in drawn) - mine
        for i, mine in ((0, own[0]), (2, own[1]))
    ]
    if max(rest) <= 0:
        return []
    return [FlameNode(place, OTHER, "", *_seconds(diff, max(rest[0], 0), max(rest[1], 0)))]


def _seconds(diff: ProfileDiff, old: int, new: int) -> tuple[float, float]:
    """Profile values as CPU seconds per request of their side."""
    return old / diff.before.value * diff.costs[0], new / diff.after.value * diff.costs[1]


def _self(side: ProfileSide, node: int) -> int:
    weight = side.nodes.get(node)
    return weight.value if weight is not None else 0


def _significant(diff: ProfileDiff, total: tuple[int, int, int, int]) -> bool:
    before = share(total[0] / diff.before.value, total[1], diff.before.hits, 1.0)
    after = share(total[2] / diff.after.value, total[3], diff.after.hits, 1.0)
    return abs(score(before, after)) >= SIGNIFICANT
