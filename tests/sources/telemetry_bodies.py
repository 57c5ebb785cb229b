"""OTLP requests for tests: good ones, and every kind of bad one."""

from __future__ import annotations

import gzip
import json

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

PROTOBUF, JSON = "application/x-protobuf", "application/json"
START = 1_700_000_000_000_000_000


def traces(spans: int) -> bytes:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "shop"
    scope = resource.scope_spans.add()
    for n in range(spans):
        span = scope.spans.add(name="GET /cart", kind=2, trace_id=bytes(15) + b"\x01")
        span.span_id = n.to_bytes(8, "big")
        span.start_time_unix_nano, span.end_time_unix_nano = START, START + 5_000_000
        span.attributes.add(key="http.route").value.string_value = "/cart"
    return request.SerializeToString()


def metrics(points: int) -> bytes:
    request = ExportMetricsServiceRequest()
    resource = request.resource_metrics.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "shop"
    metric = resource.scope_metrics.add().metrics.add(name="queue.length")
    for _ in range(points):
        metric.gauge.data_points.add(as_double=1.0, time_unix_nano=START)
    return request.SerializeToString()


def logs(records: int) -> bytes:
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for _ in range(records):
        scope.log_records.add(time_unix_nano=START).body.string_value = "hello"
    return request.SerializeToString()


BODIES = {"traces": traces, "metrics": metrics, "logs": logs}

_RESOURCE = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
_SPAN = {
    "traceId": "0" * 31 + "1",
    "spanId": "0" * 15 + "1",
    "name": "GET /cart",
    "kind": 2,
    "startTimeUnixNano": str(START),
    "endTimeUnixNano": START + 5_000_000,
}
_METRIC = {"name": "queue.length", "gauge": {"dataPoints": [{"asDouble": 1.0}]}}


def as_json(signal: str, items: int) -> bytes:
    one = {"traces": _SPAN, "metrics": _METRIC, "logs": {"body": {"stringValue": "hello"}}}[signal]
    outer, scope, inner = {
        "traces": ("resourceSpans", "scopeSpans", "spans"),
        "metrics": ("resourceMetrics", "scopeMetrics", "metrics"),
        "logs": ("resourceLogs", "scopeLogs", "logRecords"),
    }[signal]
    part = {"resource": _RESOURCE, scope: [{inner: [one] * items}]}
    return json.dumps({outer: [part]}).encode()


def field(number: int, payload: bytes) -> bytes:
    """A length-delimited field on the wire."""
    size, octets = len(payload), bytearray([number << 3 | 2])
    while size > 127:
        octets.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes(octets) + bytes([size]) + payload


def empty_spans(count: int) -> bytes:
    return field(1, field(2, field(2, b"") * count))


def bad_bodies(limit: int) -> dict[str, tuple[bytes, str, str, int, str]]:
    """Name -> body, media type, compression, HTTP code, reason. `limit` is the largest body."""
    good = traces(3)
    packed = gzip.compress(good)
    corrupt = packed[:20] + bytes([packed[20] ^ 0xFF]) + packed[21:]
    return {
        "text": (b"hello, this is not protobuf", PROTOBUF, "", 400, "malformed"),
        "truncated": (good[:-5], PROTOBUF, "", 400, "malformed"),
        "text as gzip": (b"hello", PROTOBUF, "gzip", 400, "malformed"),
        "truncated gzip": (packed[:-9], PROTOBUF, "gzip", 400, "malformed"),
        "corrupt gzip": (corrupt, PROTOBUF, "gzip", 400, "malformed"),
        "plain said to be gzip": (good, PROTOBUF, "gzip", 400, "malformed"),
        "gzip not said to be": (packed, PROTOBUF, "", 400, "malformed"),
        "100,000 gzip members": (gzip.compress(b"") * 100_000, PROTOBUF, "gzip", 400, "malformed"),
        "protobuf said to be JSON": (good, JSON, "", 400, "malformed"),
        "JSON said to be protobuf": (as_json("traces", 1), PROTOBUF, "", 400, "malformed"),
        "half of a JSON": (as_json("traces", 1)[:-9], JSON, "", 400, "malformed"),
        "JSON of another shape": (b'{"resourceSpans": 5}', JSON, "", 400, "malformed"),
        "a number beyond floats": (
            as_json("metrics", 1).replace(b"1.0", b"1e999"),
            *(JSON, "", 400, "malformed"),
        ),
        "a deep JSON": (
            b'{"resourceSpans":[{"resource":{"attributes":[{"key":"k","value":'
            + b'{"arrayValue":{"values":[' * 5000
            + b"]}}" * 5000
            + b"}]}}]}",
            *(JSON, "", 400, "malformed"),
        ),
        "oversized": (bytes(limit + 1), PROTOBUF, "", 413, "too_large"),
        "oversized once inflated": (
            *(gzip.compress(bytes(limit + 1)), PROTOBUF, "gzip", 413, "too_large"),
        ),
        "a zip bomb": (gzip.compress(bytes(100 << 20)), PROTOBUF, "gzip", 413, "too_large"),
        "2.1 million spans in 4 KiB": (
            *(gzip.compress(empty_spans(2_100_000)), PROTOBUF, "gzip", 413, "too_large"),
        ),
        "a million JSON spans": (
            b'{"resourceSpans":[{"scopeSpans":[{"spans":[' + b"{}," * 1_000_000 + b"{}]}]}]}",
            *(JSON, "", 413, "too_large"),
        ),
        "no media type known": (good, "text/plain", "", 415, "unsupported"),
        "no compression known": (good, PROTOBUF, "zstd", 415, "unsupported"),
        "two compressions": (good, PROTOBUF, "gzip, gzip", 415, "unsupported"),
    }
