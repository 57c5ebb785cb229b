"""Shares of profile samples: the smallest change that is found, and how often none is one.

    python -m tests.bench.share_scan [--series 200] [--quarters 8] [--tuning]

**Smallest**: in units of the limit, what the exact test (binomial, beta-binomial) of a known time
and dispersion finds with 90 % power on the same counts at the same chance of being wrong; alpha is
what one function of a thousand is given at the shipped defaults. One look of the scan, which
searches the time; and the test of a known time, which estimates the dispersion. **Wrong**: quarters
of a service of 1,000 functions in which nothing changes, evaluated every six hours at the shipped
defaults, self and total samples drawn apart. The control is a two-proportion z-test of each
function at the same alpha: it must be wrong.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perfd.detect.budget import HELD, PARTS, PRUDENCE, SCAN
from perfd.detect.functions.comparison import compare
from perfd.detect.functions.scan import EVERY, SAMPLES, operating_point
from perfd.detect.functions.settings import FunctionSettings
from perfd.detect.scan.beta_binomial import clustered_tail
from perfd.detect.scan.binomial import SCREEN
from perfd.detect.scan.shares import Shares
from perfd.detect.scan.walk import View, Walk
from perfd.detect.tails import beta_quantile, binomial_mid_tail, normal_quantile
from tests.bench.detection_corpus import composition
from tests.bench.function_trees import composition as functions

Array = NDArray[np.float64]

ALPHA = HELD * PARTS[SCAN] * PRUDENCE  # of one scan of a service, where its budget is full
SETTINGS = operating_point(FunctionSettings(), ALPHA, 2 * FunctionSettings().most)
POWER = 0.9
LAXER = 20.0 * SETTINGS.alpha
WINDOW = SETTINGS.window
GOALS = "goals: scan 1.25, known time 1.05; 0.1 wrong findings in a service-quarter"
MULTIPLES = (0.9, 1.0, 1.05, 1.1, 1.15, 1.2, 1.3, 1.4, 1.55, 1.75, 2.0)
BLOCKS = 200  # resamples for an interval


def counts(rate: Array, samples: int, phi: float, draw: np.random.Generator) -> Array:
    """Beta-binomial k of `samples` each for rates of any shape, with phi times the variance."""
    if phi <= 1.0:
        return draw.binomial(samples, rate).astype(float)
    size = (samples - 1.0) / (phi - 1.0) - 1.0
    return draw.binomial(samples, draw.beta(rate * size, (1.0 - rate) * size)).astype(float)


def scanned(k: Array, samples: int, before: int) -> NDArray[np.bool_]:
    """Which series have a step that passes every filter, in one look."""
    del before
    none = np.zeros(len(k), dtype=np.int64)
    view = View(slice(None), 0, k.shape[1], none, none.astype(float))
    hit = np.zeros(len(k), dtype=bool)
    for step in Shares(k, np.full_like(k, float(samples)), SETTINGS).evaluate(view):
        hit[step.row] |= step.passed
    return hit


def known(k: Array, samples: int, before: int) -> NDArray[np.bool_]:
    """Which series have changed at a time that is known."""
    n = np.full(k.shape[1], float(samples))
    found = [compare(row, n, before) for row in k]
    return np.array([one is not None and one.p < SETTINGS.alpha / 2.0 for one in found])


def exact(k: Array, samples: int, before: int, phi: float) -> NDArray[np.bool_]:
    """The same where the dispersion is known as well: the limit."""
    n0, n1 = before * float(samples), (k.shape[1] - before) * float(samples)
    sides = [(float(row[:before].sum()), float(row[before:].sum())) for row in k]
    p = [
        clustered_tail(k1, n1, k0, n0, phi)
        if phi > 1.0
        else binomial_mid_tail(k1, k0 + k1, n1 / (n0 + n1))
        for k0, k1 in sides
    ]
    return np.array(p) < SETTINGS.alpha / 2.0


def unit(rate: float, samples: int, phi: float, before: int, after: int) -> float:
    """The limit of many counts, about: (z(alpha / 2) + z(0.1)) sqrt(phi p (1 - p) (1/m + 1/n))."""
    z = normal_quantile(1.0 - SETTINGS.alpha / 2.0) + normal_quantile(POWER)
    return z * math.sqrt(phi * rate * (1.0 - rate) / samples * (1.0 / before + 1.0 / after))


def smallest(hits: NDArray[np.bool_], limits: NDArray[np.bool_], draw: np.random.Generator) -> str:
    """Where the power of (multiples, series) passes 90 %, by where the limit's does (bootstrap)."""
    again = []
    for _ in range(BLOCKS):
        chosen = draw.integers(0, hits.shape[1], hits.shape[1])
        own, least = (_crossing(x[:, chosen].mean(axis=1)) for x in (hits, limits))
        again.append(own / least)
    low, high = np.sort(again)[[round(0.025 * BLOCKS), round(0.975 * BLOCKS) - 1]]
    found = _crossing(hits.mean(axis=1)) / _crossing(limits.mean(axis=1))
    return f"{found:.3f} ({low:.2f} … {high:.2f})"


