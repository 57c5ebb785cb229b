"""The past of a service, put straight into the store: windows of the same model as the traffic.

Minutes for the last hours, and five minutes at a time before, since nothing reads the day before
more finely. All of it is steady: no instance is new.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from perfd.model.batch import Batch
from perfd.model.histogram import BUCKETS_PER_OCTAVE, Histogram
from perfd.model.series import (
    CPU_TIME,
    INSTANCE_REQUESTS,
    METRIC_INSTANCE_REQUESTS,
    METRIC_REQUESTS,
    REQUESTS,
    STEADY,
    Series,
)
from perfd.model.window import Gauge, Window
from tests.scenarios.measurements import metered
from tests.scenarios.past_calls import CallSink
from tests.scenarios.service import Service
from tests.scenarios.spans import kept, version_of
from tests.scenarios.traffic import Called, Served, Traffic

FINE = 9_000.0  # seconds: twice the baseline, and half an hour to spare
STEP, MINUTE = 300.0, 60.0
_FACTOR = BUCKETS_PER_OCTAVE / math.log(2.0)


class HistorySink:
    """Windows of one interval."""

    def __init__(self, start: float, width: float) -> None:
        self._start, self._width = start, width
        self._calls = CallSink(start, width)
        self.windows: list[Window] = []
        self.gauges: list[Gauge] = []

    def served(self, served: Served) -> None:
        """Requests by operation and status, and by instance; CPU time by instance."""
        self._calls.served(served)
        for failed in (False, True):
            mine = served.failed == failed
            if mine.any():
                self._operation(served, failed, mine)
        instances = served.service.instances
        for number, instance in enumerate(instances):
            mine = served.which == number
            if mine.any():
                labels = {**_place(served.service, number), "instance": instance.name}
                self._instance(served, labels, mine)
                spent = served.service.cpu * instance.build.cpu * float(served.own[mine].sum())
                self._cpu(labels, spent)

    def called(self, called: Called) -> None:
        """Calls, of the hours in which anybody reads them."""
        self._calls.called(called)

    def batch(self) -> Batch:
        """Everything of the interval."""
        calls = self._calls.windows() if self._width <= MINUTE else []
        return Batch((*self.windows, *calls), tuple(self.gauges))

    def _operation(self, served: Served, failed: bool, mine: np.ndarray) -> None:
        name = served.operation.name
        http = name.partition(" ")[2].startswith("/")
        status = ("5xx" if failed else "2xx") if http else ("error" if failed else "ok")
        labels = _place(served.service, 0)  # all of the past is one build
        labels |= {"operation": name, "status": status, "phase": STEADY}
        self._spans(served, Series.of(REQUESTS, **labels), mine)
        self._metric(served, METRIC_REQUESTS, labels, mine)

    def _instance(self, served: Served, labels: dict[str, str], mine: np.ndarray) -> None:
        labels = {**labels, "phase": STEADY}
        self._spans(served, Series.of(INSTANCE_REQUESTS, **labels), mine)
        self._metric(served, METRIC_INSTANCE_REQUESTS, labels, mine)

    def _spans(self, served: Served, series: Series, mine: np.ndarray) -> None:
        """What is left of the spans, and how many requests they say that they stand for."""
        reporting = served.service.reporting
        sent = mine & kept(served)
        if reporting.spans and sent.any():
            told = reporting.sampled < 1.0 and reporting.tracestate
            counted = mine if told else sent
            held = histogram(served.durations[sent])
            self._add(series, int(counted.sum()), int(served.failed[counted].sum()), held)

    def _metric(self, served: Served, name: str, labels: dict[str, str], mine: np.ndarray) -> None:
        if served.service.reporting.metrics:
            layout, held = metered(served.service, served.durations[mine])
            if name == METRIC_REQUESTS:
                labels = {**labels, "buckets": layout}
            errors = int(served.failed[mine].sum())
            self._add(Series.of(name, **labels), int(mine.sum()), errors, held)

    def _add(self, series: Series, count: int, errors: int, held: Histogram) -> None:
        self.windows.append(Window(series, self._start, self._width, count, errors, held))

    def _cpu(self, labels: dict[str, str], spent: float) -> None:
        if spent:
            series = Series.of(CPU_TIME, **labels, phase=STEADY)
            self.gauges.append(Gauge.single(series, self._start, self._width, spent))


def past(
    traffic: Traffic, services: list[Service], now: float, seconds: float, pace: float
) -> Iterator[Batch]:
    """Batches of what these services did until `now`, oldest first; `now` is on a minute.

    `seconds` are real ones, the intervals are divided by pace.
    """
    at = now - seconds
    while at < now:
        width = (STEP if at + STEP / pace <= now - FINE / pace else MINUTE) / pace
        sink = HistorySink(at, width)
        for service in services:
            traffic.send(service, at, width, sink)
        yield sink.batch()
        at += width


def histogram(values: np.ndarray) -> Histogram:
    """The same as Histogram.of, for arrays."""
    logs = np.log(values)
    indices = np.ceil(logs * _FACTOR).astype(int) - 1
    first = int(indices.min())
    buckets = {first + i: n for i, n in enumerate(np.bincount(indices - first).tolist()) if n}
    total = float(values.sum())
    return Histogram(buckets, 0, len(values), total, float(logs.sum()), float((logs * logs).sum()))


def _place(service: Service, number: int) -> dict[str, str]:
    version = version_of(service, service.instances[number])
    return {"service": service.name, "version": version, "environment": service.environment}
