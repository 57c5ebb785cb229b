"""The local traces behind exemplars: spans by trace id, of all services that perfd hears.

Spans arrive before and after the request that turns out to be worth showing, in other deliveries
and from other services, so recent traces are kept open for a while. At a low rate that is all of
them. When the bounds are reached, only traces with a hash below a threshold are opened, which is
halved under pressure and doubled without: the same traces are chosen whatever service sends a
span. A trace that an exemplar asks for is opened in any case, with what comes from then on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple
from zlib import crc32

from perfd.aggregate.detail import DETAIL, DETAIL_BYTES, detail_of, plain_name
from perfd.aggregate.settings import TraceSettings
from perfd.interfaces import Meter
from perfd.model.exemplar import Exemplar, SpanRecord
from perfd.model.series import Series
from perfd.model.span import (
    CONSUMER,
    ERROR,
    KINDS,
    SERVER,
    SPAN_ID,
    TRACE_ID,
    Span,
    SpanBatch,
    status_code,
)

_ALL = 1 << 32
_LEAST = 1 << 12  # one trace in a million
_RECORD_SIZE = 400  # bytes that a record costs beside its text
_RESERVED = 8  # places of a trace that only entry spans may take: one that repeats fills the rest
_NAME_BYTES = 512
_SHOWN = 16  # exemplars of one trace that are given out again


class Record(NamedTuple):
    """A span as it is held: copied out of its message, which could then be freed."""

    span_id: bytes
    parent_id: bytes
    service: str
    name: bytes
    kind: int
    start: int
    end: int
    error: bool
    attributes: tuple[bytes, ...]


class Shown(NamedTuple):
    """An exemplar that was given out, and for which series and minute."""

    series: Series
    start: float
    exemplar: Exemplar


class Trace:
    """The spans of one trace, by span id, so that one that was sent twice is held once."""

    __slots__ = ("records", "shown", "size", "until")

    def __init__(self, until: float) -> None:
        self.until = until
        self.size = 0
        self.records: dict[bytes, Record] = {}
        self.shown: list[Shown] = []


class Traces:
    """The open traces."""

    def __init__(self, settings: TraceSettings, meter: Meter, random: Callable[[], float]) -> None:
        self._settings = settings
        self._meter = meter
        self._salt = int(random() * _ALL)
        self._threshold = _ALL
        self._open: dict[bytes, Trace] = {}
        self._grown: dict[bytes, Trace] = {}  # those of them that an exemplar was given out for
        self._size = 0
        self._pressed = 0.0

    def __len__(self) -> int:
        return len(self._open)

    @property
    def size(self) -> int:
        """Bytes held, estimated."""
        return self._size

    def want(self, trace_id: bytes, now: float) -> None:
        """An exemplar asks for this trace: open it, or keep it open for its full time."""
        trace = self._open.get(trace_id)
        if trace is None:
            self._open[trace_id] = Trace(now + self._settings.wait)
        else:
            trace.until = now + self._settings.wait

    def add(self, batches: Sequence[SpanBatch], now: float) -> None:
        """Take the spans of open traces, and open new ones while there is room."""
        opened, salt, threshold = self._open, self._salt, self._threshold
        for batch in batches:
            service = batch.resource.service
            for span in batch.spans:
                trace_id = span.trace_id
                trace = opened.get(trace_id)
                if trace is None:
                    if crc32(trace_id, salt) >= threshold or len(trace_id) != TRACE_ID:
                        continue
                    trace = opened[trace_id] = Trace(now + self._settings.wait)
                if self._append(trace, span, service) and trace.shown:
                    self._grown[trace_id] = trace
        self._bound(now)

    def show(self, trace_id: bytes, shown: Shown) -> None:
        """Remember that an exemplar was given out with the spans that are held now."""
        trace = self._open.get(trace_id)
        if trace is not None and len(trace.shown) < _SHOWN:
            trace.shown.append(shown)

    def grown(self) -> list[Shown]:
        """The exemplars whose traces have spans that they were given out without."""
        grown, self._grown = self._grown, {}
        return [shown for trace in grown.values() for shown in trace.shown]

    def spans(self, trace_id: bytes) -> tuple[SpanRecord, ...]:
        """The spans of a trace by start, with no parent that leads in a circle."""
        trace = self._open.get(trace_id)
        if trace is None:
            return ()
        records = sorted(trace.records.values(), key=lambda r: (r.start, -r.end, r.span_id))
        parents = _acyclic(trace.records)
        return tuple(_shown(record, parents[record.span_id]) for record in records)

    def expire(self, now: float) -> None:
        """Close the traces whose time is over."""
        wait = self._settings.wait
        over = [t for t, trace in self._open.items() if not now < trace.until <= now + 2 * wait]
        for trace_id in over:
            self._size -= self._open.pop(trace_id).size
        calm = abs(now - self._pressed) > wait and 2 * len(self._open) < self._settings.max_traces
        if calm and self._threshold < _ALL:
            self._threshold *= 2
            self._pressed = now

    def _append(self, trace: Trace, span: Span, service: str) -> bool:
        """Whether the span was new, and there was room."""
        kind = span.kind
        room = self._settings.max_spans - (0 if kind in (SERVER, CONSUMER) else _RESERVED)
        span_id = span.span_id
        known = span_id in trace.records or len(span_id) != SPAN_ID
        if known or len(trace.records) >= max(room, 1):
            return False
        record = trace.records[span_id] = _record(span, service, kind)
        size = _RECORD_SIZE + len(record.name) + sum(map(len, record.attributes))
        trace.size += size
        self._size += size
        return True

    def _bound(self, now: float) -> None:
        """Evict the oldest beyond the bounds, and open fewer from now on."""
        evicted = 0
        settings = self._settings
        while len(self._open) > settings.max_traces or self._size > settings.max_size:
            self._size -= self._open.pop(next(iter(self._open))).size
            evicted += 1
        if evicted:
            self._threshold = max(self._threshold // 2, _LEAST)
            self._pressed = now
            self._meter.count("perfd_evicted", evicted, what="traces")


def _record(span: Span, service: str, kind: int) -> Record:
    attributes = [a for a in span.attributes[:] if a.startswith(DETAIL) and len(a) <= DETAIL_BYTES]
    return Record(
        *(span.span_id, span.parent_span_id[:SPAN_ID], service, span.name[:_NAME_BYTES], kind),
        *(span.start_time_unix_nano, span.end_time_unix_nano),
        status_code(span.status) == ERROR,
        tuple(attributes),
    )


def _shown(record: Record, parent: bytes) -> SpanRecord:
    return SpanRecord(
        *(record.span_id.hex(), parent.hex(), record.service, plain_name(record.name)),
        KINDS[record.kind] if 0 <= record.kind < len(KINDS) else KINDS[0],
        record.start / 1e9,
        max(record.end - record.start, 0) / 1e9,
        record.error,
        detail_of(record.attributes),
    )


def _acyclic(records: dict[bytes, Record]) -> dict[bytes, bytes]:
    """The parent of each span; the link that would close a circle is cut."""
    parents: dict[bytes, bytes] = {}
    for span_id, record in records.items():
        parent = record.parent_id
        parents[span_id] = b"" if _leads_to(parents, parent, span_id) else parent
    return parents


def _leads_to(parents: dict[bytes, bytes], start: bytes, goal: bytes) -> bool:
    """Whether the walk up from `start` meets `goal`; links so far are acyclic, so it ends."""
    while start:
        if start == goal:
            return True
        start = parents.get(start, b"")
    return False
