"""Histograms of OTLP metrics as perfd's own: scale 5, moments estimated.

A bucket that is wider than ours is spread evenly over the logarithm, by whole requests and about
its middle, so that neither many points with one request each nor one with many are biased. The sum
is exact where it was sent; the moments of the logarithm are those of the spread.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from perfd.model.histogram import BUCKETS_PER_OCTAVE, SCALE, Histogram, bucket_index

_WIDEST = 12 * BUCKETS_PER_OCTAVE  # a bucket wider than 12 octaves counts as its upper 12
_LOG_STEP = math.log(2.0) / BUCKETS_PER_OCTAVE


def from_explicit(
    bounds: Sequence[float], counts: Sequence[int], total: float, unit: float
) -> Histogram:
    """From len(bounds) + 1 buckets (…, bounds[i]]; `unit` is the sender's in seconds.

    The first bucket is taken for one octave below its bound, the last for one above. Where most
    requests are in the first (bounds in milliseconds for a metric in seconds, as SDKs without
    advice have them), the octave is around the mean that the sum leaves for it.
    """
    buckets: dict[int, int] = {}
    zeros = 0
    for i, count in enumerate(counts):
        if not count:
            continue
        high = bounds[i] if i < len(bounds) else bounds[-1] * 2.0
        low = bounds[i - 1] if i else 0.0
        if high <= 0.0:
            zeros += count
            continue
        if low <= 0.0:
            high = _below(bounds, counts, i, total)
            low = high / 2.0
        _put(buckets, count, bucket_index(low * unit) + 1, bucket_index(high * unit))
    return _histogram(buckets, zeros, total * unit)


def from_exponential(
    buckets: Mapping[int, int], zeros: int, scale: int, total: float, unit: float
) -> Histogram:
    """From positive buckets (base**i, base**(i+1)] with base = 2**(2**-scale)."""
    shift = math.log2(unit) * BUCKETS_PER_OCTAVE  # exact for seconds, 1/64 bucket off for others
    ours: dict[int, int] = {}
    for index, count in buckets.items():
        if not count:
            continue
        first, last = _same_range(index, scale)
        _put(ours, count, round(first + shift), round(last + shift))
    return _histogram(ours, zeros, total * unit)


def _below(bounds: Sequence[float], counts: Sequence[int], first: int, total: float) -> float:
    """The upper end of the octave that stands for the first positive bucket."""
    rest = [
        count * math.sqrt(bounds[i - 1] * (bounds[i] if i < len(bounds) else 2.0 * bounds[i - 1]))
        for i, count in enumerate(counts)
        if i > first and count
    ]
    mean = (total - sum(rest)) / counts[first]
    bound = bounds[first]
    if 2 * counts[first] <= sum(counts) or not 0.0 < mean < bound:
        return bound
    return min(mean * math.sqrt(2.0), bound)


def coarser(buckets: Mapping[int, int], steps: int) -> dict[int, int]:
    """The same counts at a scale that is lower by `steps`: 2**steps buckets become one."""
    merged: dict[int, int] = {}
    for index, count in buckets.items():
        merged[index >> steps] = merged.get(index >> steps, 0) + count
    return merged


def _same_range(index: int, scale: int) -> tuple[int, int]:
    """The first and last of our buckets that a bucket of another scale covers."""
    if scale >= SCALE:
        ours = index >> (scale - SCALE)
        return ours, ours
    width = 1 << (SCALE - scale)
    return index * width, index * width + width - 1


def _put(buckets: dict[int, int], count: int, first: int, last: int) -> None:
    first = max(min(first, last), last - _WIDEST + 1)
    for offset, part in _spread(count, last - first + 1):
        buckets[first + offset] = buckets.get(first + offset, 0) + part


def _spread(count: int, places: int) -> Iterator[tuple[int, int]]:
    """Whole requests over places, each as close to its even share as can be."""
    if count < places:
        for i in range(count):
            yield (2 * i + 1) * places // (2 * count), 1
        return
    done = 0
    for place in range(places):
        upto = (2 * count * (place + 1) + places) // (2 * places) if place < places - 1 else count
        yield place, upto - done
        done = upto


def _histogram(buckets: dict[int, int], zeros: int, total: float) -> Histogram:
    logs = [((index + 0.5) * _LOG_STEP, count) for index, count in buckets.items()]
    if not (math.isfinite(total) and total > 0.0):
        total = sum(count * math.exp(log) for log, count in logs)
    return Histogram(
        buckets,
        zeros,
        zeros + sum(buckets.values()),
        total,
        sum(count * log for log, count in logs),
        sum(count * log * log for log, count in logs),
    )
