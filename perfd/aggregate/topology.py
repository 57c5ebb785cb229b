"""Edges between services: what requests cost by themselves, and what their calls cost.

Of a fair sample of traces (thinning.py) the spans that one service sent are put together under
their requests. That needs nothing of other services, so an agent that hears one service only sees
its edges whole. Calls end, and are sent, before their request; a request is settled a few seconds
after it came, so that order and split of deliveries do not matter. What is not settled when perfd
ends is lost: whole requests of a sample, which bends nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from zlib import crc32

from perfd.aggregate.edges import Edges, Request
from perfd.aggregate.operation import decoded
from perfd.aggregate.origin import Origin
from perfd.aggregate.peers import KEPT, call_of, peer_of
from perfd.aggregate.settings import CallSettings
from perfd.aggregate.thinning import ALL, PERIOD, Thinning
from perfd.aggregate.waiting import Call, waited
from perfd.interfaces import Meter
from perfd.model.series import OVERFLOW
from perfd.model.span import CLIENT, ERROR, PRODUCER, SPAN_ID, Span, status_code

CALLING = (CLIENT, PRODUCER)

WAIT = 5.0  # seconds from a request to its settling: less than the lateness that detection grants
_MOST_SPANS = 1_000  # of one service in one trace; requests of a longer one are not judged
_NAME_BYTES = 512
_ATTRIBUTE_BYTES = 4_096


class Part(NamedTuple):
    """A span below a request, copied out of its message."""

    span_id: bytes
    parent_id: bytes
    kind: int
    start: int
    end: int
    failed: bool
    name: bytes
    attributes: tuple[bytes, ...]


@dataclass(slots=True)
class Bundle:
    """What one service sent of one trace, below its requests; `until` it is kept."""

    until: float
    parts: dict[bytes, Part] = field(default_factory=dict)
    crowded: bool = False

    def take(self, part: Part) -> bool:
        """Keep a span that is not there yet; whether it was kept."""
        if part.span_id in self.parts or len(part.span_id) != SPAN_ID:
            return False
        self.crowded = len(self.parts) >= _MOST_SPANS
        if not self.crowded:
            self.parts[part.span_id] = part
        return not self.crowded


class Topology:
    """The sampled requests that are open, at most `max_spans` of their spans together."""

    def __init__(
        self, settings: CallSettings, edges: Edges, meter: Meter, random: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._edges = edges
        self._meter = meter
        self._salt = int(random() * ALL)
        self._thinning: dict[str, Thinning] = {}
        self._bundles: dict[tuple[bytes, str], Bundle] = {}
        self._waiting: deque[Request] = deque()
        self._serving = Serving(settings.max_spans)
        self._held = 0
        self._heard: float | None = None  # since when no call was missed

    def __len__(self) -> int:
        return self._held

    def listen(self, now: float) -> None:
        """Say that spans are heard; calls that were made before the first of them were missed."""
        if self._heard is None:
            self._heard = now

    def calls(self, origin: Origin, spans: Sequence[Span], now: float) -> None:
        """Spans of one service that are nobody's requests."""
        thinning, salt = self._of(origin, now), self._salt
        below = thinning.opens
        taken = [span for span in spans if crc32(span.trace_id, salt) < below]
        if taken:
            thinning.held(len(taken))
            self._keep(origin.labels.service, taken, now)

    def requests(
        self,
        origin: Origin,
        window: int,
        operation: str,
        spans: Sequence[Span],
        failed: bool,
        now: float,
    ) -> None:
        """Steady requests of one operation in one base window, all failed or none."""
        thinning, salt = self._of(origin, now), self._salt
        below = thinning.judges
        taken = [span for span in spans if crc32(span.trace_id, salt) < below]
        if not taken:
            return
        thinning.held(len(taken))
        service, heard = origin.labels.service, int((self._heard or now) * 1e9)
        for span in taken:
            start = span.start_time_unix_nano
            if start < heard or len(self._waiting) >= self._settings.max_spans:
                continue
            request = Request(
                *(now + WAIT, (span.trace_id, service), origin, window, operation),
                *(span.span_id, start, span.end_time_unix_nano, failed),
            )
            self._waiting.append(request)
            self._serving.note(span.parent_span_id, service)

    def settle(self, now: float) -> None:
        """Count the requests that have waited, and let go of what no request came for."""
        for request in self._due(now):
            self._count(request)
        over = [key for key, b in self._bundles.items() if not now < b.until <= now + 2 * PERIOD]
        for key in over:
            self._held -= len(self._bundles.pop(key).parts)
        self._serving.turn(now)
        for thinning in self._thinning.values():
            thinning.turn(now)

    # --- taking in --------------------------------------------------------------------------------

    def _of(self, origin: Origin, now: float) -> Thinning:
        service = origin.labels.service
        thinning = self._thinning.get(service)
        if thinning is None:
            thinning = Thinning(self._settings.spans_per_second, now)
            self._thinning[service] = thinning
        return thinning

    def _keep(self, service: str, spans: Sequence[Span], now: float) -> None:
        for span in spans:
            if self._held >= self._settings.max_spans:
                self._meter.count("perfd_evicted", what="calls")
                self._heard = now + PERIOD  # a request of that time may miss calls
                continue
            key = (span.trace_id, service)
            bundle = self._bundles.get(key)
            if bundle is None:
                bundle = self._bundles[key] = Bundle(now + PERIOD)
            self._held += bundle.take(_part(span))

    # --- settling ---------------------------------------------------------------------------------

    def _due(self, now: float) -> Iterator[Request]:
        queue = self._waiting
        while queue and not now < queue[0].due <= now + 2 * WAIT:
            yield queue.popleft()

    def _count(self, request: Request) -> None:
        bundle = self._bundles.get(request.key)
        if bundle is None:
            self._edges.own(request, (request.end - request.start) / 1e9, request.failed)
            return
        if bundle.crowded:
            self._meter.count("perfd_evicted", what="calls")
            return
        below = _below(request, bundle.parts)
        calls = [part for part in below if part.kind in CALLING]
        self._tell(request, _outermost(calls, bundle.parts))
        self._release(request, bundle, below)

    def _tell(self, request: Request, parts: Sequence[Part]) -> None:
        calls = [_call(part) for part in parts]
        own, costs = waited(request.start, request.end, calls)
        excused = any(c.call.failed and c.seconds is not None for c in costs)
        self._edges.own(request, own, request.failed and not excused)
        for cost in costs:
            self._edges.call(request, cost)
        for part, call in zip(parts, calls, strict=True):
            callee = self._serving.of(part.span_id)
            if callee is not None and callee != OVERFLOW:
                self._edges.link(request, call.target, callee)

    def _release(self, request: Request, bundle: Bundle, parts: Sequence[Part]) -> None:
        for part in parts:
            del bundle.parts[part.span_id]
        self._held -= len(parts)
        if not bundle.parts:
            del self._bundles[request.key]