def _crossing(powers: Array) -> float:
    for i, power in enumerate(powers):
        if power >= POWER:
            if i == 0:
                return MULTIPLES[0]
            part = (POWER - powers[i - 1]) / (power - powers[i - 1])
            return MULTIPLES[i - 1] + part * (MULTIPLES[i] - MULTIPLES[i - 1])
    return math.inf


def print_smallest(plan: Mapping[str, Any], series: int, draw: np.random.Generator) -> None:
    """The first table."""
    before, after = plan["before"], plan["after"]
    new = np.arange(before + after) >= before
    print(f"{'share':>7} {'samples/h':>9} {'phi':>4}  {'scan':20} {'known time':20}")
    tests: tuple[Callable[[Array, int, int], NDArray[np.bool_]], ...] = (scanned, known)
    for rate in plan["rates"]:
        for samples in plan["samples"]:
            for phi in plan["dispersions"]:
                least = unit(rate, samples, phi, before, after)
                found: list[list[NDArray[np.bool_]]] = [[], []]
                limits = []
                for m in MULTIPLES:
                    rates = np.broadcast_to(rate + m * least * new, (series, len(new)))
                    k = counts(rates, samples, phi, draw)
                    for test, hits in zip(tests, found, strict=True):
                        hits.append(test(k, samples, before))
                    limits.append(exact(k, samples, before, phi))
                told = " ".join(
                    f"{smallest(np.array(hits), np.array(limits), draw):20}" for hits in found
                )
                print(f"{rate:7.3%} {samples:9d} {phi:4.0f}  {told}", flush=True)


def quarter(plan: Mapping[str, Any], phi: float, draw: np.random.Generator) -> tuple[int, int]:
    """Wrong findings of a service in a quarter: of the scan, and of the control."""
    share = np.exp(draw.normal(0.0, plan["spread"], plan["functions"]))
    rate = np.tile(share / share.sum(), 2)
    cells, samples = plan["weeks"] * 168, plan["samples"]
    k = counts(np.broadcast_to(rate[:, None], (len(rate), cells)), samples, phi, draw)
    k = k[k.sum(axis=1) >= 2.0 * SAMPLES]
    wrong = sum(naive(k[:, end - 336 : end], samples) for end in range(336, cells + 1, EVERY))
    k = k[restless(k, samples)]
    walk = Walk(Shares(k, np.full_like(k, float(samples)), SETTINGS), SETTINGS)
    for end in range(336, cells + 1, EVERY):
        walk.look(end)
    rises = sum(seen.step.shift > 0.0 for seen in walk.confirmed)
    return rises, wrong


