"""The smallest change of a share that one look finds with 90 % power, and how often it is wrong.

    python -m tests.bench.share_scan [--series 400] [--tuning]

In units of the binomial limit: what a test that knew the time of the change would find with that
power at the same chance of being wrong, (z(alpha / 2) + z(0.1)) sqrt(phi p (1 - p) (1/m + 1/n)).
The control is the same test without over-dispersion: it must be wrong where there is some.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from perfd.detect.scan.binomial import best_rate_split
from perfd.detect.scan.settings import ScanSettings
from perfd.detect.scan.shares import Shares
from perfd.detect.scan.tails import scan_tail
from perfd.detect.scan.walk import View
from perfd.detect.tails import normal_quantile
from tests.bench.detection_corpus import composition

Array = NDArray[np.float64]

SETTINGS = ScanSettings()
POWER = 0.9
GOAL = 1.25
MULTIPLES = (1.0, 1.1, 1.2, 1.3, 1.45, 1.6, 1.8)


def counts(
    rate: Array, samples: int, dispersion: float, series: int, draw: np.random.Generator
) -> Array:
    """Beta-binomial k (series, cells) of `samples` each, with that much more variance."""
    shape = (series, len(rate))
    if dispersion <= 1.0:
        return draw.binomial(samples, rate, shape).astype(float)
    size = (samples - 1.0) / (dispersion - 1.0) - 1.0
    return draw.binomial(samples, draw.beta(rate * size, (1.0 - rate) * size, shape)).astype(float)


def found(k: Array, samples: int) -> int:
    """Series with a step that passes every filter, in one look."""
    none = np.zeros(len(k), dtype=np.int64)
    view = View(slice(None), 0, k.shape[1], none, none.astype(float))
    steps = Shares(k, np.full_like(k, float(samples)), SETTINGS).evaluate(view)
    return sum(step.passed for step in steps)


def blind(k: Array, samples: int) -> int:
    """The control: as if all variance were binomial."""
    split = best_rate_split(k, np.full_like(k, float(samples)), SETTINGS.least)
    root = np.abs(split.root) * np.sqrt(split.dispersion)
    return int((scan_tail(root, split.edge) < SETTINGS.alpha).sum())


def limit(rate: float, samples: int, dispersion: float, before: int, after: int) -> float:
    """The difference of rates that a test of known time finds with 90 % power."""
    z = normal_quantile(1.0 - SETTINGS.alpha / 2.0) + normal_quantile(POWER)
    spread = dispersion * rate * (1.0 - rate) / samples * (1.0 / before + 1.0 / after)
    return z * math.sqrt(spread)


def smallest(powers: Sequence[float]) -> float:
    """The multiple of the limit where the power passes 90 %, interpolated; inf if it never does."""
    for i, power in enumerate(powers):
        if power >= POWER:
            if i == 0:
                return MULTIPLES[0]
            part = (POWER - powers[i - 1]) / (power - powers[i - 1])
            return MULTIPLES[i - 1] + part * (MULTIPLES[i] - MULTIPLES[i - 1])
    return math.inf


def main(arguments: Sequence[str]) -> int:
    """The table; 1 when the control is never wrong."""
    parser = argparse.ArgumentParser(prog="share_scan", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--series", type=int, default=400, help="of each cell of the table")
    parser.add_argument("--tuning", action="store_true", help="the seeds to choose thresholds on")
    options = parser.parse_args(arguments)
    plan, seeds = composition()["shares"], composition()["seeds"]
    draw = np.random.default_rng(seeds["tuning" if options.tuning else "evaluation"])
    before, after = plan["before"], plan["after"]
    new = np.arange(before + after) >= before
    print(f"{'share':>7} {'samples/h':>9} {'phi':>4}  {'d90 / limit':>11}  wrong  control wrong")
    naive = 0
    for rate in plan["rates"]:
        for samples in plan["samples"]:
            for phi in plan["dispersions"]:
                least = limit(rate, samples, phi, before, after)
                powers = [
                    found(
                        counts(rate + m * least * new, samples, phi, options.series, draw), samples
                    )
                    / options.series
                    for m in MULTIPLES
                ]
                quiet = counts(np.full(len(new), rate), samples, phi, 5 * options.series, draw)
                naive += (control := blind(quiet, samples))
                print(
                    f"{rate:7.3%} {samples:9d} {phi:4.0f}  {smallest(powers):11.2f}  "
                    f"{found(quiet, samples)} in {len(quiet)}  {control}",
                    flush=True,
                )
    print(f"goal: {GOAL}")
    return int(naive == 0)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
