"""Reads from the store what the scan looks at: the hours of a service's requests and of resources.

A service at a time and of it a day at a time, so that no more than a day of one service's windows
is held at once; what is left of a day is eight numbers an hour and operation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from perfd.detect import measures
from perfd.detect.scan import hours
from perfd.detect.scan.hours import Hours
from perfd.detect.scan.table import LEVEL, RATE, Subject, Table, table
from perfd.detect.speaker import is_http, metered, spanned, tells_more
from perfd.interfaces import Store
from perfd.jobs.gauge_hours import GaugeHours
from perfd.jobs.requests import known, requests
from perfd.jobs.resource_cells import Row, resource_rows
from perfd.model.series import CPU_TIME, OVERFLOW, REQUESTS, STEADY, Series
from perfd.model.times import floor_to

Array = NDArray[np.float64]
Place = tuple[str, str]  # service and environment

HOUR = 3600.0
DAY = 24  # cells
CELLS = 336
# Requests in a cell, below which a value is left out: of a quantile, that five lie beyond it.
FEWEST = {
    measures.LATENCY_MEAN: 5.0,
    measures.LATENCY_P50: 10.0,
    measures.LATENCY_P95: 100.0,
    measures.LATENCY_P99: 500.0,
}
_FIELDS = {
    measures.LATENCY_P50: hours.P50,
    measures.LATENCY_P95: hours.P95,
    measures.LATENCY_P99: hours.P99,
}


class CellReader:
    """Tables of complete cells of 3600 s / pace, up to the last that ends at or before `end`."""

    def __init__(self, store: Store, pace: float) -> None:
        self._store = store
        self._width = HOUR / pace
        self._held: tuple[tuple[Place, float, int], Hours, bool] | None = None

    @property
    def width(self) -> float:
        """Of a cell, in seconds."""
        return self._width

    def services(self) -> list[Place]:
        """Services and their environments that the store has requests of, sorted."""
        labels = (series.label for series in known(self._store, {}))
        return sorted({(of.get("service", ""), of.get("environment", "")) for of in labels})

    def levels(self, service: str, environment: str, end: float, cells: int = CELLS) -> Table:
        """Latency of each operation, and CPU per request of the service (operation "").

        The mean is the geometric one, of a metric the arithmetic one, whose quantiles are left out:
        its buckets are too wide for them.
        """
        held, by_metric = self._read((service, environment), end, cells)
        rows: list[Row] = []
        for operation, values in held.operations.items():
            of = _about((service, environment), operation, LEVEL)
            rows += _latencies(of, values, by_metric and is_http(operation))
        rows += _cpu(_about((service, environment), "", LEVEL), held.cpu)
        return self._table(rows, end, cells)

    def rates(self, service: str, environment: str, end: float, cells: int = CELLS) -> Table:
        """Errors of the requests of each operation."""
        held, _ = self._read((service, environment), end, cells)
        rows: list[Row] = []
        for operation, values in held.operations.items():
            subject = _about((service, environment), operation, RATE)(measures.ERROR_RATE)
            some = values[hours.REQUESTS] > 0.0
            errors, count = (
                np.where(some, values[i], np.nan) for i in (hours.ERRORS, hours.REQUESTS)
            )
            rows.append((subject, errors, count))
        return self._table(rows, end, cells)

    def gauges(self, end: float, cells: int = CELLS) -> Table:
        """Levels of hosts and containers, and the memory of the instances of each service."""
        last = floor_to(end, self._width)
        rows = resource_rows(GaugeHours(self._store, last, self._width, cells))
        return self._table(rows, end, cells)

    def _read(self, place: Place, end: float, cells: int) -> tuple[Hours, bool]:
        """What speaks for the service, and whether that is its metric; the last one is kept."""
        asked = place, floor_to(end, self._width), cells
        if self._held is None or self._held[0] != asked:
            self._held = asked, *self._speaking(place, asked[1], cells)
        return self._held[1], self._held[2]

    def _speaking(self, place: Place, end: float, cells: int) -> tuple[Hours, bool]:
        last = round(end / self._width)
        cuts = list(_days(last - cells, last))
        parts = [self._day(place, *cut) for cut in cuts]
        sizes = [stop - first for first, stop in cuts]
        spans = hours.joined([part[0] for part in parts], sizes)
        metric = hours.joined([part[1] for part in parts], sizes)
        if not tells_more(metric.versions, spans.versions):
            return _kept(spans), False
        others = {name: held for name, held in spans.operations.items() if not is_http(name)}
        return _kept(replace(metric, operations={**metric.operations, **others})), True

    def _day(self, place: Place, first: int, stop: int) -> tuple[Hours, Hours]:
        """The cells from `first` up to `stop`, as spans and as the metric count them."""
        start, end, width = first * self._width, stop * self._width, self._width
        labels = {"service": place[0], "environment": place[1], "phase": STEADY}
        spans, metric = requests(self._store, labels, start, end, width)
        cpu = self._store.gauges(CPU_TIME, labels, start, end, width)
        told = (spans, spanned(spans)), (metric, metered(metric))
        of_spans, of_metric = (
            replace(hours.hours(windows, cpu, start, width, stop - first), versions=versions)
            for windows, versions in told
        )
        return of_spans, of_metric

    def _table(self, rows: Sequence[Row], end: float, cells: int) -> Table:
        last = floor_to(end, self._width)
        return table(rows, last - cells * self._width, self._width, cells)


def _days(first: int, stop: int) -> Iterable[tuple[int, int]]:
    """Cells by day, the days counted from the epoch."""
    while first < stop:
        end = min((first // DAY + 1) * DAY, stop)
        yield first, end
        first = end


def _kept(held: Hours) -> Hours:
    """Without the operation that stands for all that there was no room for: it is many."""
    named: Mapping[str, Array] = {
        name: values for name, values in held.operations.items() if name != OVERFLOW
    }
    return replace(held, operations=named)


def _about(place: Place, operation: str, kind: str) -> Callable[[str], Subject]:
    """Subjects of one operation by metric; without one it is about the whole service."""
    labels = {"service": place[0], "environment": place[1]}
    of = {"operation": operation} if operation else {}
    name = REQUESTS if operation else CPU_TIME
    series = Series.of(name, **labels, **of)
    return lambda metric: Subject(*place, operation, metric, measures.unit(metric), series, kind)


def _latencies(of: Callable[[str], Subject], values: Array, by_metric: bool) -> Iterable[Row]:
    measured = values[hours.MEASURED]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (
            values[hours.SECONDS] / measured if by_metric else np.exp(values[hours.LOGS] / measured)
        )
    yield of(measures.LATENCY_MEAN), *_enough(measures.LATENCY_MEAN, mean, measured)
    if not by_metric:
        for metric, number in _FIELDS.items():
            yield of(metric), *_enough(metric, values[number], measured)


def _enough(metric: str, value: Array, count: Array) -> tuple[Array, Array]:
    """The value where it stands for enough requests, and their count."""
    return np.where(count >= FEWEST[metric], value, math.nan), np.where(count > 0.0, count, np.nan)


def _cpu(of: Callable[[str], Subject], cpu: Array) -> Iterable[Row]:
    seconds, count = cpu
    if not seconds.any():
        return
    with np.errstate(invalid="ignore", divide="ignore"):
        spent = np.where(count > 0.0, seconds / count, np.nan)
    yield of(measures.CPU), spent, np.where(count > 0.0, count, np.nan)
