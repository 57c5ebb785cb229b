"""Tails and quantiles of the normal, t, beta and binomial distributions.

Written out because scipy costs 60 to 90 MiB of memory in a daemon that is to be small; the tests
compare each of them with scipy.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from statistics import NormalDist

NORMAL_95 = 1.959963984540054  # deviations that hold 95 % of a normal law
MAD_TO_SD = 1.4826  # from its median absolute deviation to its standard deviation

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


@functools.lru_cache(maxsize=1024)  # the same few are asked for by all that is told of a comparison
def student_quantile(p: float, freedom: float) -> float:
    """The t with P[T <= t] = p."""
    if math.isinf(freedom):
        return normal_quantile(p)
    if p < 0.5:
        return -student_quantile(1.0 - p, freedom)
    z = normal_quantile(p)
    high = 2.0 * (z + 1.0)
    while student_tail(high, freedom) > 1.0 - p:
        high *= 2.0
    log_front = math.lgamma((freedom + 1.0) / 2.0) - math.lgamma(freedom / 2.0)
    log_front -= 0.5 * math.log(freedom * math.pi)

    def density(t: float) -> float:
        return math.exp(log_front - 0.5 * (freedom + 1.0) * math.log1p(t * t / freedom))

    start = _student_expansion(z, freedom)
    return _root(lambda t: 1.0 - p - student_tail(t, freedom), density, (0.0, high), start)


def _student_expansion(z: float, n: float) -> float:
    """Cornish and Fisher's expansion to the third order (Abramowitz and Stegun 26.7.5)."""
    w = z * z
    first = (w + 1.0) / 4.0
    second = ((5.0 * w + 16.0) * w + 3.0) / 96.0
    third = (((3.0 * w + 19.0) * w + 17.0) * w - 15.0) / 384.0
    return z * (1.0 + (first + (second + third / n) / n) / n)


def beta_below(x: float, a: float, b: float) -> float:
    """P[X <= x] for X ~ Beta(a, b): the regularised incomplete beta function."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    log_front = _log_beta(a, b) + a * math.log(x) + b * math.log1p(-x)
    front = math.exp(log_front)
    # The continued fraction converges fast only on its side of the mean.
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _beta_fraction(x, a, b) / a
    return 1.0 - front * _beta_fraction(1.0 - x, b, a) / b


def beta_quantile(p: float, a: float, b: float) -> float:
    """The x with P[X <= x] = p for X ~ Beta(a, b)."""
    log_front = _log_beta(a, b)

    def density(x: float) -> float:
        return math.exp(log_front + (a - 1.0) * math.log(x) + (b - 1.0) * math.log1p(-x))

    mean = a / (a + b)
    start = mean + normal_quantile(p) * math.sqrt(mean * (1.0 - mean) / (a + b + 1.0))
    return _root(lambda x: beta_below(x, a, b) - p, density, (0.0, 1.0), start)


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
    c, d = 1.0, 1.0 / (1.0 - (a + b) * x / (a + 1.0) or _TINY)
    value = d
    for m in range(1, _TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1.0 / (1.0 + term * d or _TINY)
            c = 1.0 + term / c or _TINY
            value *= c * d
        if abs(c * d - 1.0) < 1e-15:
            break
    return value


def _log_beta(a: float, b: float) -> float:
    """The logarithm of 1 / B(a, b)."""
    return math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)


def _root(
    rising: Callable[[float], float],
    slope: Callable[[float], float],
    between: tuple[float, float],
    start: float,
) -> float:
    """The root of a rising function: Newton's steps, and halves where these lead out of bounds.

    A step of 1e-10 doubles its digits: what it leads to is as exact as the function.
    """
    low, high = between
    at = start if low < start < high else 0.5 * (low + high)
    for _ in range(_STEPS):
        value = rising(at)
        low, high = (low, at) if value > 0.0 else (at, high)
        steep = slope(at)
        following = at - value / steep if steep > 0.0 else low
        if not low < following < high:
            following = 0.5 * (low + high)
        if abs(following - at) <= 1e-10 * abs(at):
            return following
        at = following
    return at
