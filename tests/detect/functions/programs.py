"""Small programs for the tests of functions: expected samples by stack, before and after."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from perfd.detect.functions.balance import balanced
from perfd.detect.functions.comparison import compare
from perfd.detect.functions.composition import usual
from perfd.detect.functions.rise import Cost, Rise
from perfd.detect.functions.settings import FunctionSettings
from perfd.detect.functions.tree import Tree, indexed
from perfd.model.profile import Function, Symbols

Names = tuple[str, ...]  # "file:name" by frame, root first
BEFORE, AFTER = 72, 36

MAIN, QUOTE = "app/main.py:main", "shop/quote.py:Quote.of"


def function(frame: str) -> Function:
    file, _, name = frame.partition(":")
    return Function(name, file)


def usual_program(**more: float) -> dict[Names, float]:
    """Twenty helpers below QUOTE, 100 samples an hour each, and others by name."""
    stacks = {(MAIN, QUOTE, f"shop/help_{i}.py:help_{i}"): 100.0 for i in range(20)}
    return {**stacks, (MAIN, QUOTE): 200.0, **{(MAIN, QUOTE, k): v for k, v in more.items()}}


def program_tree(old: Mapping[Names, float], new: Mapping[Names, float], seed: int = 1) -> Tree:
    """Poisson samples of both."""
    draw = np.random.default_rng(seed)
    symbols = Symbols()
    found = {symbols.intern(tuple(function(f) for f in s)): s for s in {**old, **new}}
    nodes = tuple(sorted(found))
    rows = [
        draw.poisson([side.get(found[node], 0.0) for node in nodes], (hours, len(nodes)))
        for side, hours in ((old, BEFORE), (new, AFTER))
    ]
    return indexed(np.concatenate(rows).astype(float), nodes, symbols, BEFORE)


def rise(
    tree: Tree,
    frame: str,
    *,
    own: bool = False,
    cost: Cost | None = None,
    requests: Mapping[str, tuple[float, float]] | None = None,
) -> Rise:
    """What the filters are asked about."""
    known = function(frame).id
    counted = tree.self_of(known) if own else tree.total((known,))
    counts = compare(counted, tree.samples(), tree.at)
    assert counts is not None
    selves = np.array([tree.self_of(f) for f in sorted(tree.functions())])
    return Rise(
        function=known,
        own=own,
        counts=counts,
        tree=tree,
        level=balanced(tree),
        usual=usual(selves, tree.samples(), tree.at),
        cost=cost,
        settings=FunctionSettings(),
        requests=requests or {},
    )
