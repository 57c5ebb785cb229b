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
from zlib import crc32

from perfd.aggregate.bundles import CALLING, Bundle, Part, below, outermost, part_of
from perfd.aggregate.edges import Edges, Request
from perfd.aggregate.operation import decoded
from perfd.aggregate.origin import Origin
from perfd.aggregate.peers import call_of, peer_of
from perfd.aggregate.serving import Serving
from perfd.aggregate.settings import CallSettings
from perfd.aggregate.thinning import ALL, PERIOD, Thinning
from perfd.aggregate.waiting import Call, waited
from perfd.interfaces import Meter
from perfd.model.series import OVERFLOW
from perfd.model.span import PRODUCER, Span

WAIT = 5.0  # seconds from a request to its settling: less than the lateness that detection grants
_LONGEST = int(PERIOD / 2 * 1e9)  # nanoseconds; the first calls of a longer request may be gone


class Topology:
    """The sampled requests that are open, at most `max_spans` of their spans together."""

    def __init__(
        self, settings: CallSettings, edges: Edges, meter: Meter, random: Callable[[], float]
    ) -> None:
        self._spans_per_second = settings.spans_per_second
        self._most = settings.max_spans
        self._edges = edges
        self._meter = meter
        self._salt = int(random() * ALL)
        self._thinning: dict[str, Thinning] = {}
        self._bundles: dict[tuple[bytes, str], Bundle] = {}
        self._waiting: deque[Request] = deque()
        self._serving = Serving(self._most)
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
        thinning.expect(len(spans), now)
        least = thinning.opens
        taken = [span for span in spans if crc32(span.trace_id, salt) < least]
        if taken:
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
        thinning.expect(len(spans), now)
        least = thinning.judges
        taken = [span for span in spans if crc32(span.trace_id, salt) < least]
        if not taken:
            return
        service, heard = origin.labels.service, int((self._heard or now) * 1e9)
        for span in taken:
            start, end = span.start_time_unix_nano, span.end_time_unix_nano
            if start < heard or end - start > _LONGEST or len(self._waiting) >= self._most:
                self._meter.count("perfd_evicted", what="requests")
                continue
            key = (span.trace_id, service)
            request = Request(
                *(now + WAIT, key, origin, window, operation, span.span_id, start, end, failed)
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
            thinning = Thinning(self._spans_per_second, now)
            self._thinning[service] = thinning
        return thinning

    def _keep(self, service: str, spans: Sequence[Span], now: float) -> None:
        for span in spans:
            if self._held >= self._most:
                self._meter.count("perfd_evicted", what="calls")
                self._heard = now + PERIOD  # a request of that time may miss calls
                continue
            key = (span.trace_id, service)
            bundle = self._bundles.get(key)
            if bundle is None:
                bundle = self._bundles[key] = Bundle(now + PERIOD)
            self._held += bundle.take(part_of(span))

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
        parts = below(request, bundle.parts)
        calls = [part for part in parts if part.kind in CALLING]
        self._tell(request, outermost(calls, bundle.parts))
        self._release(request, bundle, parts)

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


def _call(part: Part) -> Call:
    attributes = decoded(part.attributes)
    target = (peer_of(attributes), call_of(part.name, attributes))
    return Call(target, part.start, part.end, part.failed, part.kind == PRODUCER)
