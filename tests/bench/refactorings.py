"""Refactorings and mixes of requests are no regressions, and hide none that happens beside them.

    python -m tests.bench.refactorings [--cases 100] [--tuning]

Programs, changes and sizes are drawn as function_corpus.toml says; every change is made alone, and
with a real regression of another function in the same hour. *Rejected*: no finding stands that is
not the real regression or on the way to it. *Kept*: it is what the ticket would be about, of those
that the scan found. The control is the scan without its filters: it must reject almost nothing.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from perfd.detect.functions.change import Around, groups, judged
from perfd.detect.functions.judge import representative
from perfd.detect.functions.rise import Cost
from perfd.detect.functions.scan import scan
from perfd.detect.functions.settings import FunctionSettings
from perfd.detect.functions.table import FunctionTable
from perfd.detect.functions.tree import indexed
from perfd.detect.tails import beta_quantile
from perfd.model.profile import Function
from tests.bench.function_trees import (
    CHANGES,
    Plan,
    Program,
    Samples,
    composition,
    pick,
    program,
    regressed,
    samples,
)

GOAL = 0.95
ALPHA = 1e-4  # what a budget gives to one scan
CPU_NOISE = 0.02  # of CPU per request between hours


@dataclass(frozen=True)
class Case:
    """What came of one: findings of the scan and of the filters that nobody should hear of.

    `found` says that the scan found the real regression, `kept` that it is what is told.
    """

    raw: bool
    wrong: bool
    found: bool = False
    kept: bool = False


def table_of(held: Samples) -> FunctionTable:
    """What the daemon would have counted."""
    tree = indexed(held.hits, held.nodes, held.symbols, 0)
    functions = tuple(sorted(tree.holding))
    own = np.array([tree.self_of(f) for f in functions])
    total = np.array([tree.total((f,)) for f in functions])
    return FunctionTable(functions, own, total, held.hits.sum(axis=1), 0.0, 3600.0, 0)


def examined(
    old: Program,
    new: Program,
    real: Function | None,
    plan: Plan,
    phi: float,
    draw: np.random.Generator,
) -> Case:
    """One case through the scan and the filters."""
    held = samples(old, new, plan, phi, draw)
    table = table_of(held)
    found = scan(table, FunctionSettings(), ALPHA).confirmed
    at = plan["tree"]["before"]
    stacks = [stack for stack in new.weights if real is not None and real in stack]
    fine = {f.id for stack in stacks for f in stack}
    told, standing, named = [], [], set()
    for group in groups(found):
        first = max(group.at - 72, 0)
        tree = indexed(held.hits[first : group.at + 48], held.nodes, held.symbols, group.at - first)
        around = Around(tree, _cost(old, new, draw), _requests(old, new, draw))
        looked = judged(group, table, around, FunctionSettings())
        told += [one.rise.function for _, one in looked]
        standing += [one.rise.function for _, one in looked if one.stands]
        chosen = representative([one for _, one in looked])
        if chosen is not None:
            named.add(chosen.rise.function)
    del at
    return Case(
        raw=any(f not in fine for f in told),
        wrong=any(f not in fine for f in standing),
        found=real is not None and real.id in told,
        kept=real is not None and named == {real.id},
    )


def _cost(old: Program, new: Program, draw: np.random.Generator) -> Cost | None:
    """CPU seconds per request, known of every second service."""
    if draw.random() < 0.5:
        return None
    error = CPU_NOISE * math.sqrt(1.0 / 72.0 + 1.0 / 30.0)
    before, after = (p.total() / sum(p.requests.values()) for p in (old, new))
    return Cost(before, after * math.exp(draw.normal(0.0, error)), error)


def _requests(
    old: Program, new: Program, draw: np.random.Generator
) -> dict[str, tuple[float, float]]:
    return {
        name: (float(draw.poisson(72.0 * old.requests[name])), float(draw.poisson(30.0 * n)))
        for name, n in new.requests.items()
    }


def cases(kind: str, plan: Plan, number: int, seed: int, *, beside: bool) -> list[Case]:
    """`number` cases of one kind of change."""
    found = []
    for i in range(number):
        draw = np.random.default_rng((seed, *kind.encode(), int(beside), i))
        old = program(plan, draw)
        changed = pick(old, plan["change"]["share"], draw, set())
        new = CHANGES[kind](old, changed, draw)
        real = None
        if beside:
            touched = {f for s in old.weights if changed in s for f in s}
            gone = {f for s in old.weights for f in s} - {f for s in new.weights for f in s}
            real = pick(old, plan["change"]["share"], draw, touched | gone)
            low, high = (math.log(end) for end in plan["change"]["rise"])
            new = regressed(new, real, math.exp(draw.uniform(low, high)))
        phi = plan["tree"]["dispersions"][i % len(plan["tree"]["dispersions"])]
        found.append(examined(old, new, real, plan, phi, draw))
    return found


def part(hits: int, of: int) -> str:
    """`98.0 % (93.0 … 99.8)`, Clopper and Pearson."""
    if not of:
        return "-"
    low = beta_quantile(0.025, hits, of - hits + 1) if hits else 0.0
    high = beta_quantile(0.975, hits + 1, of - hits) if hits < of else 1.0
    return f"{100 * hits / of:.1f} % ({100 * low:.1f} … {100 * high:.1f})"


def main(arguments: Sequence[str]) -> int:
    """The table; 1 where the control rejects, or the filters do not."""
    parser = argparse.ArgumentParser(prog="refactorings")
    parser.add_argument("--cases", type=int, default=100, help="of each kind, alone and beside")
    parser.add_argument("--tuning", action="store_true", help="the seeds to choose thresholds on")
    parser.add_argument("--kinds", nargs="*", default=list(CHANGES))
    options = parser.parse_args(arguments)
    plan = composition()
    seed = plan["seeds"]["tuning" if options.tuning else "evaluation"]
    print(f"{'change':>9}  {'rejected':24} {'beside a regression':24} {'it is kept':24} unfiltered")
    sums = np.zeros(7, dtype=int)
    for kind in options.kinds:
        alone = cases(kind, plan, options.cases, seed, beside=False)
        beside = cases(kind, plan, options.cases, seed, beside=True)
        line = np.array(
            [
                sum(not c.wrong for c in alone), len(alone),
                sum(not c.wrong for c in beside), len(beside),
                sum(c.kept for c in beside if c.found), sum(c.found for c in beside),
                sum(not c.raw for c in alone),
            ]
        )  # fmt: skip
        sums += line
        _print(kind, line)
    _print("all", sums)
    print(f"goal: {GOAL:.0%} of each")
    return int(sums[6] > 0.5 * sums[1])


def _print(kind: str, line: np.ndarray) -> None:
    columns = (part(int(line[i]), int(line[i + 1])) for i in (0, 2, 4))
    cells = " ".join(f"{column:24}" for column in columns)
    print(f"{kind:>9}  {cells} {part(int(line[6]), int(line[1]))}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
