"""Renamed: a function that was not there before does what one does that is gone.

Both are told by what stayed: a caller, a callee, the file or the last part of the name in common,
and a sum that is what it was.
"""

from __future__ import annotations

from collections.abc import Iterator

from perfd.detect.functions.cost_shift import equivalent, gone, shifted
from perfd.detect.functions.domains import Domain, bare
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
    for former in _vanished(rise.level):
        if not _alike(rise.level, former, rise.function):
            continue
        asked += 1
        both = Domain("both", rise.level.total((former, rise.function)), near=False)
        found = shifted(rise, both)
        if found is not None and equivalent(found, both):
            name = rise.level.symbols.functions[former].name
            verdict = f"it is {name} by another name: together they cost what they did"
            return Check(NAME, False, verdict, {"former": name})
    return Check(NAME, True, f"it is new; {asked} that vanished beside it cost less", {"n": asked})


def new(rise: Rise) -> bool:
    """Whether it was not there before."""
    total = rise.level.compared(rise.level.total((rise.function,)))
    return total is not None and total.before < NEW * total.after


def _vanished(tree: Tree) -> Iterator[int]:
    for function in sorted(tree.functions()):
        counts = tree.total((function,))
        if counts[: tree.at].sum() < SAMPLES or function not in tree.symbols.functions:
            continue
        if gone(tree, counts):
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
