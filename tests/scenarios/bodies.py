"""OTLP request bodies, as an exporter would send them.

What is the same in all spans of an operation is made by opentelemetry-proto and kept; ids and times
are put around it by hand, since a scenario sends tens of thousands of spans.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from functools import cache

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import ResourceMetrics
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

PROTOBUF = "application/x-protobuf"
SERVER, CLIENT = Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CLIENT
PRODUCER = Span.SPAN_KIND_PRODUCER

_IDS = struct.Struct("<2s16s2s8s")  # trace_id (1) and span_id (2), each behind its tag and length
_TIMES = struct.Struct("<cQcQ")  # start (7) and end (8) in ns, fixed64


def attribute(key: str, value: str | int) -> KeyValue:
    """One attribute."""
    if isinstance(value, int):
        return KeyValue(key=key, value=AnyValue(int_value=value))
    return KeyValue(key=key, value=AnyValue(string_value=value))


def attributes(pairs: Mapping[str, str | int]) -> list[KeyValue]:
    """Attributes by name."""
    return [attribute(key, value) for key, value in pairs.items()]


@cache
def resource(pairs: tuple[tuple[str, str], ...]) -> bytes:
    """A Resource message, encoded."""
    return bytes(Resource(attributes=attributes(dict(pairs))).SerializeToString())


@cache
def request_span(operation: str, kind: int, failed: bool, peer: str = "") -> bytes:
    """The constant part of a span: `METHOD /route` is HTTP, anything else a plain name."""
    method, _, route = operation.partition(" ")
    told: dict[str, str | int] = {}
    if route.startswith("/"):
        told = {"http.request.method": method, "http.response.status_code": 500 if failed else 200}
        told["http.route" if kind == SERVER else "url.path"] = route
    if peer:
        told["server.address"] = peer
    code = Status.STATUS_CODE_ERROR if failed else Status.STATUS_CODE_UNSET
    span = Span(name=operation, kind=kind, attributes=attributes(told), status=Status(code=code))
    return bytes(span.SerializeToString())


@cache
def query_span(name: str, system: str) -> bytes:
    """The constant part of a database call's client span."""
    told = attributes({"db.system.name": system, "server.address": name})
    return bytes(Span(name=f"SELECT {name}", kind=CLIENT, attributes=told).SerializeToString())


def span(
    constant: bytes,
    trace: bytes,
    span_id: bytes,
    parent: bytes,
    start: float,
    seconds: float,
    state: bytes = b"",
) -> bytes:
    """A Span message in its field of ScopeSpans; times in seconds UTC."""
    begins = round(start * 1e9)
    body = _IDS.pack(b"\x0a\x10", trace, b"\x12\x08", span_id)
    if state:
        body += _field(3, state)
    if parent:
        body += b"\x22\x08" + parent
    body += constant + _TIMES.pack(b"\x39", begins, b"\x41", begins + round(seconds * 1e9))
    return _field(2, body)


def traces(resource_: bytes, spans: Iterable[bytes]) -> bytes:
    """An export request of one resource's spans."""
    return _field(1, _field(1, resource_) + _field(2, b"".join(spans)))


def metrics(resource_: bytes, made: ResourceMetrics) -> bytes:
    """An export request of one resource's metrics."""
    made.resource.ParseFromString(resource_)
    return bytes(ExportMetricsServiceRequest(resource_metrics=[made]).SerializeToString())


def _field(number: int, payload: bytes) -> bytes:
    size, octets = len(payload), bytearray([number << 3 | 2])
    while size > 127:
        octets.append(size & 0x7F | 0x80)
        size >>= 7
    octets.append(size)
    return bytes(octets) + payload
