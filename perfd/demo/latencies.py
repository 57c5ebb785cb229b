"""A bounded record of latencies that knows its quantiles.

Counts in logarithmic buckets, as HdrHistogram does.
"""

from __future__ import annotations

import math
from collections import Counter

# Neighbouring buckets differ by 1 %, so a quantile is off by at most half of that.
GROWTH = math.log(1.01)
SHORTEST = 1e-6


class Latencies:
    """Durations in seconds."""

    def __init__(self) -> None:
        self._buckets: Counter[int] = Counter()
        self.count = 0

    def add(self, seconds: float) -> None:
        """Record one."""
        self._buckets[round(math.log(max(seconds, SHORTEST)) / GROWTH)] += 1
        self.count += 1

    def quantile(self, share: float) -> float:
        """The duration that this share of all stays within; 0 when there are none."""
        wanted = share * self.count
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= wanted:
                return math.exp(bucket * GROWTH)
        return 0.0

    def summary(self) -> dict[str, float]:
        """The quantiles that people ask for, in seconds."""
        return {f"p{percent}": round(self.quantile(percent / 100), 6) for percent in (50, 95, 99)}
