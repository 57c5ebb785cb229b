"""Rate, errors and duration of a set of windows: the figures of tables, charts and the API."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from perfd.model.histogram import EMPTY, Histogram
from perfd.model.series import STEADY
from perfd.model.window import Window


@dataclass(frozen=True, slots=True)
class Red:
    """Requests over `seconds`; the histogram holds steady requests only.

    A cold instance's first requests count as requests but say nothing about latency.
    """

    seconds: float
    count: int
    errors: int
    histogram: Histogram = EMPTY

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.count / self.seconds if self.seconds > 0 else 0.0

    @property
    def error_ratio(self) -> float | None:
        """Failed requests among all; None without requests."""
        return self.errors / self.count if self.count else None

    def quantile(self, q: float) -> float | None:
        """A latency in seconds; None where nothing was measured."""
        value = self.histogram.quantile(q)
        return value if math.isfinite(value) else None


@dataclass(frozen=True, slots=True)
class Span:
    """An interval of time `[start, end)` cut into steps, for charts."""

    start: float
    end: float
    step: float

    @property
    def count(self) -> int:
        """Number of steps."""
        return max(1, math.ceil(round((self.end - self.start) / self.step, 6)))

    def seconds(self, index: int) -> float:
        """Length of a step: the last one is as long as it has lasted so far."""
        return min(self.step, self.end - (self.start + index * self.step))

    def index(self, at: float) -> int | None:
        """The step that holds a time, None outside."""
        if not self.start <= at < self.end:
            return None
        return min(int((at - self.start) / self.step), self.count - 1)


def summarise(windows: Iterable[Window], seconds: float) -> Red:
    """All windows as one figure over a stated time."""
    count = errors = 0
    histograms: list[Histogram] = []
    for window in windows:
        count += window.count
        errors += window.errors
        if window.series.label.get("phase", STEADY) == STEADY:
            histograms.append(window.histogram)
    return Red(seconds, count, errors, merged(histograms))


def combined(parts: Sequence[Red]) -> Red:
    """Steps that follow one another as one figure."""
    return Red(
        sum(part.seconds for part in parts),
        sum(part.count for part in parts),
        sum(part.errors for part in parts),
        merged(part.histogram for part in parts),
    )


def merged(histograms: Iterable[Histogram]) -> Histogram:
    """Many histograms as one; like `merge`, but linear in their number."""
    buckets: dict[int, int] = {}
    zeros = count = 0
    total = log_total = log_square = 0.0
    for histogram in histograms:
        for index, held in histogram.buckets.items():
            buckets[index] = buckets.get(index, 0) + held
        zeros += histogram.zeros
        count += histogram.count
        total += histogram.total
        log_total += histogram.log_total
        log_square += histogram.log_square
    return Histogram(buckets, zeros, count, total, log_total, log_square)


def grouped(windows: Iterable[Window], *labels: str) -> dict[tuple[str, ...], list[Window]]:
    """Windows by the values of some labels."""
    groups: dict[tuple[str, ...], list[Window]] = {}
    for window in windows:
        key = tuple(window.series.label.get(name, "") for name in labels)
        groups.setdefault(key, []).append(window)
    return groups


def over_time(windows: Iterable[Window], span: Span) -> list[Red]:
    """One figure for each step of a span; a window counts where it starts."""
    steps: list[list[Window]] = [[] for _ in range(span.count)]
    for window in windows:
        index = span.index(window.start)
        if index is not None:
            steps[index].append(window)
    return [summarise(step, span.seconds(index)) for index, step in enumerate(steps)]


def covered(windows: Iterable[Window], span: Span) -> float:
    """Seconds from the first window in a span to its end: a young perfd has not seen all of it."""
    first = min((w.start for w in windows), default=span.start)
    return max(span.end - max(first, span.start), min(span.step, span.end - span.start))


def in_order(keys: Iterable[Hashable]) -> list[str]:
    """Distinct labels, sorted, the unknown ones left out when there are others."""
    names = sorted({str(key) for key in keys})
    return [name for name in names if name not in {"", "unknown"}] or names
