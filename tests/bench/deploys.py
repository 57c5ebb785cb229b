"""How often a deploy that made something worse gets its ticket, and how often an equal one.

    python -m tests.bench.deploys [--deploys 200] [--unchanged 4000] [--jobs 2] [--only A/A]

Each simulated deploy (tests/bench/deploy_world.py) is looked at after 30 and 40 minutes by the code
that the daemon runs, at the shipped defaults. A row says how many got the right ticket (the
operation and the metric that changed) and how many a wrong one. The controls in the same run
(tests/bench/deploy_controls.py) get the same budget of 1 in 200 and must exceed it.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass, replace

from perfd.detect import measures
from perfd.detect.case import DeployCase
from perfd.detect.deploy import judge
from perfd.detect.tails import binomial_tail
from perfd.model.finding import Finding
from tests.bench.deploy_controls import Controls, controls
from tests.bench.deploy_mde import smallest
from tests.bench.deploy_rows import PROMISED, Row, rows
from tests.bench.deploy_world import DEPLOYED, MINUTE, Shape, simulate

FIRST_LOOK = 32.0  # minutes after the deploy: the look after 30, and some lateness
DOUBT = 1e-3
EVALUATION_SEED = 200_000
FEWEST = 100  # deploys, below which the controls may be lucky
PROGRESS = 500  # deploys after which a long row says how far it is


@dataclass(frozen=True)
class Outcome:
    """Of one deploy: was the right ticket opened, a wrong one, and what did the controls say."""

    right: bool
    wrong: str
    controls: Controls


@dataclass(frozen=True)
class Task:
    """One deploy of a row."""

    shape: Shape
    seed: int


def run(task: Task) -> Outcome:
    """The looks at one deploy, as the daemon takes them."""
    whole = simulate(task.shape, task.seed)
    opened = _opened(whole)
    right = opened is not None and _right(task.shape, opened)
    wrong = "" if right or opened is None else f"{opened.operation or 'all'} {opened.metric}"
    return Outcome(right, wrong, controls(whole, DEPLOYED + 42 * MINUTE, PROMISED))


def _opened(whole: DeployCase) -> Finding | None:
    """The finding of the first look that opened one."""
    at = DEPLOYED + FIRST_LOOK * MINUTE
    for number in range(9):
        judged = judge(_until(replace(whole, looks=number), at), at)
        opened = [f.finding for f in judged.found if f.finding.opened]
        due = judged.judgement.due
        if opened or due is None or max(due, at + MINUTE) > whole.end:
            return next(iter(opened), None)
        at = max(due, at + MINUTE) + 2.0 * MINUTE
    return None


def _until(case: DeployCase, end: float) -> DeployCase:
    """What the store holds at that time."""
    requests = tuple(w for w in case.requests if w.start < end)
    return replace(
        case, end=end, requests=requests, cpu=tuple(g for g in case.cpu if g.start < end)
    )


def _right(shape: Shape, opened: Finding) -> bool:
    """Whether the finding is of the operation and the metric that the deploy changed."""
    if shape.cpu != 1.0:
        return opened.metric == measures.CPU
    if shape.errors != 1.0:
        return (opened.metric, opened.operation) == (measures.ERROR_RATE, f"GET /{shape.slow}")
    slower = opened.metric in (measures.LATENCY_MEAN, measures.LATENCY_P95)
    return shape.effect != 1.0 and slower and opened.operation == f"GET /{shape.slow}"


# --- the table ------------------------------------------------------------------------------------

HEADER = f"{'':<52} {'found':>6} {'wrong':>13}  {'Welch':>6} {'M-W':>6} {'Kayenta':>7} {'score':>6}"


def measured(row: Row, deploys: int, seed: int, pool: Executor) -> list[Outcome]:
    """All deploys of a row; a long one says how far it is."""
    work = [Task(row.shape, seed + number) for number in range(deploys)]
    outcomes: list[Outcome] = []
    for outcome in pool.map(run, work, chunksize=4):
        outcomes.append(outcome)
        if len(outcomes) % PROGRESS == 0 and len(outcomes) < deploys:
            wrong = sum(bool(o.wrong) for o in outcomes)
            print(f"  … {len(outcomes)} of {deploys}: {wrong} wrong", file=sys.stderr, flush=True)
    return outcomes


def line(row: Row, outcomes: Sequence[Outcome]) -> str:
    """A row of the table: shares of the deploys, and what was promised of it."""
    found = f"{sum(o.right for o in outcomes) / len(outcomes):6.3f}"
    wrong = sum(bool(o.wrong) for o in outcomes)
    shares = [sum(c) / len(outcomes) for c in zip(*(o.controls for o in outcomes), strict=True)]
    cells = "{:6.3f} {:6.3f} {:7.3f} {:6.3f}".format(*shares)
    promise = f"  promised >= {row.power}" if row.power else ""
    changed = found if row.changes else "     -"
    return f"{row.name:<52} {changed} {wrong:5d} of {len(outcomes):4d}  {cells}{promise}"


def broken(row: Row, outcomes: Sequence[Outcome]) -> bool:
    """Whether the promises of a row are missed beyond doubt."""
    wrong = sum(bool(o.wrong) for o in outcomes)
    missed = sum(not o.right for o in outcomes)
    few = row.power and binomial_tail(missed, len(outcomes), 1.0 - row.power) < DOUBT
    return bool(few) or binomial_tail(wrong, len(outcomes), row.wrong) < DOUBT


def blind(outcomes: Sequence[Outcome]) -> bool:
    """Whether the controls do as well as perfd without a change: then the row proves nothing."""
    naive = sum(o.controls.welch and o.controls.mann_whitney for o in outcomes)
    return len(outcomes) >= FEWEST and binomial_tail(naive, len(outcomes), PROMISED) >= DOUBT


def main(arguments: Sequence[str]) -> int:
    """The table; 1 when a promise is missed beyond doubt, or the controls keep it as well."""
    options = _options(arguments)
    print(f"seeds from {options.seed}, each row the same; controls at 1 in 200 as well")
    print(HEADER, flush=True)
    failed = False
    with ProcessPoolExecutor(options.jobs) as pool:
        for row in rows():
            if not any(part in row.name for part in options.only.split("|")):
                continue
            started = time.monotonic()
            deploys = options.unchanged if row.main else options.deploys
            outcomes = measured(row, deploys, options.seed, pool)
            failed |= broken(row, outcomes) or (row.main and blind(outcomes))
            print(line(row, outcomes), flush=True)
            if options.explain:
                print(*(f"    {o.wrong}\n" for o in outcomes if o.wrong), sep="", end="")
            took = time.monotonic() - started
            print(f"  {took:.0f} s", file=sys.stderr, flush=True)
    print(*smallest(options.seed), sep="\n")
    return int(failed)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="deploys", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--deploys", type=int, default=200, help="of each row")
    parser.add_argument("--unchanged", type=int, default=200, help="of the two main A/A rows")
    parser.add_argument("--seed", type=int, default=EVALUATION_SEED)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", default="", help="rows whose names hold this, or |this")
    parser.add_argument("--explain", action="store_true", help="what the wrong tickets were about")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
