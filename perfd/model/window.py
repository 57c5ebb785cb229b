"""Mergeable aggregates of one series over one interval."""

from __future__ import annotations

from dataclasses import dataclass

from perfd.model.exemplar import Exemplar, keep_best
from perfd.model.histogram import EMPTY, Histogram
from perfd.model.series import Series


@dataclass(frozen=True, slots=True)
class Window:
    """Requests of one series from `start` for `width` seconds.

    `count` may exceed `histogram.count`: a request whose duration must not be judged (a sampled or
    absurd one) is counted but not measured.
    """

    series: Series
    start: float
    width: float
    count: int
    errors: int
    histogram: Histogram = EMPTY
    exemplars: tuple[Exemplar, ...] = ()

    def merge(self, other: Window) -> Window:
        """Both windows as one from the earlier start to the later end.

        Associative and commutative.
        """
        start = min(self.start, other.start)
        end = max(self.start + self.width, other.start + other.width)
        exemplars = self.exemplars
        if other.exemplars:
            exemplars = keep_best((*self.exemplars, *other.exemplars))
        return Window(
            self.series,
            start,
            end - start,
            self.count + other.count,
            self.errors + other.errors,
            self.histogram.merge(other.histogram),
            exemplars,
        )


@dataclass(frozen=True, slots=True)
class Gauge:
    """A sampled quantity over one interval.

    Of a delta (CPU seconds) read `total`, of a level `mean`.
    """

    series: Series
    start: float
    width: float
    count: int
    total: float
    low: float
    high: float

    @classmethod
    def single(cls, series: Series, start: float, width: float, value: float) -> Gauge:
        """One reading."""
        return cls(series, start, width, 1, value, value, value)

    @property
    def mean(self) -> float:
        """Mean of the readings."""
        return self.total / self.count

    def merge(self, other: Gauge) -> Gauge:
        """Both intervals as one; associative and commutative."""
        start = min(self.start, other.start)
        end = max(self.start + self.width, other.start + other.width)
        return Gauge(
            self.series,
            start,
            end - start,
            self.count + other.count,
            self.total + other.total,
            min(self.low, other.low),
            max(self.high, other.high),
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of a series at one time, before aggregation."""

    series: Series
    at: float
    value: float
