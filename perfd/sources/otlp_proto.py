"""perfd's own slim view of OTLP messages: the published field numbers, only what perfd reads.

Built at run time, so no generated code and no protoc. Attributes stay encoded (`repeated bytes`),
which is 2.2 times faster than the full messages when few of them are read, and a bomb of a million
attributes takes 20 MiB instead of 110 as a map. Resources, names, trace states and statuses are
bytes too: what is read of them is decoded once per distinct bytes. Ids are bytes as in OTLP.

Packed lists of numbers (buckets, bounds) are bytes as well, so that they take no more room than in
the body. Events, links, scopes and exemplars are unknown fields.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.internal import api_implementation

PACKAGE = "perfd.otlp"

_Field = descriptor_pb2.FieldDescriptorProto
_TYPES = {
    "bytes": _Field.TYPE_BYTES,
    "string": _Field.TYPE_STRING,
    "int32": _Field.TYPE_INT32,
    "sint32": _Field.TYPE_SINT32,
    "uint32": _Field.TYPE_UINT32,
    "int64": _Field.TYPE_INT64,
    "fixed32": _Field.TYPE_FIXED32,
    "fixed64": _Field.TYPE_FIXED64,
    "sfixed64": _Field.TYPE_SFIXED64,
    "double": _Field.TYPE_DOUBLE,
    "bool": _Field.TYPE_BOOL,
}

# message -> field -> (number, type); "*" marks a repeated field, another message's name its type.
_MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "Traces": {"resource_spans": (1, "*ResourceSpans")},
    "ResourceSpans": {"resource": (1, "bytes"), "scope_spans": (2, "*ScopeSpans")},
    "ScopeSpans": {"spans": (2, "*Span")},
    "Span": {
        "trace_id": (1, "bytes"),
        "span_id": (2, "bytes"),
        "trace_state": (3, "bytes"),
        "parent_span_id": (4, "bytes"),
        "name": (5, "bytes"),
        "kind": (6, "int32"),
        "start_time_unix_nano": (7, "fixed64"),
        "end_time_unix_nano": (8, "fixed64"),
        "attributes": (9, "*bytes"),
        "status": (15, "bytes"),
        "flags": (16, "fixed32"),
    },
    "Status": {"message": (2, "string"), "code": (3, "int32")},
    "Metrics": {"resource_metrics": (1, "*ResourceMetrics")},
    "ResourceMetrics": {"resource": (1, "bytes"), "scope_metrics": (2, "*ScopeMetrics")},
    "ScopeMetrics": {"metrics": (2, "*Metric")},
    "Metric": {
        "name": (1, "bytes"),
        "unit": (3, "bytes"),
        "gauge": (5, "Gauge"),
        "sum": (7, "Sum"),
        "histogram": (9, "Histogram"),
        "exponential_histogram": (10, "ExponentialHistogram"),
    },
    "Gauge": {"data_points": (1, "*NumberPoint")},
    "Sum": {
        "data_points": (1, "*NumberPoint"),
        "aggregation_temporality": (2, "int32"),
        "is_monotonic": (3, "bool"),
    },
    "NumberPoint": {
        "start_time_unix_nano": (2, "fixed64"),
        "time_unix_nano": (3, "fixed64"),
        "as_double": (4, "double"),
        "as_int": (6, "sfixed64"),
        "attributes": (7, "*bytes"),
        "flags": (8, "uint32"),
    },
    "Histogram": {
        "data_points": (1, "*HistogramPoint"),
        "aggregation_temporality": (2, "int32"),
    },
    "HistogramPoint": {
        "start_time_unix_nano": (2, "fixed64"),
        "time_unix_nano": (3, "fixed64"),
        "count": (4, "fixed64"),
        "sum": (5, "double"),
        "bucket_counts": (6, "bytes"),
        "explicit_bounds": (7, "bytes"),
        "attributes": (9, "*bytes"),
        "flags": (10, "uint32"),
    },
    "ExponentialHistogram": {
        "data_points": (1, "*ExponentialPoint"),
        "aggregation_temporality": (2, "int32"),
    },
    "ExponentialPoint": {
        "attributes": (1, "*bytes"),
        "start_time_unix_nano": (2, "fixed64"),
        "time_unix_nano": (3, "fixed64"),
        "count": (4, "fixed64"),
        "sum": (5, "double"),
        "scale": (6, "sint32"),
        "zero_count": (7, "fixed64"),
        "positive": (8, "Buckets"),
        "flags": (10, "uint32"),
    },
    "Buckets": {"offset": (1, "sint32"), "bucket_counts": (2, "bytes")},
    "Logs": {"resource_logs": (1, "*ResourceLogs")},
    "ResourceLogs": {"scope_logs": (2, "*ScopeLogs")},
    "ScopeLogs": {"log_records": (2, "*bytes")},
    # Only written, when JSON is transcoded.
    "Resource": {"attributes": (1, "*bytes")},
    "KeyValue": {"key": (1, "string"), "value": (2, "AnyValue")},
    "AnyValue": {
        "string_value": (1, "string"),
        "bool_value": (2, "bool"),
        "int_value": (3, "int64"),
        "double_value": (4, "double"),
        "array_value": (5, "ArrayValue"),
        "kvlist_value": (6, "KeyValueList"),
        "bytes_value": (7, "bytes"),
    },
    "ArrayValue": {"values": (1, "*AnyValue")},
    "KeyValueList": {"values": (1, "*KeyValue")},
}


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name="perfd/otlp.proto", package=PACKAGE, syntax="proto3"
    )
    for name, members in _MESSAGES.items():
        message = file.message_type.add(name=name)
        if name == "AnyValue":  # a value that is set but zero is told from one that is not set
            message.oneof_decl.add(name="value")
        for member, (number, type_) in members.items():
            field = message.field.add(name=member, number=number)
            _type(field, type_)
            if name == "AnyValue":
                field.oneof_index = 0
    return file


def _type(field: descriptor_pb2.FieldDescriptorProto, type_: str) -> None:
    field.label = _Field.LABEL_REPEATED if type_.startswith("*") else _Field.LABEL_OPTIONAL
    type_ = type_.removeprefix("*")
    if type_ in _TYPES:
        field.type = _TYPES[type_]
    else:
        field.type = _Field.TYPE_MESSAGE
        field.type_name = f".{PACKAGE}.{type_}"


_pool = descriptor_pool.DescriptorPool()
_pool.Add(_file())


def _message(name: str) -> Any:
    return message_factory.GetMessageClass(_pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))


Traces = _message("Traces")
Metrics = _message("Metrics")
Logs = _message("Logs")
Status = _message("Status")
Resource = _message("Resource")
KeyValue = _message("KeyValue")


def check_backend() -> str | None:
    """What is wrong with protobuf's backend, in words for the user; None when it is upb.

    The pure-Python backend (what musl systems get) is 140 times slower.
    """
    backend = api_implementation.Type()
    if backend == "upb":
        return None
    return (
        f"protobuf runs its {backend!r} backend, which is far too slow for telemetry;"
        " install a protobuf wheel with upb (not available on Alpine or other musl systems)"
    )
