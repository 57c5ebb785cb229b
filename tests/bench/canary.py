"""How often an equal canary is ever suspected, and how soon one is that is worse.

    python -m tests.bench.canary [--runs 2000] [--deploys 40] [--only A/A]

A/A: two equal versions beside each other for 10,000 minutes, looked at after each; a row says in
how many runs the sequence of *one* operation ever passed, where it was given alpha = 0.05, so that
crossings can be counted at all (a deploy is given 0.01 over all of its sequences). Cells are drawn
from the weather of tests/bench/deploy_world.py: window effects of 2 %, AR(1) .7, restarts of 1 %,
bursts of errors; in "each its own" rows no part of it is common to the two versions. The floor of
5 % alone would keep latency quiet; the last rows are without it, and without what differs between
two starts. The control is a test at the same alpha at each look, which crosses sooner or later.

Delay: whole deploys of that world, windows and all, through the code that the daemon runs, at one
look a minute; minutes from the deploy until the operation that got worse is suspected.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from perfd.detect.canary.case import CanaryCase
from perfd.detect.canary.sequences import evidence, interval
from perfd.detect.canary.watch import LEAST_BETWEEN, REMEMBERS, watch
from perfd.detect.settings import DetectSettings
from perfd.detect.tails import normal_tail
from tests.bench.deploy_world import DEPLOYED, MINUTE, Shape, simulate
from tests.bench.requests import Array

PEEKS = 10_000
ALPHA = 0.05
RHO, WINDOW_SD, RESTART_SD, SPREAD = 0.7, 0.02, 0.01, 0.8
ERROR_RATE, ERROR_SD = 0.01, 0.5
FLOOR = math.log1p(DetectSettings().floor)
SEED = 500_000
GOAL_MINUTES = 15.0


@dataclass(frozen=True)
class Null:
    """Requests a minute of an operation, the canary's share, and whose its weather is."""

    name: str
    rate: float
    share: float
    own: float  # part of the variance of window effects that each version has for itself
    restart_sd: float = RESTART_SD
    floor: float = FLOOR  # what latency has to pass


NULLS = (
    Null("A/A, 1,000/min, 50 %", 1000.0, 0.5, 0.0),
    Null("A/A, 1,000/min, 5 %", 1000.0, 0.05, 0.0),
    Null("A/A, 100/min, 5 %", 100.0, 0.05, 0.0),
    Null("A/A, 1,000/min, 50 %, each its own", 1000.0, 0.5, 1.0),
    Null("A/A, 1,000/min, 5 %, each its own", 1000.0, 0.05, 1.0),
    Null("A/A, no restarts, floor 0, each its own", 1000.0, 0.5, 1.0, 0.0, 0.0),
    Null("A/A, no restarts, floor 0, 20/min", 20.0, 0.5, 1.0, 0.0, 0.0),
)


def effects(rng: np.random.Generator, sd: float) -> Array:
    """AR(1) over all minutes."""
    steps = rng.standard_normal(PEEKS) * sd * math.sqrt(1.0 - RHO * RHO)
    value = rng.normal(0.0, sd)
    found = np.empty(PEEKS)
    for at, step in enumerate(steps.tolist()):
        value = RHO * value + step
        found[at] = value
    return found


def latency(null: Null, rng: np.random.Generator) -> tuple[bool, bool]:
    """Whether the sequence ever passes the floor, and whether a test at each look does."""
    counts = [rng.poisson(null.rate * part, PEEKS) for part in (1.0 - null.share, null.share)]
    n = [np.maximum(count, 1).astype(float) for count in counts]
    own = WINDOW_SD * math.sqrt(null.own)
    levels = [
        (effects(rng, own) if own else 0.0)
        + rng.normal(0.0, null.restart_sd)
        + rng.normal(0.0, 1.0, PEEKS) * SPREAD / np.sqrt(n[side])
        for side in (0, 1)
    ]
    long_run = max(WINDOW_SD**2 * (1.0 + RHO) / (1.0 - RHO), LEAST_BETWEEN)
    sampling = SPREAD**2 * (1.0 / n[0] + 1.0 / n[1])
    difference = levels[1] - levels[0]
    ever = bool((interval(difference, sampling + 2.0 * long_run, ALPHA)[0] > null.floor).any())
    total = np.cumsum(1.0 / sampling)
    z = np.cumsum(difference / sampling) / np.sqrt(total)
    return ever, bool(any(normal_tail(float(v)) < ALPHA for v in z[: 24 * 60]))


