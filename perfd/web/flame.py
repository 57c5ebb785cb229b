"""The differential flame graph as data: totals, both layouts, and what a browser is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from perfd.model.evidence import FlameNode

BEFORE, AFTER = "before", "after"
# Change of a total as a share of all CPU time per request before: from here on, a deeper tone.
TONES = (0.005, 0.03, 0.10)


@dataclass(frozen=True, slots=True)
class Tree:
    """Nodes with their children and totals (self and everything below), by index.

    A node whose parent is unknown, or that is its own ancestor, is left out.
    """

    nodes: Sequence[FlameNode]
    roots: tuple[int, ...]
    children: Sequence[Sequence[int]]
    order: tuple[int, ...]  # parents before children
    before: Sequence[float]
    after: Sequence[float]

    @property
    def total_before(self) -> float:
        """CPU seconds per request before."""
        return sum(self.before[root] for root in self.roots)

    @property
    def total_after(self) -> float:
        """CPU seconds per request after."""
        return sum(self.after[root] for root in self.roots)

    def tone(self, index: int) -> int:
        """How much worse (1…3) or better (−1…−3) a node got; 0 is not significant."""
        if not self.nodes[index].significant:
            return 0
        change = self.after[index] - self.before[index]
        part = abs(change) / (self.total_before or self.total_after or 1.0)
        depth = sum(part >= least for least in TONES) or 1
        return depth if change > 0 else -depth


@dataclass(frozen=True, slots=True)
class Frame:
    """One box: `start` and `width` as shares of the whole picture, `depth` from the root."""

    index: int
    depth: int
    start: float
    width: float


def grow(nodes: Sequence[FlameNode]) -> Tree:
    """The tree of a list of nodes; linear, and safe for any list."""
    children: list[list[int]] = [[] for _ in nodes]
    roots: list[int] = []
    for index, node in enumerate(nodes):
        if node.parent < 0:
            roots.append(index)
        elif node.parent < len(nodes):
            children[node.parent].append(index)
    order: list[int] = []
    waiting = list(reversed(roots))
    while waiting:
        index = waiting.pop()
        order.append(index)
        waiting.extend(reversed(children[index]))
    before = [max(node.before, 0.0) for node in nodes]
    after = [max(node.after, 0.0) for node in nodes]
    for index in reversed(order):
        parent = nodes[index].parent
        if parent >= 0:
            before[parent] += before[index]
            after[parent] += after[index]
    return Tree(nodes, tuple(roots), children, tuple(order), before, after)


def layout(tree: Tree, side: str, narrowest: float = 0.0) -> list[Frame]:
    """Boxes of one side, the widest child first; those narrower than `narrowest` are left out."""
    totals = tree.after if side == AFTER else tree.before
    whole = tree.total_after if side == AFTER else tree.total_before
    if whole <= 0:
        return []
    frames: list[Frame] = []
    waiting = [(0, 0.0, tree.roots)]
    while waiting:
        depth, start, siblings = waiting.pop()
        for index in sorted(siblings, key=lambda i: -totals[i]):
            width = totals[index] / whole
            if width <= narrowest:
                break
            frames.append(Frame(index, depth, start, width))
            if tree.children[index]:
                waiting.append((depth + 1, start, tuple(tree.children[index])))
            start += width
    return frames


def payload(tree: Tree) -> dict[str, Any]:
    """What the script draws from: columns, names once, seconds in whole nanoseconds."""
    names: dict[tuple[str, str], int] = {}
    files: dict[str, int] = {}
    place = {index: number for number, index in enumerate(tree.order)}
    kept = [tree.nodes[index] for index in tree.order]
    functions = [names.setdefault((n.function, n.file), len(names)) for n in kept]
    return {
        "names": [name for name, _ in names],
        "file": [files.setdefault(file, len(files)) for _, file in names],
        "files": list(files),
        "parent": [place.get(node.parent, -1) for node in kept],
        "function": functions,
        "before": [round(max(node.before, 0.0) * 1e9) for node in kept],
        "after": [round(max(node.after, 0.0) * 1e9) for node in kept],
        "tone": [tree.tone(index) for index in tree.order],
    }
