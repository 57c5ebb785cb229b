"""The metrics of OTLP/JSON, written into the slim messages."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import msgspec

from perfd.sources.otlp_json_values import (
    JsonKeyValue,
    JsonResource,
    Real,
    Whole,
    attributes,
    encoded_resource,
    real,
    text,
    whole,
)


class JsonBuckets(msgspec.Struct, rename="camel"):
    """One range of an exponential histogram."""

    offset: int | None = None
    bucket_counts: list[Whole] | None = None


class JsonPoint(msgspec.Struct, rename="camel"):
    """A data point of any kind; each kind has some of these."""

    attributes: list[JsonKeyValue] | None = None
    start_time_unix_nano: Whole = None
    time_unix_nano: Whole = None
    flags: int | None = None
    as_double: Real = None
    as_int: Whole = None
    count: Whole = None
    sum: Real = None
    bucket_counts: list[Whole] | None = None
    explicit_bounds: list[Real] | None = None
    scale: int | None = None
    zero_count: Whole = None
    positive: JsonBuckets | None = None


class JsonData(msgspec.Struct, rename="camel"):
    """Data points and how they are to be read."""

    data_points: list[JsonPoint] | None = None
    aggregation_temporality: int | None = None
    is_monotonic: bool | None = None


class JsonMetric(msgspec.Struct, rename="camel"):
    """A metric: one of the kinds is set."""

    name: str | None = None
    unit: str | None = None
    gauge: JsonData | None = None
    sum: JsonData | None = None
    histogram: JsonData | None = None
    exponential_histogram: JsonData | None = None
    summary: JsonData | None = None


class JsonScopeMetrics(msgspec.Struct):
    """Metrics of one scope."""

    metrics: list[JsonMetric] | None = None


class JsonResourceMetrics(msgspec.Struct, rename="camel"):
    """Metrics of one resource."""

    resource: JsonResource | None = None
    scope_metrics: list[JsonScopeMetrics] | None = None


class JsonMetrics(msgspec.Struct, rename="camel"):
    """A request to /v1/metrics."""

    resource_metrics: list[JsonResourceMetrics] | None = None


def fill_metrics(message: Any, body: JsonMetrics) -> int:
    """Write a request into a Metrics message; returns the number of data points."""
    items = 0
    for part in body.resource_metrics or ():
        resource_metrics = message.resource_metrics.add(resource=encoded_resource(part.resource))
        for scope in part.scope_metrics or ():
            metrics = resource_metrics.scope_metrics.add().metrics
            items += sum(_fill_metric(metrics.add(), metric) for metric in scope.metrics or ())
    return items


def _fill_metric(message: Any, metric: JsonMetric) -> int:
    message.name = text(metric.name)
    message.unit = text(metric.unit)
    items = 0
    for kind, fill in _KINDS.items():
        data: JsonData | None = getattr(metric, kind)
        if data is None:
            continue
        inner = getattr(message, kind)
        inner.SetInParent()
        _fill_kind(inner, kind, data)
        for point in data.data_points or ():
            fill(_point(inner, point), point)
            items += 1
    # A summary is counted and not read: quantiles cannot be merged.
    return items + len(metric.summary.data_points or () if metric.summary else ())


def _fill_kind(message: Any, kind: str, data: JsonData) -> None:
    if kind != "gauge":
        message.aggregation_temporality = data.aggregation_temporality or 0
    if kind == "sum":
        message.is_monotonic = bool(data.is_monotonic)


def _point(message: Any, point: JsonPoint) -> Any:
    return message.data_points.add(
        start_time_unix_nano=whole(point.start_time_unix_nano),
        time_unix_nano=whole(point.time_unix_nano),
        flags=point.flags or 0,
        attributes=attributes(point.attributes),
    )


def _fill_number(message: Any, point: JsonPoint) -> None:
    if point.as_double is not None:
        message.as_double = real(point.as_double)
    else:
        message.as_int = whole(point.as_int)


def _fill_histogram(message: Any, point: JsonPoint) -> None:
    counts = [whole(count) for count in point.bucket_counts or ()]
    bounds = [real(bound) for bound in point.explicit_bounds or ()]
    message.count = whole(point.count)
    message.sum = real(point.sum)
    message.bucket_counts = _packed(f"<{len(counts)}Q", counts)
    message.explicit_bounds = _packed(f"<{len(bounds)}d", bounds)


def _fill_exponential(message: Any, point: JsonPoint) -> None:
    message.count = whole(point.count)
    message.sum = real(point.sum)
    message.scale = point.scale or 0
    message.zero_count = whole(point.zero_count)
    if point.positive is not None:
        message.positive.SetInParent()
        message.positive.offset = point.positive.offset or 0
        counts = [whole(count) for count in point.positive.bucket_counts or ()]
        message.positive.bucket_counts = b"".join(map(_varint, counts))


def _packed(form: str, numbers: Sequence[float]) -> bytes:
    try:
        return struct.pack(form, *numbers)
    except struct.error as error:
        raise ValueError(f"a number does not fit its field: {error}") from None


def _varint(number: int) -> bytes:
    if not 0 <= number < 1 << 64:
        raise ValueError(f"{number} is not a count")
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


_KINDS = {
    "gauge": _fill_number,
    "sum": _fill_number,
    "histogram": _fill_histogram,
    "exponential_histogram": _fill_exponential,
}
