"""Seeded programs as call trees, what may be done to them, and samples of them by the hour.

What they consist of is in function_corpus.toml.
"""

from __future__ import annotations

import math
import tomllib
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perfd.model.profile import Function, Stack, Symbols

Array = NDArray[np.float64]
Weights = dict[Stack, float]
Plan = Mapping[str, Any]

MAIN, SERVE = Function("main", "/srv/app/main.py"), Function("Server.serve", "/srv/app/server.py")


def composition() -> Plan:
    """The committed file."""
    return tomllib.loads(Path(__file__).with_name("function_corpus.toml").read_text("utf-8"))


@dataclass(frozen=True)
class Program:
    """Weights of stacks, each of one operation; `requests` an hour by operation."""

    weights: Weights
    requests: dict[str, float]

    def own(self) -> dict[Function, float]:
        """Self weights."""
        found: defaultdict[Function, float] = defaultdict(float)
        for stack, weight in self.weights.items():
            found[stack[-1]] += weight
        return dict(found)

    def total(self) -> float:
        """Of all."""
        return sum(self.weights.values())


def program(plan: Plan, draw: np.random.Generator) -> Program:
    """One that was never changed."""
    tree = plan["tree"]
    functions = [_function(i, tree, draw) for i in range(tree["functions"])]
    callees = [_callees(i, len(functions), draw) for i in range(len(functions))]
    entries = [functions[i] for i in range(tree["entries"])]
    weights: defaultdict[Stack, float] = defaultdict(float)
    for _ in range(tree["paths"]):
        at = int(draw.integers(len(entries)))
        stack = [MAIN, SERVE, functions[at]]
        for _ in range(int(draw.integers(tree["depth"][0], tree["depth"][1] + 1))):
            if not callees[at]:
                break
            at = int(draw.choice(callees[at]))
            stack.append(functions[at])
        weights[tuple(stack)] += math.exp(draw.normal(0.0, tree["spread"]))
    requests = {entry.name: 1_000.0 * math.exp(draw.normal(0.0, 0.7)) for entry in entries}
    return Program(dict(weights), requests)


def _function(i: int, tree: Plan, draw: np.random.Generator) -> Function:
    module, cls = int(draw.integers(tree["modules"])), int(draw.integers(tree["classes"]))
    return Function(f"Part{module}x{cls}.step_{i}", f"/srv/shop{module % 3}/part_{module}.py")


def _callees(i: int, count: int, draw: np.random.Generator) -> list[int]:
    """Those further down: nothing calls itself."""
    below = np.arange(i + 1, min(i + 60, count))
    size = min(int(draw.integers(1, 5)), len(below))
    return [int(j) for j in draw.choice(below, size, replace=False)] if size else []


# --- what may be done to one ----------------------------------------------------------------------

Change = Callable[[Program, Function, np.random.Generator], Program]


def regressed(before: Program, function: Function, rise: float) -> Program:
    """Its own time rises."""
    return replace(
        before,
        weights={s: w * (1.0 + rise * (s[-1] == function)) for s, w in before.weights.items()},
    )


def split(before: Program, function: Function, _: np.random.Generator) -> Program:
    """Half of its own time goes to a new callee."""
    part = Function(f"{function.name}_part", function.file)
    weights: Weights = {}
    for stack, weight in before.weights.items():
        if stack[-1] == function:
            weights[stack], weights[(*stack, part)] = 0.5 * weight, 0.5 * weight
        else:
            weights[stack] = weight
    return replace(before, weights=weights)


def inlined(before: Program, function: Function, _: np.random.Generator) -> Program:
    """It is gone, and whoever called it does its work."""
    return _mapped(before, lambda stack: tuple(f for f in stack if f != function))


def renamed(before: Program, function: Function, _: np.random.Generator) -> Program:
    """Another name in the same file."""
    new = Function(f"{function.name}_anew", function.file)
    return _mapped(before, lambda stack: tuple(new if f == function else f for f in stack))


def moved(before: Program, function: Function, draw: np.random.Generator) -> Program:
    """The same name in another module."""
    bare = function.name.rpartition(".")[2]
    place = int(draw.integers(100, 200))
    new = Function(f"Other{place}.{bare}", f"/srv/other/part_{place}.py")
    return _mapped(before, lambda stack: tuple(new if f == function else f for f in stack))


def caller(before: Program, function: Function, _: np.random.Generator) -> Program:
    """Those that called it have it called by a sibling of their class."""

    def instead(stack: Stack) -> Stack:
        out = list(stack)
        for i in range(len(stack) - 1):
            if stack[i + 1] == function and stack[i] not in (MAIN, SERVE):
                cls, _, name = stack[i].name.rpartition(".")
                out[i] = Function(f"{cls}.{name}_sibling", stack[i].file)
        return tuple(out)

    return _mapped(before, instead)


def mix(before: Program, function: Function, draw: np.random.Generator) -> Program:
    """The operation that holds most of the function is asked more often."""
    held: defaultdict[Function, float] = defaultdict(float)
    for stack, weight in before.weights.items():
        if function in stack:
            held[stack[2]] += weight
    entry = max(held, key=lambda f: held[f])
    more = float(draw.uniform(1.3, 2.0))
    requests = {
        name: n * (more if name == entry.name else 1.0) for name, n in before.requests.items()
    }
    weights = {s: w * (more if s[2] == entry else 1.0) for s, w in before.weights.items()}
    return Program(weights, requests)


CHANGES: Mapping[str, Change] = {
    "split": split,
    "inlined": inlined,
    "renamed": renamed,
    "moved": moved,
    "caller": caller,
    "mix": mix,
}


def _mapped(before: Program, of: Callable[[Stack], Stack]) -> Program:
    weights: defaultdict[Stack, float] = defaultdict(float)
    for stack, weight in before.weights.items():
        weights[of(stack)] += weight
    return replace(before, weights=dict(weights))


# --- samples --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Samples:
    """`hits` (cells, stacks) of `nodes`, which `symbols` knows."""

    hits: Array
    nodes: tuple[int, ...]
    symbols: Symbols


def samples(
    old: Program, new: Program, plan: Plan, dispersion: float, draw: np.random.Generator
) -> Samples:
    """Hours of the old program, and hours of the new one, of the same requests."""
    tree = plan["tree"]
    symbols = Symbols()
    stacks = sorted({*old.weights, *new.weights})
    nodes = tuple(symbols.intern(stack) for stack in stacks)
    scale = tree["samples"] / old.total()
    sides = []
    for weights, hours in ((old.weights, tree["before"]), (new.weights, tree["after"])):
        expected = np.array([scale * weights.get(stack, 0.0) for stack in stacks])
        rates = np.tile(expected, (hours, 1))
        if dispersion > 1.0:
            rates = draw.gamma(np.maximum(rates, 1e-12) / (dispersion - 1.0), dispersion - 1.0)
        sides.append(draw.poisson(rates).astype(float))
    order = np.argsort(nodes)
    hits = np.concatenate(sides)[:, order]
    return Samples(hits, tuple(nodes[i] for i in order), symbols)


def pick(
    before: Program, share: tuple[float, float], draw: np.random.Generator, without: set[Function]
) -> Function:
    """A function whose self share is near one drawn log-uniform."""
    wanted = math.exp(draw.uniform(*(math.log(end) for end in share))) * before.total()
    entries = {stack[2] for stack in before.weights}
    own = {f: w for f, w in before.own().items() if f not in without | entries | {MAIN, SERVE}}
    return min(own, key=lambda f: abs(math.log(own[f] / wanted)))
