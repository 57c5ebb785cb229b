"""Numbers out of OTLP data points: packed lists are still bytes, and may be anything."""

from __future__ import annotations

import math
import struct
from typing import Any

from perfd.aggregate.streams import Total, Unusable

MOST_BUCKETS = 4_096  # of one point; SDKs send 16 or 160
MOST_COUNT = 10**12  # requests in one point; more are not believed, and would not fit the store
MOST_VALUE = 1e18
SCALES = range(-10, 21)  # what the specification allows

ABSURD, MALFORMED = "absurd", "malformed"


def number(point: Any) -> float:
    """The value of a gauge's or sum's point."""
    value = float(point.as_double or point.as_int)
    if not math.isfinite(value) or abs(value) > MOST_VALUE:
        raise Unusable(ABSURD)
    return value


def explicit_total(point: Any) -> Total:
    """A histogram's point: counts by the number of the bucket, and none when only a count came."""
    packed: bytes = point.bucket_counts
    if len(packed) % 8 or len(packed) > 8 * MOST_BUCKETS:
        raise Unusable(MALFORMED)
    counts = struct.unpack(f"<{len(packed) // 8}Q", packed)
    buckets = {i: believable(count) for i, count in enumerate(counts) if count}
    return Total(
        *(point.start_time_unix_nano, point.time_unix_nano, point.sum),
        count=believable(point.count),
        buckets=buckets,
    )


def explicit_bounds(point: Any) -> list[float]:
    """The bounds between the buckets, ascending."""
    packed: bytes = point.explicit_bounds
    buckets = len(point.bucket_counts) // 8
    if len(packed) != max(8 * (buckets - 1), 0):
        raise Unusable(MALFORMED)
    bounds = list(struct.unpack(f"<{len(packed) // 8}d", packed))
    if not all(map(math.isfinite, bounds)) or sorted(set(bounds)) != bounds:
        raise Unusable(MALFORMED)
    return bounds


def exponential_total(point: Any) -> Total:
    """An exponential histogram's point: counts of the positive buckets by index."""
    if point.scale not in SCALES:
        raise Unusable(MALFORMED)
    offset = point.positive.offset
    counts = enumerate(varints(point.positive.bucket_counts), offset)
    return Total(
        *(point.start_time_unix_nano, point.time_unix_nano, point.sum),
        count=believable(point.count),
        zeros=believable(point.zero_count),
        scale=point.scale,
        buckets={i: believable(count) for i, count in counts if count},
    )


def believable(count: int) -> int:
    """A count that can be one."""
    if count > MOST_COUNT:
        raise Unusable(ABSURD)
    return count


def varints(packed: bytes) -> list[int]:
    """Base-128 numbers, one after the other."""
    numbers: list[int] = []
    value = shift = 0
    for octet in packed:
        value |= (octet & 0x7F) << shift
        shift += 7
        if octet < 128:
            numbers.append(value)
            value = shift = 0
        if shift > 63 or len(numbers) > MOST_BUCKETS:
            raise Unusable(MALFORMED)
    return numbers