def restless(k: Array, samples: int) -> NDArray[np.bool_]:
    """Which rows are worth a walk: those that pass a screen, laxer than the scan's own, once."""
    sums, squares = (np.cumsum(np.pad(x, ((0, 0), (1, 0))), axis=1) for x in (k, k * k))
    some = np.zeros(len(k), dtype=bool)
    least = normal_quantile(1.0 - 0.5 * LAXER) / SCREEN
    for end in range(WINDOW, k.shape[1] + 1, EVERY):
        first = end - WINDOW
        cuts = np.arange(first + SETTINGS.least, end - SETTINGS.least + 1, 3)
        whole = (sums[:, end] - sums[:, first])[:, None]
        rate = whole / (WINDOW * samples)
        variance = np.maximum(rate * (1.0 - rate) * samples, 1e-12)
        spread = (squares[:, end] - squares[:, first])[:, None] - whole**2 / WINDOW
        left, m = sums[:, cuts] - sums[:, [first]], cuts - first
        square = (left - m * samples * rate) ** 2 / (variance * m * (WINDOW - m) / WINDOW)
        some |= square.max(axis=1) >= least**2 * np.maximum(spread / variance / WINDOW, 1.0)[:, 0]
    return some


def naive(k: Array, samples: int) -> int:
    """The control: the last day against the days before it, as if all variance were binomial."""
    n0, n1 = 312.0 * samples, 24.0 * samples
    k0, k1 = k[:, :-24].sum(axis=1), k[:, -24:].sum(axis=1)
    pooled = (k0 + k1) / (n0 + n1)
    z = (k1 / n1 - k0 / n0) / np.sqrt(np.maximum(pooled * (1 - pooled), 1e-300) * (1 / n0 + 1 / n1))
    return int((z > normal_quantile(1.0 - SETTINGS.alpha / 2.0)).sum())


def print_quiet(plan: Mapping[str, Any], quarters: int, draw: np.random.Generator) -> int:
    """The second table; returns what the control found."""
    print(f"{'phi':>4}  wrong findings, of service-quarters   control")
    sums = np.zeros(3, dtype=int)
    for phi in plan["dispersions"]:
        found = np.array([quarter(plan, phi, draw) for _ in range(quarters)]).sum(axis=0)
        sums += (int(found[0]), quarters, int(found[1]))
        print(f"{phi:4.0f}  {found[0]} in {quarters:28}  {found[1]}", flush=True)
    most = _poisson_upper(int(sums[0])) / max(int(sums[1]), 1)
    per = sums[0] / max(int(sums[1]), 1)
    print(f" all  {sums[0]} in {sums[1]}: {per:.3f} a quarter, with 95 % at most {most:.3f}")
    return int(sums[2])


def _poisson_upper(found: int) -> float:
    """The one-sided 95 % bound of a mean of which `found` were seen: chi squared, by the beta."""
    large = 1e7  # a binomial of so many trials is a Poisson
    return large * beta_quantile(0.95, found + 1.0, large - found)


def main(arguments: Sequence[str]) -> int:
    """Both tables; 1 when the control is never wrong."""
    parser = argparse.ArgumentParser(prog="share_scan", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--series", type=int, default=200, help="of each cell of the first table")
    parser.add_argument("--quarters", type=int, default=8, help="of each dispersion")
    parser.add_argument("--tuning", action="store_true", help="the seeds to choose thresholds on")
    options = parser.parse_args(arguments)
    seeds = functions()["seeds"]
    draw = np.random.default_rng(seeds["tuning" if options.tuning else "evaluation"])
    print(f"alpha {SETTINGS.alpha:.1e} of each of {2 * FunctionSettings().most} shares; {GOALS}")
    if options.series:
        print_smallest(composition()["shares"], options.series, draw)
    if not options.quarters:
        return 0
    return int(print_quiet(functions()["quiet"], options.quarters, draw) == 0)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
