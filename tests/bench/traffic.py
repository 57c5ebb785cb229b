"""Realistic OTLP trace bodies whose times can be set cheaply, so that a sender costs little.

A body is built once by opentelemetry-proto; the times of all its spans are then patched in place,
since start and end are fixed64 fields of known positions.
"""

from __future__ import annotations

import gzip
import random
from dataclasses import dataclass

import numpy as np
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

ROUTES = [f"/api/v1/things/{{id}}/part{n}" for n in range(20)]
MARK_START = 0x5EED5EED00000000
MARK_END = 0x0DDB0DDB00000000


def attribute(key: str, value: str | int) -> KeyValue:
    kind = {"string_value": value} if isinstance(value, str) else {"int_value": value}
    return KeyValue(key=key, value=AnyValue(**kind))  # type: ignore[arg-type]


def attributes(rng: random.Random, route: str) -> list[KeyValue]:
    return [
        attribute("http.request.method", "GET"),
        attribute("http.route", route),
        attribute("http.response.status_code", 500 if rng.random() < 0.002 else 200),
        attribute("url.scheme", "http"),
        attribute("url.path", route.replace("{id}", str(rng.randrange(10**6)))),
        attribute("server.address", "shop.internal"),
        attribute("server.port", 8080),
        attribute("client.address", f"10.0.{rng.randrange(256)}.{rng.randrange(256)}"),
        attribute("network.protocol.version", "1.1"),
        attribute("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64) bench/1.0"),
    ]


@dataclass(slots=True)
class Body:
    """One export request of `spans` spans; `at` gives it with all spans ending around a time."""

    raw: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    durations: np.ndarray  # ns
    spans: int

    def at(self, end_ns: int) -> bytes:
        ends = np.full(self.spans, end_ns, dtype="<u8")
        self.raw[self.ends[:, None] + np.arange(8)] = ends.view(np.uint8).reshape(-1, 8)
        starts = (ends - self.durations).astype("<u8")
        self.raw[self.starts[:, None] + np.arange(8)] = starts.view(np.uint8).reshape(-1, 8)
        return self.raw.tobytes()

    def packed(self, end_ns: int) -> bytes:
        return gzip.compress(self.at(end_ns), 1)


def body(seed: int, spans: int = 512, services: int = 5, servers: float = 0.5) -> Body:
    """A request with spans of several services: a part SERVER spans, the rest CLIENT."""
    rng = random.Random(seed)
    request = ExportTraceServiceRequest()
    mark = 0
    for n in range(services):
        resource = request.resource_spans.add()
        resource.resource.attributes.extend(
            [
                attribute("service.name", f"service-{n}"),
                attribute("service.version", "1.0.0"),
                attribute("service.instance.id", f"service-{n}-{seed % 3}"),
                attribute("deployment.environment.name", "prod"),
                attribute("telemetry.sdk.language", "python"),
            ]
        )
        scope = resource.scope_spans.add()
        for _ in range(spans // services + (1 if n < spans % services else 0)):
            route = rng.choice(ROUTES)
            server = rng.random() < servers
            scope.spans.add(
                trace_id=rng.randbytes(16),
                span_id=rng.randbytes(8),
                parent_span_id=rng.randbytes(8),
                name=f"GET {route}",
                kind=Span.SPAN_KIND_SERVER if server else Span.SPAN_KIND_CLIENT,
                start_time_unix_nano=MARK_START + mark,
                end_time_unix_nano=MARK_END + mark,
                attributes=attributes(rng, route),
            )
            mark += 1
    return _patchable(request.SerializeToString(), spans, rng)


def _patchable(raw: bytes, spans: int, rng: random.Random) -> Body:
    starts = [raw.index((MARK_START + n).to_bytes(8, "little")) for n in range(spans)]
    ends = [raw.index((MARK_END + n).to_bytes(8, "little")) for n in range(spans)]
    durations = [int(rng.lognormvariate(-4, 0.8) * 1e9) for _ in range(spans)]
    return Body(
        np.frombuffer(bytearray(raw), dtype=np.uint8).copy(),
        np.array(starts),
        np.array(ends),
        np.array(durations, dtype="<u8"),
        spans,
    )
