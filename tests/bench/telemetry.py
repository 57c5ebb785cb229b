"""How telemetry changes what perfd finds: wrong tickets and power, by what a service sends.

    python -m tests.bench.telemetry [--worlds 40] [--seed 810000] [--jobs 2]

Each world is the whole daemon in virtual time (tests/scenarios/world.py) with a day of history: one
operation with 4 requests a second, log-normal latency of sd 0.5, window effects of sd 2 % with
correlation .7, three instances. There should be no ticket after a deploy of an equal build, and one
of about its ratio after one that is 20 % slower. With `tail` the sampler that keeps slow and failed
requests and a twentieth of the rest begins with the deploy; without a metric beside it, the ratio
that a ticket then names is not that of all requests. The control compares p95 of the spans that
arrived, as a dashboard would: it must show a regression in equal builds whose tail sampler began.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np

from perfd.model.histogram import EMPTY
from perfd.model.series import REQUESTS
from perfd.model.ticket import State
from tests.scenarios.reporting import DELTA, EXPONENTIAL, Reporting
from tests.scenarios.world import Operation, World

EVALUATION_SEED = 810_000
RATE, SLOWER, MINUTES = 4.0, 1.2, 45.0
DASHBOARD = 1.1  # a p95 that is higher by so much is a regression to the eye
MOST_WRONG = 0.05  # of the equal builds of a kind; 0.5 % is promised, and 40 worlds cannot tell
LEAST_POWER = 0.9

KINDS: Mapping[str, Mapping[str, Any]] = {
    "spans": {},
    "spans, one in ten": {"sampled": 0.1},
    "metric, explicit": {"spans": False, "metrics": True},
    "metric, explicit, delta": {"spans": False, "metrics": True, "temporality": DELTA},
    "metric, exponential": {"spans": False, "metrics": True, "histogram": EXPONENTIAL},
    "spans and metric": {"metrics": True},
    "tail and metric": {"metrics": True},
    "tail": {},
}


@dataclass(frozen=True)
class Result:
    """Of one world: the ratio that its ticket names (0 for none), and what a dashboard shows."""

    ticket: float
    dashboard: float


def slow_and_failed(durations: np.ndarray, failed: np.ndarray) -> np.ndarray:
    """What most tail samplers keep."""
    return np.asarray((durations > 0.080) | failed | (durations * 1e6 % 20.0 < 1.0))


def one(kind: str, slower: float, seed: int) -> Result:
    """A deploy in a world of its own."""
    world = World(seed=seed)
    told = Reporting(**KINDS[kind])
    service = world.service("pricing", Operation(rate=RATE), reporting=told)
    world.run(minutes=5)
    service.deploy("1.1.0", slower=slower)
    if kind.startswith("tail"):
        service.reporting.tail = slow_and_failed
    world.run(minutes=MINUTES)
    opened = [t for t in world.tickets() if t.state is not State.DROPPED]
    ratios = [t.effect.ratio or 0.0 for t in opened if t.effect is not None]
    return Result(max(ratios, default=0.0), _dashboard(world))


def _dashboard(world: World) -> float:
    """p95 of the spans of the new version by that of the old one."""
    levels = []
    for version in ("1.0.0", "1.1.0"):
        held = EMPTY
        labels = {"service": "pricing", "version": version}
        for window in world.store.windows(REQUESTS, labels, world.now - 7200.0, world.now):
            held = held.merge(window.histogram)
        levels.append(held.quantile(0.95))
    return levels[1] / levels[0]


def main(argv: Sequence[str]) -> int:
    """Print a line for each kind; 1 where one is wrong too often, or the control is right."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--worlds", type=int, default=40, help="of each kind and each of two builds"
    )
    parser.add_argument("--seed", type=int, default=EVALUATION_SEED)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args(argv)
    seeds = range(options.seed, options.seed + options.worlds)
    failed = []
    print(f"{'':26}equal build      {SLOWER - 1.0:.0%} slower")
    print(f"{'telemetry':26}wrong tickets    found   ratio    p95 of spans, equal build")
    with ProcessPoolExecutor(options.jobs) as pool:
        for kind in KINDS:
            equal = list(pool.map(one, repeat(kind), repeat(1.0), seeds))
            slower = list(pool.map(one, repeat(kind), repeat(SLOWER), seeds))
            failed += _line(kind, equal, slower)
    for words in failed:
        print(f"FAILED: {words}")
    return 1 if failed else 0


def _line(kind: str, equal: Sequence[Result], slower: Sequence[Result]) -> list[str]:
    worlds = len(equal)
    wrong = sum(r.ticket > 0.0 for r in equal)
    ratios = [r.ticket for r in slower if r.ticket > 0.0]
    seen = [r.dashboard for r in equal if r.dashboard == r.dashboard]
    looks = f"{statistics.median(seen):8.2f}" if seen else "       –"
    ratio = f"{statistics.median(ratios):.2f}" if ratios else "–"
    found = len(ratios) / worlds
    print(f"{kind:26}{wrong:3} of {worlds:<8}{found:8.0%}{ratio:>8}{looks}", flush=True)
    failed = []
    if wrong > MOST_WRONG * worlds:
        failed.append(f"{kind}: {wrong} wrong tickets in {worlds} equal builds")
    if kind != "tail" and found < LEAST_POWER:
        failed.append(f"{kind}: {found:.0%} of the slower builds were found")
    if kind.startswith("tail") and statistics.median(seen) < DASHBOARD:
        failed.append(f"{kind}: the control shows nothing, so the worlds prove nothing")
    return failed


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
