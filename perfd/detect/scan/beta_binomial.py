"""The tail of counts that come in clusters.

Counts whose variance is phi times their mean, by Gamma-distributed rates, are negative binomial
with a size of mean / (phi - 1); and of all k of two such sides, those on one side are
beta-binomial with the two sizes. A binomial tail of counts divided by phi has the same variance,
but not the skew: of few counts it is wrong by orders of magnitude.
"""

from __future__ import annotations

import math

import numpy as np

DEVIATIONS, MORE = 40.0, 1_000  # terms of the sum; beyond, they are nothing beside the first


def beta_binomial_mid_tail(k: float, n: float, a: float, b: float) -> float:
    """P[X > k] + P[X = k] / 2 for X ~ BetaBinomial(n, a, b) and 0 <= k <= n."""
    first = math.exp(_log_chance(k, n, a, b))
    deviation = math.sqrt(n * a * b * (a + b + n) / (a + b + 1.0)) / (a + b)
    most = int(DEVIATIONS * deviation) + MORE
    above = np.arange(min(math.ceil(n - k), most), dtype=float) + k
    steps = np.log((n - above) * (above + a)) - np.log((above + 1.0) * (n - above - 1.0 + b))
    return min(first * (0.5 + float(np.exp(np.cumsum(steps)).sum())), 1.0)


def clustered_tail(k1: float, n1: float, k0: float, n0: float, phi: float) -> float:
    """P of as many of all k on side 1, given all of them; `phi` above 1."""
    pooled = (k0 + k1) / (n0 + n1) / (phi - 1.0)
    return beta_binomial_mid_tail(k1, k0 + k1, pooled * n1, pooled * n0)


def _log_chance(k: float, n: float, a: float, b: float) -> float:
    choose = math.lgamma(n + 1.0) - math.lgamma(k + 1.0) - math.lgamma(n - k + 1.0)
    return choose + _log_beta(k + a, n - k + b) - _log_beta(a, b)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
