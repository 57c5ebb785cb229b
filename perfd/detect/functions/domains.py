"""Where a function's cost may have come from: those around it in calls, in code and in files.

Cost moves when code is split, merged, renamed or called from elsewhere; a domain that holds both
ends of the move does not change. (Domains as in FBDetect, Yoon and others, SOSP 2024; those of two
neighbours are finer: of a large domain a small move cannot be told.)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from perfd.detect.functions.tree import Array, Tree
from perfd.model.profile import Function

# What ends a name's container: shop.Quote.total, ns::Quote::total, (*Quote).total, Quote#total.
_CUT = re.compile(r"^(.*)(?:\.|::|#|/)[^.:#/]*$")
FELL = -4.0  # standard errors


@dataclass(frozen=True, slots=True)
class Domain:
    """Samples by cell; `near` ones hold the function and next to nothing else that could move."""

    name: str
    counts: Array
    near: bool


def domains(tree: Tree, function: int, *, own: bool) -> Iterator[Domain]:
    """The nearest first; each holds the function's own (`own`) or total samples."""
    yield from _with_callees(tree, function) if own else _with_siblings(tree, function)
    if own:
        everything = tree.total((function,))
        yield Domain("the function with all it calls", everything, near=True)
    if callers := tree.callers(function):
        yield Domain("its callers", tree.total(callers | {function}), near=True)
    known = tree.symbols.functions.get(function)
    if known is None:
        return
    for name, of in (("its class", container), ("its file", _file), ("its package", package)):
        if place := of(known):
            alike = {f for f in tree.functions() if _is_at(tree, f, of, place)}
            yield Domain(name, tree.total(alike | {function}), near=False)


def _with_callees(tree: Tree, function: int) -> Iterator[Domain]:
    """What a callee did itself it may do now, or do for its caller what that did itself."""
    mine = tree.self_of(function)
    for other in tree.callees(function):
        part = tree.self_below(other, function)
        if _fell(tree, part):
            yield Domain(f"with {_name(tree, other)}, which it calls", mine + part, near=True)
    for other in tree.callers(function):
        part = tree.self_of(other)
        if _fell(tree, part):
            yield Domain(f"with {_name(tree, other)}, which calls it", mine + part, near=True)


def _with_siblings(tree: Tree, function: int) -> Iterator[Domain]:
    """What another callee of its callers was called for, it may be called for."""
    siblings = {s for c in tree.callers(function) for s in tree.callees(c)} - {function}
    for other in siblings:
        if _fell(tree, tree.total((other,))):
            both = tree.total((function, other))
            yield Domain(f"with {_name(tree, other)} beside it", both, near=True)


def container(function: Function) -> str:
    """The name without its last part: a class, or a module; empty where there is none."""
    found = _CUT.match(function.name)
    return found.group(1) if found else ""


def package(function: Function) -> str:
    """The folder of the file; without one, the container's container."""
    if "/" in function.file:
        return function.file.rpartition("/")[0]
    found = _CUT.match(container(function))
    return found.group(1) if found else ""


def bare(function: Function) -> str:
    """The last part of the name."""
    return function.name[len(container(function)) :].lstrip(".:#/")


def _fell(tree: Tree, counts: Array) -> bool:
    found = tree.compared(counts)
    return found is not None and found.delta < FELL * found.error


def _name(tree: Tree, function: int) -> str:
    known = tree.symbols.functions.get(function)
    return known.name if known else "a function"


def _file(function: Function) -> str:
    return function.file


def _is_at(tree: Tree, function: int, of: Callable[[Function], str], place: str) -> bool:
    known = tree.symbols.functions.get(function)
    return known is not None and of(known) == place
