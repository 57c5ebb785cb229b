"""OTLP/JSON to the slim messages, by the rules of the OTLP specification.

Ids are hexadecimal in any case, enums integers, keys lowerCamelCase, unknown keys ignored, 64-bit
integers text or numbers, and null is a field that is not there. protobuf's own JSON reader knows
none of the first, so msgspec reads, typed, and this writes what a protobuf client would have sent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from perfd.errors import BadInput
from perfd.sources.otlp_json_metrics import JsonMetrics, fill_metrics
from perfd.sources.otlp_json_values import (
    JsonKeyValue,
    JsonResource,
    Whole,
    attributes,
    encoded_resource,
    octets,
    text,
    whole,
)
from perfd.sources.otlp_proto import Logs, Metrics, Status, Traces

Body = TypeVar("Body")


class JsonStatus(msgspec.Struct):
    """A span's status."""

    message: str | None = None
    code: int | None = None


class JsonSpan(msgspec.Struct, rename="camel"):
    """The fields of a span that perfd reads."""

    trace_id: str | None = None
    span_id: str | None = None
    trace_state: str | None = None
    parent_span_id: str | None = None
    name: str | None = None
    kind: int | None = None
    flags: int | None = None
    start_time_unix_nano: Whole = None
    end_time_unix_nano: Whole = None
    attributes: list[JsonKeyValue] | None = None
    status: JsonStatus | None = None


class JsonScopeSpans(msgspec.Struct):
    """Spans of one scope."""

    spans: list[JsonSpan] | None = None


class JsonResourceSpans(msgspec.Struct, rename="camel"):
    """Spans of one resource."""

    resource: JsonResource | None = None
    scope_spans: list[JsonScopeSpans] | None = None


class JsonTraces(msgspec.Struct, rename="camel"):
    """A request to /v1/traces."""

    resource_spans: list[JsonResourceSpans] | None = None


class JsonScopeLogs(msgspec.Struct, rename="camel"):
    """Log records of one scope: objects, and nothing more is asked of them."""

    log_records: list[dict[str, msgspec.Raw]] | None = None


class JsonResourceLogs(msgspec.Struct, rename="camel"):
    """Log records of one resource."""

    scope_logs: list[JsonScopeLogs] | None = None


class JsonLogs(msgspec.Struct, rename="camel"):
    """A request to /v1/logs."""

    resource_logs: list[JsonResourceLogs] | None = None


def traces_from_json(body: bytes) -> tuple[Any, int]:
    """A slim Traces message and its number of spans. Raises BadInput."""
    return _transcode(body, JsonTraces, Traces(), _fill_traces)


def metrics_from_json(body: bytes) -> tuple[Any, int]:
    """A slim Metrics message and its number of data points. Raises BadInput."""
    return _transcode(body, JsonMetrics, Metrics(), fill_metrics)


def logs_from_json(body: bytes) -> tuple[Any, int]:
    """An empty Logs message and the number of records in the body. Raises BadInput."""
    return _transcode(body, JsonLogs, Logs(), _count_logs)


def _transcode(
    body: bytes, shape: type[Body], message: Any, fill: Callable[[Any, Body], int]
) -> tuple[Any, int]:
    try:
        return message, fill(message, msgspec.json.decode(body, type=shape))
    except RecursionError:
        raise BadInput("the JSON body is nested too deeply") from None
    except (msgspec.MsgspecError, ValueError, TypeError, OverflowError) as error:
        raise BadInput(f"the body is not OTLP/JSON: {error}") from None


def _fill_traces(message: Any, body: JsonTraces) -> int:
    items = 0
    for part in body.resource_spans or ():
        resource_spans = message.resource_spans.add(resource=encoded_resource(part.resource))
        for scope in part.scope_spans or ():
            spans = resource_spans.scope_spans.add().spans
            for span in scope.spans or ():
                _fill_span(spans.add(), span)
                items += 1
    return items


def _fill_span(message: Any, span: JsonSpan) -> None:
    message.trace_id = octets(span.trace_id)
    message.span_id = octets(span.span_id)
    message.parent_span_id = octets(span.parent_span_id)
    message.trace_state = text(span.trace_state)
    message.name = text(span.name)
    message.kind = span.kind or 0
    message.flags = span.flags or 0
    message.start_time_unix_nano = whole(span.start_time_unix_nano)
    message.end_time_unix_nano = whole(span.end_time_unix_nano)
    message.attributes.extend(attributes(span.attributes))
    if span.status is not None:
        status = Status(code=span.status.code or 0, message=span.status.message or "")
        message.status = status.SerializeToString()


def _count_logs(_: Any, body: JsonLogs) -> int:
    return sum(
        len(scope.log_records or ())
        for part in body.resource_logs or ()
        for scope in part.scope_logs or ()
    )
