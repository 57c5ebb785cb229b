"""Measurements to windows: the one place that knows every kind of telemetry.

Not safe for several threads: deliveries, readings, takes and looks are steps of one event loop.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from perfd.aggregate.cardinality import Cardinality
from perfd.aggregate.exemplars import Exemplars
from perfd.aggregate.gauges import OpenGauges
from perfd.aggregate.grid import Grid
from perfd.aggregate.live import Live
from perfd.aggregate.origin import Origins
from perfd.aggregate.population import Population
from perfd.aggregate.settings import AggregateSettings
from perfd.aggregate.spans import SpanAggregate
from perfd.aggregate.traces import Traces
from perfd.aggregate.warmup import InstanceKey, Warmup
from perfd.aggregate.windows import OpenWindows, by_minute
from perfd.interfaces import Delivery, Meter
from perfd.model.batch import Batch
from perfd.model.series import CPU_TIME, UNKNOWN, Resource, Series
from perfd.model.window import Reading, Window


class Aggregator:
    """Takes deliveries and readings, gives out increments by the minute.

    `random` returns floats in [0, 1).
    """

    def __init__(
        self,
        settings: AggregateSettings,
        *,
        pace: float,
        meter: Meter,
        random: Callable[[], float],
    ) -> None:
        self._meter = meter
        self._grid = Grid(pace)
        self.warmup = Warmup(settings.max_instances, meter)
        self._windows = OpenWindows(settings.max_open_windows)
        self._gauges = OpenGauges(self._grid, settings.max_open_windows)
        self._traces = Traces(settings.traces, meter, random)
        self._exemplars = Exemplars(self._grid, self._traces, settings.traces.wait, meter, random)
        self._with_traces = settings.traces.enabled
        exemplars = self._exemplars if self._with_traces else None
        origins = Origins(Cardinality(settings))
        self._spans = SpanAggregate(
            self._grid, self._windows, origins, self.warmup, exemplars, meter, random
        )
        self._live = Live(self._grid)
        self._population = Population()
        self._items: Counter[str] = Counter()
        self._position: int | None = None
        self._now = 0.0

    def add(self, delivery: Delivery, position: int | None, now: float) -> None:
        """Aggregate one delivery; `position` is its record in the request log."""
        dropped: Mapping[str, int] = {}
        if delivery.signal == "traces":
            self._population.note((batch.resource for batch in delivery.content), now)
            dropped = self._spans.add(delivery.content, now)
            if self._with_traces:
                self._traces.add(delivery.content, now)
        self._account(delivery, dropped)
        self._now = now
        if position is not None:
            self._position = position

    def add_readings(self, readings: Sequence[Reading]) -> None:
        """Readings of this machine; CPU time gets the phase of the instance that spent it."""
        for reading in readings:
            series = self._phased(reading) if reading.series.name == CPU_TIME else reading.series
            self._gauges.add(series, self._grid.index_at(reading.at), reading.value)

    def take(self, now: float) -> Batch:
        """All increments since the last take, merged by the store's minutes."""
        self._traces.expire(now)
        cells = self._windows.take()
        self._live.add(cells, now)
        windows = by_minute(cells, self._grid)
        for shown in self._exemplars.take(now):
            key = (shown.series.id, shown.start)
            windows[key] = windows[key].merge(shown) if key in windows else shown
        items, self._items = self._items, Counter()
        position, self._position = self._position, None
        return Batch(
            windows=tuple(windows.values()),
            gauges=self._gauges.take(),
            log_position=position,
            items=dict(items),
        )

    def windows(self, name: str, labels: Mapping[str, str]) -> Sequence[Window]:
        """Base windows of the last two minutes, also those that are still open."""
        return self._live.windows(self._windows.open(), name, labels)

    def resources(self) -> Sequence[Resource]:
        """Resources heard of lately that name a process or a container."""
        return self._population.recent(self._now)

    @property
    def in_flight(self) -> dict[str, int]:
        """Accepted items that no take has given out, by signal."""
        return dict(self._items)

    def _account(self, delivery: Delivery, dropped: Mapping[str, int]) -> None:
        signal = delivery.signal
        kept = delivery.items - delivery.rejected - sum(dropped.values())
        for reason, items in dropped.items():
            self._meter.count(
                "perfd_dropped_items", items, stage="aggregate", signal=signal, reason=reason
            )
        self._meter.count("perfd_aggregated_items", kept, signal=signal)
        self._items[signal] += kept

    def _phased(self, reading: Reading) -> Series:
        labels = dict(reading.series.labels)
        key = InstanceKey(*(labels.get(field, UNKNOWN) for field in InstanceKey._fields))
        self.warmup.seen(key, reading.at)
        return Series.of(CPU_TIME, **labels | {"phase": self.warmup.phase(key, reading.at)})
