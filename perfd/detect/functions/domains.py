"""Where a function's cost may have come from: those around it in calls, in code and in files.

Cost moves when code is split, merged, renamed or called from elsewhere; a domain that holds both
ends of the move does not change. (Domains as in FBDetect, Yoon and others, SOSP 2024.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from perfd.detect.functions.tree import Tree
from perfd.model.profile import Function

# What ends a name's container: shop.Quote.total, ns::Quote::total, (*Quote).total, Quote#total.
_CUT = re.compile(r"^(.*)(?:\.|::|#|/)[^.:#/]*$")

Domain = tuple[str, frozenset[int]]


def domains(tree: Tree, function: int, *, own: bool) -> Iterator[Domain]:
    """Named sets of functions, the nearest first; each holds the function itself.

    For self samples (`own`) the function's own total is one: what a callee did it may do itself.
    """
    if own:
        yield "the function with all it calls", frozenset({function})
    if callers := tree.callers(function):
        yield "its callers", callers | {function}
    known = tree.symbols.functions.get(function)
    if known is None:
        return
    for name, of in (("its class", container), ("its file", _file), ("its package", package)):
        if place := of(known):
            alike = (f for f in tree.functions() if _is_at(tree, f, of, place))
            yield name, frozenset(alike) | {function}


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


def _file(function: Function) -> str:
    return function.file


def _is_at(tree: Tree, function: int, of: object, place: str) -> bool:
    known = tree.symbols.functions.get(function)
    return known is not None and callable(of) and of(known) == place
