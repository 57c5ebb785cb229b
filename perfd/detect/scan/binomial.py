"""Where the rate of k in n splits best into two, for a block of series at once.

The signed root of the likelihood ratio, which holds for small counts better than a difference of
rates does, divided by the root of the over-dispersion; both as of the binomial distribution.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from perfd.detect.scan.cusum import Cells
from perfd.detect.tails import normal_quantile

Array = NDArray[np.float64]

BATCHES = (6, 24)  # cells: what lasts for hours varies more between days than between cells
FEWEST_BATCHES = 8
SCREEN = 1.6  # of the least critical value: sqrt(2), and a tenth to spare


class RateSplit(NamedTuple):
    """Per series: first cell of the new rate, signed root b, rates on both sides, and the edge."""

    at: Cells
    root: Array
    before: Array
    after: Array
    edge: Array
    dispersion: Array


def best_rate_split(k: Array, n: Array, least: int) -> RateSplit:
    """The split of largest root with at least `least` cells with data on either side.

    `k` and `n` (series, cells), both 0 where there is nothing.
    """
    roots = signed_roots(k, n, least)
    at = np.argmax(np.abs(roots), axis=1)
    rows = np.arange(len(k))
    after = np.arange(k.shape[1]) >= at[:, None]
    new = _rate(k, n, after)
    old = _rate(k, n, ~after)
    spread = dispersion(k, n, np.where(after, new[:, None], old[:, None]))
    edge = np.clip(least / np.maximum((n > 0.0).sum(axis=1), 1.0), 1e-6, 0.5)
    return RateSplit(at, roots[rows, at] / np.sqrt(spread), old, new, edge, spread)


def promising(k: Array, n: Array, alpha: float) -> Cells:
    """The series that deserve the test itself: a normal deviate, which takes no logarithms.

    The root of the likelihood ratio is at most sqrt(2) times as large (where k falls to 0).
    """
    k0, n0 = np.cumsum(k, axis=1) - k, np.cumsum(n, axis=1) - n
    k_all, n_all = k.sum(axis=1)[:, None], n.sum(axis=1)[:, None]
    rate = k_all / np.maximum(n_all, 1e-12)
    spread = rate * (1.0 - rate) * n0 * (n_all - n0) / np.maximum(n_all, 1e-12)
    square = np.where(spread > 0.0, (k0 - n0 * rate) ** 2 / np.maximum(spread, 1e-300), 0.0)
    excess = np.maximum(_batched(k - n * rate, n * rate * (1.0 - rate), 1), 1.0)
    least = normal_quantile(1.0 - 0.5 * alpha) / SCREEN
    return np.flatnonzero(square.max(axis=1) >= least**2 * excess)


def signed_roots(k: Array, n: Array, least: int) -> Array:
    """For every t the signed root of twice the log-likelihood ratio; 0 where a side is short."""
    full = (n > 0.0).astype(float)
    told = np.cumsum(full, axis=1) - full
    room = (told >= least) & (full.sum(axis=1)[:, None] - told >= least)
    k0, n0 = np.cumsum(k, axis=1) - k, np.cumsum(n, axis=1) - n
    k_all, n_all = k.sum(axis=1)[:, None], n.sum(axis=1)[:, None]
    k1, n1 = np.maximum(k_all - k0, 0.0), np.maximum(n_all - n0, 0.0)
    ratio = _likelihood(k0, n0) + _likelihood(k1, n1) - _likelihood(k_all, n_all)
    up = k1 * n0 >= k0 * n1
    root = np.sqrt(np.maximum(2.0 * ratio, 0.0))
    return np.where(room, np.where(up, root, -root), 0.0)


def dispersion(k: Array, n: Array, rate: Array) -> Array:
    """How much more k varies around n x rate than binomially, of cells and of sums of them.

    Of sums only what is beyond that which chance may show in so few of them (one deviation).
    """
    error, variance = k - n * rate, n * rate * (1.0 - rate)
    cells = np.maximum(_batched(error, variance, 1), 1.0)
    sums = [_batched(error, variance, size) / _chance(k.shape[1] // size) for size in BATCHES]
    spread: Array = np.max([cells, *sums], axis=0)
    return spread


def _chance(number: int) -> float:
    """One and the standard deviation of chi squared over its degrees of freedom."""
    return 1.0 + math.sqrt(2.0 / max(number - 2.0, 1.0))


def _batched(error: Array, variance: Array, size: int) -> Array:
    number = error.shape[1] // size
    if number < FEWEST_BATCHES:
        return np.ones(len(error))
    tail = slice(error.shape[1] - number * size, None)
    sums = error[:, tail].reshape(-1, number, size).sum(axis=2)
    expected = variance[:, tail].reshape(-1, number, size).sum(axis=2)
    told = (expected > 0.0).sum(axis=1)
    square = np.where(expected > 0.0, sums**2 / np.maximum(expected, 1e-12), 0.0).sum(axis=1)
    return np.where(told >= FEWEST_BATCHES, square / np.maximum(told - 2.0, 1.0), 1.0)


def _likelihood(k: Array, n: Array) -> Array:
    """Log-likelihood at the observed rate: k ln(k/n) + (n - k) ln(1 - k/n)."""
    rest = np.maximum(n - k, 0.0)
    size = np.maximum(n, 1e-12)
    share, other = np.maximum(k / size, 1e-300), np.maximum(rest / size, 1e-300)
    total: Array = k * np.log(share) + rest * np.log(other)
    return total


def _rate(k: Array, n: Array, side: NDArray[np.bool_]) -> Array:
    rate: Array = (k * side).sum(axis=1) / np.maximum((n * side).sum(axis=1), 1e-12)
    return rate
