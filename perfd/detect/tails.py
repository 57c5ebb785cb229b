"""Tails and quantiles of the normal, t, beta and binomial distributions.

Written out because scipy costs 60 to 90 MiB of memory in a daemon that is to be small; the tests
compare each of them with scipy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

_NORMAL = NormalDist()
_TINY = 1e-300
_TERMS = 20_000
_STEPS = 200


def normal_tail(z: float) -> float:
    """P[Z > z]."""
    return 0.5 * math.erfc(z / math.sqrt(2.0))


def normal_quantile(p: float) -> float:
    """The z with P[Z <= z] = p, for 0 < p < 1."""
    return _NORMAL.inv_cdf(p)


def student_tail(t: float, freedom: float) -> float:
    """P[T > t] with `freedom` degrees of freedom, which need not be whole."""
    if math.isinf(freedom):
        return normal_tail(t)
    if t < 0.0:
        return 1.0 - student_tail(-t, freedom)
    square = t * t
    if t < 1.0:  # the other form loses its digits near the middle
        return 0.5 - 0.5 * beta_below(square / (freedom + square), 0.5, freedom / 2.0)
    return 0.5 * beta_below(freedom / (freedom + square), freedom / 2.0, 0.5)


def student_quantile(p: float, freedom: float) -> float:
    """The t with P[T <= t] = p."""
    if math.isinf(freedom):
        return normal_quantile(p)
    if p < 0.5:
        return -student_quantile(1.0 - p, freedom)
    high = 1.0
    while student_tail(high, freedom) > 1.0 - p:
        high *= 2.0
    return _root(lambda t: 1.0 - p - student_tail(t, freedom), 0.0, high)


def beta_below(x: float, a: float, b: float) -> float:
    """P[X <= x] for X ~ Beta(a, b): the regularised incomplete beta function."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    log_front = (
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    front = math.exp(log_front)
    # The continued fraction converges fast only on its side of the mean.
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _beta_fraction(x, a, b) / a
    return 1.0 - front * _beta_fraction(1.0 - x, b, a) / b


def beta_quantile(p: float, a: float, b: float) -> float:
    """The x with P[X <= x] = p for X ~ Beta(a, b)."""
    return _root(lambda x: beta_below(x, a, b) - p, 0.0, 1.0)


def binomial_tail(k: float, n: float, p: float) -> float:
    """P[X >= k] for X ~ Bin(n, p).

    Counts divided by an over-dispersion factor need not be whole.
    """
    if k <= 0.0:
        return 1.0
    if k > n:
        return 0.0
    return beta_below(p, k, n - k + 1.0)


def binomial_mid_tail(k: float, n: float, p: float) -> float:
    """P[X > k] + P[X = k] / 2: the mid-p, which is not as timid as the exact tail."""
    return 0.5 * (binomial_tail(k, n, p) + binomial_tail(k + 1.0, n, p))


def _beta_fraction(x: float, a: float, b: float) -> float:
    """Lentz's evaluation of the continued fraction of the incomplete beta function (DLMF 8.17.22).

    Converges in about sqrt(max(a, b)) terms.
    """
    c, d = 1.0, 1.0 / _away_from_zero(1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, _TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1.0 / _away_from_zero(1.0 + term * d)
            c = _away_from_zero(1.0 + term / c)
            value *= c * d
        if abs(c * d - 1.0) < 1e-15:
            break
    return value


def _away_from_zero(x: float) -> float:
    return x if abs(x) > _TINY else _TINY


def _root(rising: Callable[[float], float], low: float, high: float) -> float:
    """The root of a rising function between two points, to the last bits that matter.

    Regula falsi with the Illinois rule: an end that stays is weighted down by half. A step that
    gains little is followed by one in the middle, for functions that are flat for long.
    """
    below, above = rising(low), rising(high)
    side = 0
    for _ in range(_STEPS):
        width = high - low
        if width <= 1e-14 * max(abs(low), abs(high)):
            break
        at = high - above * width / (above - below) if above != below else 0.5 * (low + high)
        if not low < at < high:
            at = 0.5 * (low + high)
        value = rising(at)
        if value == 0.0:
            return at
        if value > 0.0:
            high, above = at, value
            below *= 0.5 if side > 0 else 1.0
            side = 1
        else:
            low, below = at, value
            above *= 0.5 if side < 0 else 1.0
            side = -1
        if high - low > 0.5 * width:
            low, high, below, above = _halved(rising, low, high, below, above)
    return 0.5 * (low + high)


def _halved(
    rising: Callable[[float], float], low: float, high: float, below: float, above: float
) -> tuple[float, float, float, float]:
    middle = 0.5 * (low + high)
    value = rising(middle)
    if value > 0.0:
        return low, middle, below, value
    return middle, high, value, above
