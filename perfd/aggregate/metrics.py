"""OTLP metrics to windows and gauges."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from perfd.aggregate.ahead import windows_ahead
from perfd.aggregate.gauge_series import GaugeSeries
from perfd.aggregate.gauges import OpenGauges
from perfd.aggregate.grid import Grid
from perfd.aggregate.origin import Origin, Origins
from perfd.aggregate.points import MALFORMED, believable, number
from perfd.aggregate.request_metrics import LEGACY, STABLE, Durations, operation_of
from perfd.aggregate.spans import FUTURE, LATE
from perfd.aggregate.streams import Streams, Total, Unusable
from perfd.aggregate.warmup import InstanceKey, Warmup
from perfd.aggregate.windows import OpenWindows
from perfd.model.metric import CUMULATIVE, DELTA, NO_VALUE, MetricBatch
from perfd.model.series import OVERFLOW

UNUSED = "unused"  # a metric that perfd makes no series of; summaries cannot be merged

_EXPLICIT, _EXPONENTIAL, _SUM, _GAUGE = "histogram", "exponential_histogram", "sum", "gauge"
_KINDS = (_GAUGE, _SUM, _EXPLICIT, _EXPONENTIAL)


class Sent(NamedTuple):
    """A data point and what surrounds it."""

    origin: Origin
    source: InstanceKey
    metric: Any
    kind: str
    data: Any
    point: Any
    window: int  # number of its base window


class MetricAggregate:
    """Request durations into the open windows, gauges and sums into the open gauges."""

    def __init__(
        self,
        grid: Grid,
        windows: OpenWindows,
        gauges: OpenGauges,
        origins: Origins,
        series: GaugeSeries,
        streams: Streams,
        warmup: Warmup,
    ) -> None:
        self._grid = grid
        self._windows = windows
        self._gauges = gauges
        self._origins = origins
        self._series = series
        self._streams = streams
        self._warmup = warmup

    def add(self, batches: Sequence[MetricBatch], items: int, now: float) -> Counter[str]:
        """Count a delivery of `items` points; returns how many were dropped, by reason."""
        first, last = self._grid.bounds(now)
        dropped: Counter[str] = Counter()
        for sent in self._points(batches, now):
            items -= 1
            try:
                if not first <= sent.window <= last:
                    raise Unusable(LATE if sent.window < first else FUTURE)
                self._take(sent, sent.window, now)
            except Unusable as reason:
                dropped[str(reason)] += 1
        dropped[UNUSED] += max(items, 0)  # points of kinds that were not even parsed
        return +dropped

    def _points(self, batches: Sequence[MetricBatch], now: float) -> Iterator[Sent]:
        for batch in batches:
            origin = self._origins.of(batch.resource, now)
            source = InstanceKey.of(batch.resource)
            named = {metric.name for metric in batch.metrics}
            back: int | None = None  # the points of one export have one time
            for metric in batch.metrics:
                if metric.name == LEGACY and STABLE in named:
                    continue  # a sender in transition says everything twice
                for kind in _KINDS:
                    data = getattr(metric, kind)
                    for point in data.data_points:
                        index = self._grid.index(point.time_unix_nano)
                        if back is None:
                            back = windows_ahead({index: 1}, self._grid, now)
                        yield Sent(origin, source, metric, kind, data, point, index - back)

    def _take(self, sent: Sent, index: int, now: float) -> None:
        if sent.point.flags & NO_VALUE:
            return
        if sent.kind in {_GAUGE, _SUM}:
            self._take_number(sent, index, now)
        elif sent.metric.name in {STABLE, LEGACY}:
            self._take_requests(sent, index)
        else:
            raise Unusable(UNUSED)

    def _take_requests(self, sent: Sent, index: int) -> None:
        read = Durations.explicit if sent.kind == _EXPLICIT else Durations.exponential
        durations = read(sent.metric, sent.point)
        increment = self._increment(sent, durations.total)
        if increment is None:
            return
        count = believable(increment.count)
        if not count:
            return
        operation, origin = operation_of(sent.point), sent.origin
        operation = operation._replace(name=origin.operation(operation.name))
        phase = self._warmup.metered(origin.key, (increment.start or increment.time) / 1e9, count)
        layout = durations.layout(increment)
        series = origin.metric(operation, phase, layout)
        other = origin.metric(operation._replace(name=OVERFLOW), phase, layout)
        counted = (count, count if operation.error else 0, durations.histogram(increment))
        self._windows.cell(series, index, other).add(*counted)
        instance, other = origin.metric_instance(phase), origin.other_metric_instance(phase)
        self._windows.cell(instance, index, other).add(*counted)

    def _take_number(self, sent: Sent, index: int, now: float) -> None:
        value = number(sent.point)
        if sent.kind == _SUM and sent.data.is_monotonic:
            point = sent.point
            total = Total(point.start_time_unix_nano, point.time_unix_nano, value)
            increment = self._increment(sent, total)
            if increment is None:
                return
            value = increment.total
        name = sent.metric.name.decode("utf-8", "replace")
        series = self._series.of_metric(sent.origin, name, sent.point.attributes[:], now)
        if not self._gauges.add(series, index, value):
            raise Unusable("windows")

    def _increment(self, sent: Sent, total: Total) -> Total | None:
        """What is new in a point; None where that is not known."""
        temporality = sent.data.aggregation_temporality
        if temporality == DELTA:
            return total
        if temporality != CUMULATIVE:
            raise Unusable(MALFORMED)
        return self._streams.increment(_stream(sent), total)


def _stream(sent: Sent) -> bytes:
    """The name of a stream: source, metric, kind, attributes, bounds of its buckets, and its start.

    Processes that share a resource (workers without an instance id) differ in when they began.
    """
    bounds: bytes = getattr(sent.point, "explicit_bounds", b"")
    parts = ["\0".join(sent.source).encode("utf-8", "replace"), sent.metric.name]
    start = sent.point.start_time_unix_nano.to_bytes(8, "big")
    parts += [sent.kind.encode(), bounds, start, *sorted(sent.point.attributes[:])]
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(4, "big"))
        digest.update(part)
    return digest.digest()
