"""Latencies of simulated requests: thousands of windows at once, as counts of buckets."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perfd.model.histogram import BUCKETS_PER_OCTAVE, Histogram

BUCKET = math.log(2.0) / BUCKETS_PER_OCTAVE
FEW = 60.0  # requests a window: below they are drawn one by one, above by the bucket
FINER = 64  # steps of a bucket
REACH = 5.0  # standard deviations within which buckets are drawn

Array = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Mode:
    """One hump of the law of ln(latency): normal, and with `pareto` times a Pareto variable.

    `pareto` is the index of its tail: at 1.5 the variance of latencies is infinite.
    """

    share: float
    offset: float
    spread: float
    pareto: float = math.inf


LOG_NORMAL = (Mode(1.0, 0.0, 0.8),)
# Nine in ten requests are usual; one in ten is as much longer as Pareto says.
HEAVY = (Mode(0.9, 0.0, 0.7), Mode(0.1, 0.3, 0.7, pareto=1.5))
CACHE = (Mode(0.7, -2.5, 0.4), Mode(0.3, 0.0, 0.5))  # a hit is twelve times as fast as a miss


def draw(
    rng: np.random.Generator, requests: Array, level: Array, modes: Sequence[Mode], first: Array
) -> Iterator[Histogram]:
    """A histogram per window: `requests` are expected in each, `level` is its ln(latency).

    `first` is the share of the first mode in each window; the others share the rest.
    """
    reach = max(abs(mode.offset) + _reach(mode) for mode in modes)
    low = math.floor((float(level.min()) - reach) / BUCKET)
    width = math.ceil((float(level.max()) + reach) / BUCKET) - low + 1
    counts = np.zeros((len(requests), width), dtype=np.int64)
    for number, mode in enumerate(modes):
        rest = (1.0 - first) * mode.share / max(1.0 - modes[0].share, 1e-9)
        part = requests * (rest if number else first)
        counts += (_by_bucket if part.mean() > FEW else _one_by_one)(
            rng, part, level, mode, low, width
        )
    return _histograms(counts, low)


def _one_by_one(
    rng: np.random.Generator, part: Array, level: Array, mode: Mode, low: int, width: int
) -> Counts:
    """Every request by itself."""
    n = rng.poisson(part)
    window = np.repeat(np.arange(len(n)), n)
    log = np.repeat(level + mode.offset, n)
    log += mode.spread * rng.standard_normal(len(window))
    if math.isfinite(mode.pareto):
        log += rng.standard_exponential(len(window)) / mode.pareto
    column = np.clip(np.floor(log / BUCKET).astype(np.int64) - low, 0, width - 1)
    flat = np.bincount(window * width + column, minlength=len(n) * width)
    return flat.reshape(len(n), width)


def _by_bucket(
    rng: np.random.Generator, part: Array, level: Array, mode: Mode, low: int, width: int
) -> Counts:
    """The same law as independent Poisson counts of buckets."""
    below = _below(mode)
    shift = np.rint((level + mode.offset) / BUCKET * FINER).astype(np.int64)
    place = (low + np.arange(width + 1))[None, :] * FINER - shift[:, None] + len(below) // 2
    shares = np.diff(below[np.clip(place, 0, len(below) - 1)], axis=1)
    return rng.poisson(part[:, None] * shares)


@functools.cache
def _below(mode: Mode) -> Array:
    """The law around its offset, at steps of a part of a bucket (exponentially modified normal)."""
    half = math.ceil(_reach(mode) / BUCKET) * FINER
    x = np.arange(-half, half + 1) * BUCKET / FINER
    share = _normal_below(x / mode.spread)
    if math.isfinite(mode.pareto):
        far = -mode.pareto * x + 0.5 * (mode.pareto * mode.spread) ** 2
        share -= np.exp(np.minimum(far, 700.0)) * _normal_below(
            x / mode.spread - mode.pareto * mode.spread
        )
    return np.asarray(np.clip(share, 0.0, 1.0))


def _normal_below(z: Array) -> Array:
    return np.array([0.5 * math.erfc(-x / math.sqrt(2.0)) for x in z.tolist()])


def _reach(mode: Mode) -> float:
    """How far from its offset requests of a mode are drawn."""
    return REACH * mode.spread + (0.0 if math.isinf(mode.pareto) else 14.0 / mode.pareto)


def _histograms(counts: Counts, low: int) -> Iterator[Histogram]:
    """Requests of a bucket are counted at its middle, which is within 1 % of each."""
    flat = np.flatnonzero(counts)
    window, column = np.divmod(flat, counts.shape[1])
    held = counts.ravel()[flat]
    middle = (low + column + 0.5) * BUCKET
    weights = held * np.stack([np.ones(len(flat)), np.exp(middle), middle, middle * middle])
    sums = [np.bincount(window, row, len(counts)).tolist() for row in weights]
    ends = np.searchsorted(window, np.arange(1, len(counts) + 1)).tolist()
    buckets, numbers = (column + low).tolist(), held.tolist()
    begin = 0
    for end, n, total, log, square in zip(ends, *sums, strict=True):
        index = dict(zip(buckets[begin:end], numbers[begin:end], strict=True))
        yield Histogram(index, 0, int(n), total, log, square)
        begin = end
