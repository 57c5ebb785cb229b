"""Spans to windows: the path that every span takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from perfd.aggregate.ahead import windows_ahead
from perfd.aggregate.exemplars import Exemplars
from perfd.aggregate.grid import Grid
from perfd.aggregate.grouping import GroupKey, Operations, grouped
from perfd.aggregate.operation import Operation
from perfd.aggregate.origin import Origin, Origins
from perfd.aggregate.sampling import adjusted
from perfd.aggregate.topology import Topology
from perfd.aggregate.warmup import Warmup
from perfd.aggregate.windows import OpenWindows, Sample
from perfd.interfaces import Meter
from perfd.model.series import OVERFLOW, STEADY, WARMUP
from perfd.model.span import Span, SpanBatch

LONGEST = 86_400.0  # seconds; what took longer is a clock's mistake, or has no start

LATE, FUTURE, NEGATIVE, TOO_LONG = "late", "future", "negative_duration", "too_long"


class Measured(NamedTuple):
    """Spans and their durations in seconds."""

    spans: Sequence[Span]
    seconds: Sequence[float]

    def part(self, indices: Sequence[int]) -> Measured:
        """Those at these indices."""
        return Measured([self.spans[i] for i in indices], [self.seconds[i] for i in indices])


class SpanAggregate:
    """Requests of entry spans into the open windows; the best of them to the exemplars."""

    def __init__(
        self,
        grid: Grid,
        windows: OpenWindows,
        origins: Origins,
        warmup: Warmup,
        exemplars: Exemplars | None,
        topology: Topology | None,
        meter: Meter,
        random: Callable[[], float],
    ) -> None:
        self._grid = grid
        self._windows = windows
        self._origins = origins
        self._warmup = warmup
        self._exemplars = exemplars
        self._topology = topology
        self._meter = meter
        self._random = random
        self._operations = Operations(meter)
        self._dropped: Counter[str] = Counter()
        self._overflowed = 0

    def add(self, batches: Sequence[SpanBatch], now: float) -> Counter[str]:
        """Count a delivery's spans; returns how many were dropped, by reason."""
        self._dropped, self._overflowed = Counter(), 0
        first, last = self._grid.bounds(now)
        if self._topology is not None:
            self._topology.listen(now)
        for batch in batches:
            origin = self._origins.of(batch.resource, now)
            requests, rest = grouped(batch.spans, self._grid)
            if self._topology is not None and rest:
                self._topology.calls(origin, rest, now)
            for key, spans in self._on_time(requests, now):
                if first <= key.window <= last:
                    self._measure(origin, key, spans, now)
                else:
                    self._dropped[LATE if key.window < first else FUTURE] += len(spans)
        if self._overflowed:
            self._meter.count("perfd_overflowed_items", self._overflowed, signal="traces")
        return +self._dropped  # without the reasons that dropped nothing

    def _on_time(
        self, requests: dict[GroupKey, list[Span]], now: float
    ) -> Iterable[tuple[GroupKey, list[Span]]]:
        """The groups in their windows; those of a clock that is ahead moved back."""
        newest = max((key.window for key in requests), default=0)
        if newest <= self._grid.index_at(now):
            return requests.items()
        counts: Counter[int] = Counter()
        for key, spans in requests.items():
            counts[key.window] += len(spans)
        back = windows_ahead(counts, self._grid, now)
        if not back:
            return requests.items()
        self._meter.count("perfd_skewed_items", counts.total(), signal="traces")
        return [(key._replace(window=key.window - back), part) for key, part in requests.items()]

    def _measure(self, origin: Origin, key: GroupKey, spans: list[Span], now: float) -> None:
        seconds = [(s.end_time_unix_nano - s.start_time_unix_nano) / 1e9 for s in spans]
        measured = Measured(spans, seconds)
        if min(seconds) < 0.0 or max(seconds) > LONGEST:
            measured = self._sane(measured)
        if not measured.spans:
            return
        operation = self._operations.of(key.clue)
        admitted = operation._replace(name=origin.operation(operation.name))
        for phase, part in self._phases(origin, key.window, measured, now):
            self._count(origin, key.window, admitted, phase, part, now)

    def _sane(self, measured: Measured) -> Measured:
        """Without the spans whose times cannot be."""
        kept = [i for i, s in enumerate(measured.seconds) if 0.0 <= s <= LONGEST]
        negative = sum(s < 0.0 for s in measured.seconds)
        self._dropped[NEGATIVE] += negative
        self._dropped[TOO_LONG] += len(measured.seconds) - len(kept) - negative
        return measured.part(kept)

    def _phases(
        self, origin: Origin, index: int, measured: Measured, now: float
    ) -> Iterator[tuple[str, Measured]]:
        """The requests by phase; for an instance that is long warm without looking at each."""
        if self._warmup.settled(origin.key, self._grid.start(index), len(measured.spans)):
            yield STEADY, measured
            return
        ends = [min(span.end_time_unix_nano / 1e9, now) for span in measured.spans]
        for phase, part in zip((WARMUP, STEADY), self._warmup.split(origin.key, ends), strict=True):
            if part:
                yield phase, measured.part(part)

    def _count(
        self,
        origin: Origin,
        index: int,
        operation: Operation,
        phase: str,
        measured: Measured,
        now: float,
    ) -> None:
        sample = Sample.of(measured.seconds)
        count = self._adjusted(measured.spans)
        errors = count if operation.error else 0
        other = operation._replace(name=OVERFLOW)
        series, spare = origin.requests(operation, phase), origin.requests(other, phase)
        cell = self._windows.cell(series, index, spare)
        cell.measure(count, errors, sample)
        instance, spare = origin.instance(phase), origin.other_instance(phase)
        self._windows.cell(instance, index, spare).measure(count, errors, sample)
        if cell.series.label["operation"] == OVERFLOW:
            self._overflowed += len(measured.spans)
        if self._exemplars is not None:
            self._exemplars.offer(cell.series, index, *measured, operation.error, now)
        if self._topology is not None and phase == STEADY:
            self._topology.requests(
                *(origin, index, operation.name), measured.spans, operation.error, now
            )

    def _adjusted(self, spans: Sequence[Span]) -> int:
        states = [span.trace_state for span in spans]
        return adjusted(states, self._random) if any(states) else len(spans)
