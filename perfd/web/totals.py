"""Running totals of what was flushed to the store: counters that only grow, for Prometheus.

They start at zero with the daemon, as any process's counters do. Fed with each flushed batch, so a
request is counted once however often its minute is rewritten.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from perfd.detect.speaker import WHOLE, is_http
from perfd.model.batch import Batch
from perfd.model.histogram import bucket_upper
from perfd.model.series import CPU_TIME, METRIC_REQUESTS, OVERFLOW, REQUESTS, Series
from perfd.model.window import Gauge, Window

# Upper bounds in seconds: Prometheus' defaults begin at 5 ms, and services of today need two below.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
# Beyond this many the rest is counted as one operation; new gauges are then left out.
MOST = 2_000
# What was not seen for a day is let go (real seconds).
IDLE = 86_400.0

OPERATION = ("service", "version", "environment", "operation")
VERSION = ("service", "version", "environment")
Key = tuple[str, ...]


@dataclass(slots=True)
class Operation:
    """One operation's counters; `buckets` are per bound, not yet cumulative."""

    requests: int = 0
    errors: int = 0
    measured: int = 0
    seconds: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * len(BOUNDS))
    seen: float = 0.0

    def add(self, window: Window) -> None:
        """Count one window."""
        histogram = window.histogram
        self.requests += window.count
        self.errors += window.errors
        self.measured += histogram.count
        self.seconds += histogram.total
        self.buckets[0] += histogram.zeros
        for index, count in histogram.buckets.items():
            place = bound_of(index)
            if place is not None:
                self.buckets[place] += count
        self.seen = max(self.seen, window.start + window.width)


@dataclass(slots=True)
class Level:
    """The last reading of a gauge, and the sum of all."""

    value: float = 0.0
    total: float = 0.0
    seen: float = 0.0

    def add(self, gauge: Gauge) -> None:
        """Take one window's reading; a late one does not replace a newer value."""
        end = gauge.start + gauge.width
        self.total += gauge.total
        if end >= self.seen:
            self.value = gauge.mean
        self.seen = max(self.seen, end)


def bound_of(index: int) -> int | None:
    """The bound that a bucket of the scale-5 histogram is counted under; None is +Inf.

    It goes where its upper end fits, so a bucket that straddles a bound (2.2 % wide) is counted
    above it.
    """
    upper = bucket_upper(index) * (1 - 1e-9)
    return next((place for place, bound in enumerate(BOUNDS) if upper <= bound), None)


class ServiceTotals:
    """All services since the start. `add` is called by the flush job, the rest by /metrics."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spans: dict[Key, Operation] = {}
        self._metrics: dict[Key, Operation] = {}
        self._levels: dict[tuple[str, Key], Level] = {}

    def add(self, batch: Batch) -> None:
        """Count a batch that is in the store."""
        with self._lock:
            for window in batch.windows:
                if window.series.name == REQUESTS:
                    _operation(self._spans, window.series).add(window)
                elif window.series.name == METRIC_REQUESTS:
                    _operation(self._metrics, window.series).add(window)
            for gauge in batch.gauges:
                self._add_level(gauge)

    def operations(self) -> dict[Key, Operation]:
        """By (service, version, environment, operation).

        From spans; from the metric of the same meaning where it counts more than they hold. The
        two count the same requests, so they are never added up.
        """
        with self._lock:
            sampled = self._sampled()
            spans = {k: v for k, v in self._spans.items() if not (k[0] in sampled and _http(k))}
            return {**spans, **{k: v for k, v in self._metrics.items() if k[0] in sampled}}

    def _sampled(self) -> set[str]:
        """Services whose spans are not all of their requests, or none."""
        seen: Counter[str] = Counter()
        counted: Counter[str] = Counter()
        for key, held in self._spans.items():
            seen[key[0]] += held.measured if _http(key) else 0
        for key, held in self._metrics.items():
            counted[key[0]] += held.requests
        return {s for s, n in counted.items() if not seen[s] or seen[s] < WHOLE * n}

    def levels(self, name: str) -> list[tuple[Key, Level]]:
        """Label values and level of every gauge of a name; CPU time is summed over instances."""
        with self._lock:
            return [(key, level) for (n, key), level in self._levels.items() if n == name]

    def forget_idle(self, now: float) -> None:
        """Let go of what was not seen for a day."""
        with self._lock:
            self._spans = {k: v for k, v in self._spans.items() if v.seen > now - IDLE}
            self._metrics = {k: v for k, v in self._metrics.items() if v.seen > now - IDLE}
            self._levels = {k: v for k, v in self._levels.items() if v.seen > now - IDLE}

    def _add_level(self, gauge: Gauge) -> None:
        series = gauge.series
        names: Sequence[str] = sorted(series.label)
        if series.name == CPU_TIME:
            names = VERSION  # an instance that ends must not take its seconds with it
        key = (series.name, _values(series, names))
        if key in self._levels or len(self._levels) < MOST:
            self._levels.setdefault(key, Level()).add(gauge)


def _http(key: Key) -> bool:
    return is_http(key[OPERATION.index("operation")])


def _values(series: Series, names: Sequence[str]) -> Key:
    return tuple(series.label.get(name, "") for name in names)


def _operation(operations: dict[Key, Operation], series: Series) -> Operation:
    key = _values(series, OPERATION)
    if key not in operations and len(operations) >= MOST:
        key = (OVERFLOW,) * len(OPERATION)
    return operations.setdefault(key, Operation())
