"""Export requests for tests, made with opentelemetry-proto."""

from __future__ import annotations

import random
import time
import urllib.error
import urllib.request

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

PROTOBUF = "application/x-protobuf"


def _text(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))


def export_request(service: str, route: str, count: int, rng: random.Random) -> bytes:
    """`count` SERVER spans of one route that end now."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.extend(
        [_text("service.name", service), _text("service.version", "1.0.0")]
    )
    spans = resource.scope_spans.add().spans
    end = time.time_ns()
    for _ in range(count):
        spans.add(
            trace_id=rng.randbytes(16),
            span_id=rng.randbytes(8),
            name=f"GET {route}",
            kind=Span.SPAN_KIND_SERVER,
            start_time_unix_nano=end - rng.randrange(1_000_000, 50_000_000),
            end_time_unix_nano=end,
            attributes=[_text("http.request.method", "GET"), _text("http.route", route)],
        )
    return request.SerializeToString()


def post(address: str, path: str, body: bytes, content_type: str = PROTOBUF, **headers: str) -> int:
    """The status of a POST; 0 when the connection broke before an answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(
        f"http://{address}{path}", body, {"Content-Type": content_type, **named}
    )
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.read()
        return error.code
    except OSError:
        return 0
