"""Small counts: what of k in n can be said at all, and from how many on it would be.

A series that is mostly zero has no level whose logarithm could drift. It goes to the count test of
the scan (detect/scan/shares.py), which is exact in its tail, conditional on the exposure, and
divides by the over-dispersion; a plain count is the limit of it in which n is the exposure in
millions of chances. Here is what that test needs, so that silence is never taken for health.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perfd.detect.scan.binomial import dispersion
from perfd.detect.scan.settings import ScanSettings
from perfd.detect.tails import binomial_mid_tail
from perfd.model.finding import Check

Array = NDArray[np.float64]

CHANCES = 1e6  # of an exposure of 1: so many that a binomial count is a Poisson count
FEWEST_IN_BLOCK = 5.0  # of k, on average, for log-odds to be nearly normal
DAY = 24  # cells
ZEROS = 0.2  # of the blocks, above which a series is mostly zero


@dataclass(frozen=True, slots=True)
class Reach:
    """What a rise over the next cells would have to be: `count` of k or more, the rate `rate`.

    `usual` is the rate until now, `dispersion` how much more k varies than independent chances.
    """

    usual: float
    rate: float
    count: float
    dispersion: float

    @property
    def ratio(self) -> float | None:
        """The rate that would be seen against the usual one; None where nothing ever failed."""
        return self.rate / self.usual if self.usual > 0.0 else None


def exposed(k: Array, exposure: Array) -> tuple[Array, Array]:
    """Counts without a number of trials, as k in n for the scan of shares."""
    return k, exposure * CHANCES


def counted(k: Array, n: Array, block: int) -> Check:
    """Whether log-odds of blocks of cells say enough, or the count test has to speak.

    Its inputs say what that would see within a day: `least`, a rate, from `errors` of k on.
    """
    skipped = len(k) % block
    sums = np.nan_to_num(k[skipped:]).reshape(-1, block).sum(axis=1)
    served = np.nan_to_num(n[skipped:]).reshape(-1, block).sum(axis=1) > 0.0
    told = sums[served]
    mean = float(told.mean()) if len(told) else 0.0
    zeros = float((told == 0.0).mean()) if len(told) else 1.0
    passed = mean >= FEWEST_IN_BLOCK and zeros <= ZEROS
    verdict = f"{mean:.1f} in {block} hours on average, none in {zeros:.0%} of them"
    inputs: dict[str, float | int | str] = {"mean": mean, "zeros": zeros}
    seen = reach(k, n, DAY, ScanSettings().alpha)
    if seen is not None:
        verdict += f"; within a day {seen.count:.0f} or more would be seen ({seen.rate:.2%})"
        inputs |= {"errors": seen.count, "least": seen.rate, "dispersion": seen.dispersion}
    if not passed:
        verdict += ": too few to tell a drift, the count test speaks"
    return Check("counts", passed, verdict, inputs)


def log_odds(k: Array, n: Array, block: int) -> Array:
    """Per cell, the log-odds of its block of cells (the last block ends with the last cell).

    Half a count is added to both sides, so that none is infinite; NaN where nothing was served.
    """
    skipped = len(k) % block
    shape = (-1, block)
    errors = np.nan_to_num(k[skipped:]).reshape(shape).sum(axis=1)
    served = np.nan_to_num(n[skipped:]).reshape(shape).sum(axis=1)
    odds = np.log((errors + 0.5) / (served - errors + 0.5))
    odds = np.repeat(np.where(served > 0.0, odds, np.nan), block)
    return np.concatenate([np.full(skipped, np.nan), odds])


def reach(k: Array, n: Array, after: int, alpha: float) -> Reach | None:
    """The smallest rise over `after` cells more that is beyond chance at `alpha`, one-sided.

    `k` and `n` (cells), NaN or 0 where there is nothing; None where there never was anything. The
    test is the conditional binomial: of all k, so many on the new side, given the exposures.
    """
    k, n = np.nan_to_num(k), np.nan_to_num(n)
    cells = int((n > 0.0).sum())
    if cells == 0:
        return None
    usual = float(k.sum() / n.sum())
    spread = float(dispersion(k[None], n[None], np.array([[usual]]))[0]) if usual > 0.0 else 1.0
    new = float(n.sum()) / cells * after
    count = _least(float(k.sum()) / spread, float(n.sum()), new, alpha)
    return Reach(usual, min(count * spread / new, 1.0), count * spread, spread)


def _least(k0: float, n0: float, n1: float, alpha: float) -> float:
    """The smallest whole count on the new side whose tail is below alpha."""
    part = n1 / (n0 + n1)
    low, high = 0.0, 1.0
    while binomial_mid_tail(high, k0 + high, part) >= alpha:
        low, high = high, 2.0 * high
    while high - low > 1.0:
        middle = math.floor((low + high) / 2.0)
        if binomial_mid_tail(middle, k0 + middle, part) >= alpha:
            low = middle
        else:
            high = middle
    return high
