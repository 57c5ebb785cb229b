"""The latency histogram: OpenTelemetry's exponential layout at scale 5, and the moments beside it.

Bucket `i` holds values in (base**i, base**(i+1)] with base = 2**(1/32): 32 buckets an octave, so a
quantile is known to within ±1.1 %. Count, sum, sum of log and sum of log² are kept exactly, so that
tests on the mean log latency need no raw values.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

SCALE = 5
BUCKETS_PER_OCTAVE = 1 << SCALE
_INDEX_FACTOR = BUCKETS_PER_OCTAVE / math.log(2.0)


def bucket_index(value: float) -> int:
    """The bucket of a positive value: ceil(log2(value) * 32) - 1, upper bound inclusive."""
    return math.ceil(math.log(value) * _INDEX_FACTOR) - 1


def bucket_upper(index: int) -> float:
    """The inclusive upper bound of a bucket."""
    return float(2.0 ** ((index + 1) / BUCKETS_PER_OCTAVE))


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts per bucket and moments; values in seconds unless the series says otherwise.

    `zeros` are values that are not positive: counted, but without a logarithm.
    """

    buckets: Mapping[int, int] = field(default_factory=dict)
    zeros: int = 0
    count: int = 0
    total: float = 0.0
    log_total: float = 0.0
    log_square: float = 0.0

    @classmethod
    def of(cls, values: Iterable[float]) -> Histogram:
        """A histogram of raw values."""
        buckets: dict[int, int] = {}
        zeros = count = 0
        total = log_total = log_square = 0.0
        for value in values:
            count += 1
            total += value
            if value <= 0.0:
                zeros += 1
                continue
            log = math.log(value)
            index = math.ceil(log * _INDEX_FACTOR) - 1
            buckets[index] = buckets.get(index, 0) + 1
            log_total += log
            log_square += log * log
        return cls(buckets, zeros, count, total, log_total, log_square)

    def merge(self, other: Histogram) -> Histogram:
        """The histogram of both sets of values; associative and commutative."""
        buckets = dict(self.buckets)
        for index, count in other.buckets.items():
            buckets[index] = buckets.get(index, 0) + count
        return Histogram(
            buckets,
            self.zeros + other.zeros,
            self.count + other.count,
            self.total + other.total,
            self.log_total + other.log_total,
            self.log_square + other.log_square,
        )

    @property
    def mean(self) -> float:
        """Arithmetic mean; NaN when empty."""
        return self.total / self.count if self.count else math.nan

    @property
    def mean_log(self) -> float:
        """Mean of the natural logarithm of the positive values; NaN when there is none."""
        positive = self.count - self.zeros
        return self.log_total / positive if positive else math.nan

    @property
    def var_log(self) -> float:
        """Sample variance of the natural logarithm; NaN below two positive values."""
        positive = self.count - self.zeros
        if positive < 2:
            return math.nan
        spread = self.log_square - self.log_total * self.log_total / positive
        return max(spread, 0.0) / (positive - 1)

    def quantile(self, q: float) -> float:
        """The `q` quantile, interpolated on the log scale inside its bucket; NaN when empty."""
        if not self.count:
            return math.nan
        rank = q * self.count
        if rank <= self.zeros and self.zeros:
            return 0.0
        seen = float(self.zeros)
        upper = 0.0
        for index in sorted(self.buckets):
            held = self.buckets[index]
            upper = bucket_upper(index)
            if seen + held >= rank:
                part = (rank - seen) / held
                return float(2.0 ** ((index + part) / BUCKETS_PER_OCTAVE))
            seen += held
        return upper


EMPTY = Histogram()
