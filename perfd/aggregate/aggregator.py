"""Measurements to windows: the one place that knows every kind of telemetry.

Not safe for several threads: deliveries, readings, takes and looks are steps of one event loop.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from perfd.aggregate.cardinality import Cardinality
from perfd.aggregate.edges import Edges
from perfd.aggregate.exemplars import Exemplars
from perfd.aggregate.gauge_series import GaugeSeries
from perfd.aggregate.gauges import OpenGauges
from perfd.aggregate.grid import Grid
from perfd.aggregate.live import Live
from perfd.aggregate.metrics import MetricAggregate
from perfd.aggregate.origin import Origins
from perfd.aggregate.population import Population
from perfd.aggregate.profiles import ProfileAggregate
from perfd.aggregate.settings import AggregateSettings
from perfd.aggregate.spans import SpanAggregate
from perfd.aggregate.streams import Streams
from perfd.aggregate.topology import Topology
from perfd.aggregate.traces import Traces
from perfd.aggregate.warmup import Warmup
from perfd.aggregate.windows import OpenWindows, by_minute
from perfd.interfaces import Delivery, Meter
from perfd.model.batch import Batch
from perfd.model.series import Resource
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
        self._grid = grid = Grid(pace)
        self.warmup = warmup = Warmup(settings.max_instances, meter)
        self._windows = OpenWindows(settings.max_open_windows)
        self._gauges = OpenGauges(grid, settings.max_open_windows)
        cardinality = Cardinality(settings)
        origins = Origins(cardinality)
        self._series = GaugeSeries(cardinality, warmup)
        self._traces = Traces(settings.traces, meter, random)
        self._exemplars = Exemplars(grid, self._traces, settings.traces.wait, meter, random)
        self._with_traces = settings.traces.enabled
        exemplars = self._exemplars if self._with_traces else None
        edges = Edges(self._windows, meter)
        self._topology = Topology(settings.calls, edges, meter, random)
        topology = self._topology if settings.calls.enabled else None
        self._spans = SpanAggregate(
            *(grid, self._windows, origins, warmup, exemplars, topology, meter, random)
        )
        self._metrics = MetricAggregate(
            *(grid, self._windows, self._gauges, origins),
            *(self._series, Streams(settings.max_series), warmup),
        )
        self._profiles = ProfileAggregate(
            settings, minute=grid.minute, warmup=warmup, meter=meter, cardinality=cardinality
        )
        self._live = Live(grid)
        self._population = Population()
        self._items: Counter[str] = Counter()
        self._position: int | None = None
        self._now = 0.0

    def add(self, delivery: Delivery, position: int | None, now: float) -> None:
        """Aggregate one delivery; `position` is its record in the request log."""
        self._now = now
        if position is not None:
            self._position = position
        kept = self._take_in(delivery, now)
        self._meter.count("perfd_aggregated_items", kept, signal=delivery.signal)
        self._items[delivery.signal] += kept

    def add_readings(self, readings: Sequence[Reading]) -> None:
        """Readings of this machine; CPU time gets the phase of the instance that spent it."""
        for reading in readings:
            series = self._series.of_reading(reading)
            if not self._gauges.add(series, self._grid.index_at(reading.at), reading.value):
                self._meter.count("perfd_evicted", what="gauges")

    def take(self, now: float) -> Batch:
        """All increments since the last take, merged by the store's minutes."""
        self._traces.expire(now)
        self._topology.settle(now)
        cells = self._windows.take()
        self._live.add(cells, now)
        windows = by_minute(cells, self._grid)
        for shown in self._exemplars.take(now):
            key = (shown.series.id, shown.start)
            windows[key] = windows[key].merge(shown) if key in windows else shown
        items, self._items = self._items, Counter()
        position, self._position = self._position, None
        profiles, symbols = self._profiles.take()
        return Batch(
            windows=tuple(windows.values()),
            gauges=self._gauges.take(),
            profiles=profiles,
            symbols=symbols,
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

    def _take_in(self, delivery: Delivery, now: float) -> int:
        """How many items were kept; the others are counted as dropped."""
        items = delivery.items - delivery.rejected
        content = delivery.content
        if delivery.signal == "logs":
            return items
        self._population.note((part.resource for part in content), now)
        if delivery.signal == "profiles":
            return self._profiles.add(content, now)
        if delivery.signal == "metrics":
            return items - self._count(delivery, self._metrics.add(content, items, now))
        dropped = self._spans.add(content, now)
        if self._with_traces:
            self._traces.add(content, now)
        return items - self._count(delivery, dropped)

    def _count(self, delivery: Delivery, dropped: Mapping[str, int]) -> int:
        """Count what was dropped, by reason; returns the sum."""
        labels = {"stage": "aggregate", "signal": delivery.signal}
        for reason, items in dropped.items():
            self._meter.count("perfd_dropped_items", items, **labels, reason=reason)
        return sum(dropped.values())