class Serving:
    """Who serves the call with a span id, of the last minute or two."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._recent: dict[bytes, str] = {}
        self._older: dict[bytes, str] = {}
        self._turned = 0.0

    def note(self, span_id: bytes, service: str) -> None:
        """A request of `service` names this span as its parent."""
        if span_id and len(self._recent) < self._most:
            self._recent[span_id] = service

    def of(self, span_id: bytes) -> str | None:
        """The service, if its request was heard."""
        return self._recent.get(span_id) or self._older.get(span_id)

    def turn(self, now: float) -> None:
        """Forget what is more than a period old."""
        if not 0.0 <= now - self._turned < PERIOD:
            self._older, self._recent = self._recent, {}
            self._turned = now


def _part(span: Span) -> Part:
    kind = span.kind
    attributes: tuple[bytes, ...] = ()
    if kind in (CLIENT, PRODUCER):
        found = span.attributes[:]
        attributes = tuple([a for a in found if a.startswith(KEPT) and len(a) <= _ATTRIBUTE_BYTES])
    return Part(
        *(span.span_id, span.parent_span_id, kind),
        *(span.start_time_unix_nano, span.end_time_unix_nano, status_code(span.status) == ERROR),
        *(span.name[:_NAME_BYTES], attributes),
    )


def _call(part: Part) -> Call:
    attributes = decoded(part.attributes)
    target = (peer_of(attributes), call_of(part.name, attributes))
    return Call(target, part.start, part.end, part.failed, part.kind == PRODUCER)


def _below(request: Request, parts: dict[bytes, Part]) -> list[Part]:
    """The spans that belong to a request."""
    return [part for part in parts.values() if _belongs(part, request, parts)]


def _belongs(part: Part, request: Request, parts: dict[bytes, Part]) -> bool:
    """Whether the walk up ends at the request; where it ends at a span not sent, time decides."""
    above = part
    for _ in range(len(parts)):
        if above.parent_id == request.span_id:
            return True
        if above.parent_id not in parts:
            return request.start <= part.start <= request.end
        above = parts[above.parent_id]
    return False


def _outermost(calls: Sequence[Part], parts: dict[bytes, Part]) -> list[Part]:
    """The calls that are not inside another: a driver's call under that of its wrapper is one."""
    return [part for part in calls if not _inside(part, parts)]


def _inside(part: Part, parts: dict[bytes, Part]) -> bool:
    above = parts.get(part.parent_id)
    for _ in range(len(parts)):
        if above is None or above.kind in CALLING:
            return above is not None
        above = parts.get(above.parent_id)
    return True
