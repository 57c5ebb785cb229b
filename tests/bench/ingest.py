"""How many spans one core decodes and aggregates, in this process.

    python tests/bench/ingest.py [--seconds 10]

Batches are OTLP/protobuf as a Collector sends them: 8,190 spans of 5 resources, 10 attributes,
about 450 bytes a span. `requests` is the worst case, every span a SERVER span; `mixed` is one
SERVER span, one INTERNAL and two CLIENT spans per request. The peer is the same work on the full
generated messages of opentelemetry-proto: the same three attributes, one histogram per operation.
Medians of CPU time over repetitions, interleaved, so that a slow moment of the machine hits all
alike.

perfd is told that 10,000 spans come each second and takes its increments after each batch; trace
ids are new in every batch. Traces are put together as far as their bounds (2,000 open, 15 s) allow.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from perfd.aggregate.aggregator import Aggregator
from perfd.aggregate.settings import AggregateSettings, TraceSettings
from perfd.sources.otlp_decode import PROTO, OtlpDecoder
from perfd.sources.settings import OtlpSettings
from tests.fakes import CountingMeter

SPANS, SERVICES, ROUTES = 8_190, 5, 17
RATE = 10_000.0
MARK = b"\xfe\xdc\xba\x98\x76\x54\x32\x10"  # half of each trace id, replaced in every turn
NOW = 1_700_000_000.0
INTERNAL, SERVER, CLIENT = 1, 2, 3
KINDS = {"requests": [SERVER], "mixed": [SERVER, INTERNAL, CLIENT, CLIENT]}


def batch(kinds: list[int], seed: int, at: float = NOW) -> bytes:
    """One encoded request of spans that ended in the five seconds before `at`."""
    rng = random.Random(seed)
    request = ExportTraceServiceRequest()
    for service in range(SERVICES):
        resource_spans = request.resource_spans.add()
        _resource(resource_spans.resource, service)
        spans = resource_spans.scope_spans.add().spans
        trace = root = b""
        for i in range(SPANS // SERVICES):
            kind = kinds[i % len(kinds)]
            if kind == SERVER:
                trace, root = MARK + rng.randbytes(8), rng.randbytes(8)
            _span(spans.add(), rng, kind, trace, root, at)
    return request.SerializeToString()


def _resource(resource: Any, service: int) -> None:
    for key, value in {
        "service.name": f"service-{service}",
        "service.version": "1.4.2",
        "service.instance.id": f"service-{service}-7d9f8b6c5-x2x9p",
        "deployment.environment.name": "prod",
        "process.pid": "4711",
        "telemetry.sdk.language": "python",
    }.items():
        resource.attributes.add(key=key).value.string_value = value


def _span(span: Any, rng: random.Random, kind: int, trace: bytes, root: bytes, at: float) -> None:
    route = f"/api/v1/products/{{id}}/part-{rng.randrange(ROUTES)}"
    end = int((at - rng.random() * 5) * 1e9)
    span.trace_id, span.kind = trace, kind
    span.span_id, span.parent_span_id = (root, rng.randbytes(8))
    if kind != SERVER:
        span.span_id, span.parent_span_id = rng.randbytes(8), root
    span.name = f"GET {route}"
    span.end_time_unix_nano = end
    span.start_time_unix_nano = end - int(rng.lognormvariate(17, 0.7))
    span.status.SetInParent()
    for key, value in {
        "http.request.method": "GET",
        "url.scheme": "http",
        "url.path": f"/api/v1/products/{rng.randrange(10**6)}/part",
        "http.route": route,
        "http.response.status_code": 200,
        "server.address": "10.20.30.40",
        "server.port": 8080,
        "client.address": f"10.1.{rng.randrange(256)}.{rng.randrange(256)}",
        "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64)",
        "network.protocol.version": "1.1",
    }.items():
        any_value = span.attributes.add(key=key).value
        if isinstance(value, int):
            any_value.int_value = value
        else:
            any_value.string_value = value


class Perfd:
    """Decode and aggregate, with a take after each batch as the flush job does."""

    def __init__(self, traces: bool) -> None:
        meter = CountingMeter()
        settings = AggregateSettings(traces=TraceSettings(enabled=traces))
        self._decoder = OtlpDecoder(OtlpSettings(), meter)
        self._aggregator = Aggregator(
            settings, pace=1.0, meter=meter, random=random.Random(1).random
        )

        self._now = NOW - 60.0
        self(batch([SERVER], 0, self._now))  # the instances have warmed up
        self._now = NOW

    def __call__(self, body: bytes) -> None:
        delivery = self._decoder.decode("traces", PROTO, "", body, self._now)
        self._aggregator.add(delivery, None, self._now)
        self._aggregator.take(self._now)
        self._now += SPANS / RATE


def peer(body: bytes) -> None:
    """RED by service, operation and status on the full messages."""
    series: dict[Any, dict[int, int]] = {}
    request = ExportTraceServiceRequest.FromString(body)
    for resource_spans in request.resource_spans:
        service = resource_spans.resource.attributes[0].value.string_value
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                found = {
                    a.key: a.value.string_value or a.value.int_value
                    for a in span.attributes
                    if a.key in _WANTED
                }
                key = (service, span.name, span.kind, span.status.code, *found.values())
                seconds = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9
                buckets = series.setdefault(key, {})
                index = math.ceil(math.log2(seconds) * 32) - 1
                buckets[index] = buckets.get(index, 0) + 1


_WANTED = {"http.request.method", "http.route", "http.response.status_code"}


def _resident() -> float:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * 4096 / 2**20


def _run(ways: dict[str, Callable[[bytes], None]], bodies: list[bytes], seconds: float) -> None:
    spent: dict[str, list[float]] = {name: [] for name in ways}
    until = time.monotonic() + seconds
    turn = 0
    while time.monotonic() < until or turn < 3:
        for name, way in ways.items():
            body = bodies[turn % len(bodies)].replace(MARK, struct.pack(">Q", turn))
            began = time.process_time()
            way(body)
            spent[name].append((time.process_time() - began) / SPANS)
        turn += 1
    slowest = statistics.median(spent["peer: full messages"])
    for name, times in spent.items():
        median = statistics.median(times)
        print(
            f"  {name:24} {1 / median:9,.0f} spans/s per core  {median * 1e6:5.2f} µs/span"
            f"  {slowest / median:4.1f}x the peer  ({len(times)} repetitions)"
        )


def main(argv: list[str]) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="for each kind of batch")
    seconds = parser.parse_args(argv).seconds
    for name, kinds in KINDS.items():
        before = _resident()
        bodies = [batch(kinds, seed) for seed in range(8)]
        ways = {
            "perfd without traces": Perfd(traces=False),
            "perfd with traces": Perfd(traces=True),
            "peer: full messages": peer,
        }
        print(f"{name}: {len(bodies[0]) / SPANS:.0f} bytes a span")
        _run(ways, bodies, seconds)
        held = sum(map(len, bodies)) / 2**20
        print(
            f"  resident memory {_resident():.0f} MiB, {before:.0f} before it;"
            f" {held:.0f} of them are the batches to be sent"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
