"""Renamed: a function that was not there before does what one does that is gone.

Both are told by what stayed: a caller, a callee, the file or the last part of the name in common,
and a sum that is what it was.
"""

from __future__ import annotations

from collections.abc import Iterator

from perfd.detect.functions.cost_shift import EQUIVALENT, gone, shifted
from perfd.detect.functions.domains import bare
from perfd.detect.functions.rise import Rise
from perfd.detect.functions.tree import Tree
from perfd.model.finding import Check

NAME = "renamed"
NEW = 0.02  # of what it is now: as much as it may have been before
SAMPLES = 50  # of a function, before it is said to be gone


def check(rise: Rise) -> Check:
    """Nothing that is gone had been the same."""
    if not new(rise):
        return Check(NAME, True, "it was there before")
    asked = 0
    for former in _vanished(rise.tree):
        if not _alike(rise.tree, former, rise.function):
            continue
        asked += 1
        found = shifted(rise, (former, rise.function))
        if found is not None and found[0] >= -EQUIVALENT and found[1] <= EQUIVALENT:
            name = rise.tree.symbols.functions[former].name
            verdict = f"it is {name} by another name: together they cost what they did"
            return Check(NAME, False, verdict, {"former": name})
    return Check(NAME, True, f"it is new; {asked} that vanished beside it cost less", {"n": asked})


def new(rise: Rise) -> bool:
    """Whether it was not there before."""
    counts = rise.counts
    return counts.before < NEW * counts.after


def _vanished(tree: Tree) -> Iterator[int]:
    for function in sorted(tree.functions()):
        old = tree.total((function,))[: tree.at].sum()
        if old >= SAMPLES and function in tree.symbols.functions and gone(tree, function):
            yield function


def _alike(tree: Tree, one: int, other: int) -> bool:
    known = tree.symbols.functions
    first, second = known[one], known.get(other)
    if second is None:
        return False
    if bare(first) == bare(second) or (first.file and first.file == second.file):
        return True
    shared = tree.callers(one) & tree.callers(other)
    return bool(shared or tree.callees(one) & tree.callees(other))