def errors(null: Null, rng: np.random.Generator) -> tuple[bool, bool]:
    """The same of failures: bursts hit both versions, or each of four instances for itself."""
    n = [rng.poisson(null.rate * part, PEEKS) for part in (1.0 - null.share, null.share)]
    common = np.exp(effects(rng, ERROR_SD * math.sqrt(1.0 - null.own)))
    sd = ERROR_SD * math.sqrt(null.own)
    failed = []
    for side, instances in enumerate((4, 1 if null.share < 0.1 else 4)):
        own = sum(np.exp(effects(rng, sd) - 0.5 * sd * sd) for _ in range(instances)) / instances
        failed.append(rng.binomial(n[side], np.minimum(ERROR_RATE * common * own, 1.0)))
    old, new = (np.maximum(side, 1e-9).astype(float) for side in n)
    each = ERROR_RATE * null.rate * (1.0 - null.share) / 4.0  # failures of an old instance
    dispersion = 1.0 + REMEMBERS * each * (math.exp(sd * sd) - 1.0)  # what `scatter` would say
    told = evidence(failed[0].astype(float), old, failed[1].astype(float), new, dispersion)
    rates = [np.cumsum(k) / np.maximum(np.cumsum(m), 1) for k, m in zip(failed, n, strict=True)]
    beyond = (told >= -math.log(ALPHA)) & (rates[1] - rates[0] >= DetectSettings().error_floor)
    pooled = ERROR_RATE * (1.0 / np.cumsum(old) + 1.0 / np.cumsum(new))
    z = (rates[1] - rates[0]) / np.sqrt(pooled)
    return bool(beyond.any()), bool((z[: 24 * 60] > 1.645).any())


@dataclass(frozen=True)
class Worse:
    """What got worse, on a canary with a share of the traffic."""

    name: str
    rate: float
    share: float
    effect: float = 1.0
    errors: float = 1.0


def worse() -> Iterator[Worse]:
    """x1.3, x2 and errors 1 to 5 %, at 1,000 and 100 requests a minute, at 5 % and 50 %."""
    for rate in (1000.0, 100.0):
        for share in (0.05, 0.5):
            at = f"{rate:,.0f}/min, {share:.0%}"
            yield Worse(f"x1.3, {at}", rate, share, effect=1.3)
            yield Worse(f"x2, {at}", rate, share, effect=2.0)
            yield Worse(f"errors 1 to 5 %, {at}", rate, share, errors=5.0)


def delay(row: Worse, seed: int) -> float:
    """Minutes until it is suspected; infinite if not within half an hour."""
    shape = Shape(
        rates=(row.rate, row.rate / 2.0, row.rate / 5.0, row.rate / 10.0),
        effect=row.effect,
        errors=row.errors,
        after=30,
        history=120,
        canary=row.share,
        instances=1 if row.share < 0.1 else 4,
    )
    whole = simulate(shape, seed)
    case = CanaryCase(whole.deploy, whole.settings, 1.0, MINUTE, whole.end, whole.requests)
    for minute in range(1, 31):
        seen = watch(replace(case, end=DEPLOYED + minute * MINUTE))
        if any(one.operation == "GET /0" for one in seen):
            return float(minute)
    return math.inf


def main(argv: list[str]) -> int:
    """Exit 1 where equal canaries are suspected too often, or the control is not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--deploys", type=int, default=40)
    parser.add_argument("--only", default="")
    options = parser.parse_args(argv)
    bad = _equal(options.runs, options.only)
    print(f"\n{'minutes until suspected':34} {'median':>8} {'nine in ten':>12} {'within 30':>10}")
    for number, row in enumerate(worse()):
        if options.only in row.name:
            took = [delay(row, SEED + 1000 * number + n) for n in range(options.deploys)]
            took.sort()
            within = sum(math.isfinite(t) for t in took)
            ninth = took[math.ceil(0.9 * len(took)) - 1]
            told = f"{within}/{len(took)}"
            print(
                f"{row.name:34} {statistics.median(took):>8g} {ninth:>12g} {told:>10}", flush=True
            )
    return int(bad)


def _equal(runs: int, only: str) -> bool:
    """Rows of A/A; whether one of them is bad."""
    bad = False
    print(
        f"{'ever suspected in 10,000 looks':42} {'latency':>8} {'(test)':>8} {'errors':>8} (test)"
    )
    for number, null in enumerate(NULLS):
        if only not in null.name:
            continue
        rng = np.random.default_rng(SEED + number)
        ever = np.array([(*latency(null, rng), *errors(null, rng)) for _ in range(runs)])
        shares = ever.mean(axis=0)
        print(f"{null.name:42} " + " ".join(f"{share:>8.2%}" for share in shares), flush=True)
        error = math.sqrt(ALPHA * (1.0 - ALPHA) / runs)
        bad |= bool(max(shares[0], shares[2]) > ALPHA + 2.0 * error or shares[3] <= ALPHA)
    return bad


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
