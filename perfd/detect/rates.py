"""Rates of errors: exact tails, because what fails is rare and the normal law is not its law.

The version comparison is the conditional binomial: given k = k0 + k1 errors in all, k1 is
Bin(k, n1 / (n0 + n1)) if both sides fail alike. Errors come in bursts, so counts are first divided
by how much more they vary between windows than independent errors would.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from perfd.detect.cells import Cells
from perfd.detect.noise import Spread
from perfd.detect.tails import (
    beta_quantile,
    binomial_mid_tail,
    normal_quantile,
    student_tail,
)
from perfd.model.finding import Interval

TAIL = 0.025  # beyond each end of a 95 % interval


@dataclass(frozen=True, slots=True)
class Rates:
    """Two rates compared, from requests divided by the over-dispersion."""

    levels: Interval
    p: float
    pooled: float
    before: float  # requests
    after: float

    @property
    def ratio(self) -> float | None:
        """After against before; None where nothing failed before."""
        return self.levels[1] / self.levels[0] if self.levels[0] > 0.0 else None

    @property
    def ci(self) -> Interval | None:
        """The interval of the ratio, from that of the new side's share of all errors."""
        if self.levels[0] <= 0.0:
            return None
        k0, k1 = self.levels[0] * self.before, self.levels[1] * self.after
        low = beta_quantile(TAIL, k1, k0 + 1.0) if k1 > 0.0 else 0.0
        high = beta_quantile(1.0 - TAIL, k1 + 1.0, k0)
        odds = (low / (1.0 - low), high / max(1.0 - high, 1e-12))
        return odds[0] * self.before / self.after, odds[1] * self.before / self.after

    def least(self, alpha: float, power: float) -> float:
        """The smallest rise that would have been seen: of what has never failed, a few errors."""
        pooled = max(self.pooled, 3.0 / (self.before + self.after))
        deviation = math.sqrt(pooled * (1.0 / self.before + 1.0 / self.after))
        normal = deviation * (normal_quantile(1.0 - alpha) + normal_quantile(power))
        return max(normal, math.log(1.0 / alpha) / self.after)


def rate_interval(rate: float, n: float, variance: float) -> Interval:
    """Clopper and Pearson's interval of a rate over `n` requests, widened to its real variance."""
    n /= dispersion(rate, n, variance)
    k = rate * n
    low = beta_quantile(TAIL, k, n - k + 1.0) if k > 0.0 else 0.0
    high = beta_quantile(1.0 - TAIL, k + 1.0, n - k) if k < n else 1.0
    return low, high


def dispersion(rate: float, n: float, variance: float) -> float:
    """How much more a rate varies than with independent errors; at least 1."""
    binomial = rate * (1.0 - rate) / n
    return max(variance / binomial, 1.0) if binomial > 0.0 else 1.0


def compare_rates(before: Cells, after: Cells, error: Spread) -> Rates:
    """`error` is the variance of the difference of the two rates."""
    total = before.total + after.total
    pooled = (before.level * before.total + after.level * after.total) / total
    binomial = pooled * (1.0 - pooled) * (1.0 / before.total + 1.0 / after.total)
    excess = max(error.variance / binomial, 1.0) if binomial > 0.0 else 1.0
    n0, n1 = before.total / excess, after.total / excess
    k0, k1 = before.level * n0, after.level * n1
    exact = binomial_mid_tail(k1, k0 + k1, n1 / (n0 + n1))
    # The bursts of a handful of windows hide from the dispersion, but not from their own spread.
    deviation = math.sqrt(error.variance)
    rise = after.level - before.level
    p = max(exact, student_tail(rise / deviation, error.freedom)) if deviation > 0.0 else 0.5
    return Rates((before.level, after.level), p, pooled, n0, n1)
