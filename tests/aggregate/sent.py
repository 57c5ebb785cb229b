"""What a sender sends, made with OpenTelemetry's own messages and read by perfd's decoder."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from perfd.aggregate.aggregator import Aggregator
from perfd.aggregate.settings import AggregateSettings
from perfd.interfaces import Delivery
from perfd.model.batch import Batch
from perfd.model.window import Window
from perfd.sources.otlp_decode import PROTO, OtlpDecoder
from perfd.sources.settings import OtlpSettings
from tests.fakes import CountingMeter

NOW = 1_700_000_000.0
INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = 1, 2, 3, 4, 5
ERROR = 2

Attributes = Mapping[str, Any]


def nanoseconds(at: float) -> int:
    return round(at * 1e6) * 1_000


def resource_of(service: str = "shop", **attributes: str) -> dict[str, str]:
    named = {key.replace("_", "."): value for key, value in attributes.items()}
    return {"service.name": service, "service.version": "1.0.0"} | named


def fill(attributes: Any, values: Attributes) -> None:
    for key, value in values.items():
        any_value = attributes.add(key=key).value
        if isinstance(value, bool):
            any_value.bool_value = value
        elif isinstance(value, int):
            any_value.int_value = value
        elif isinstance(value, float):
            any_value.double_value = value
        elif isinstance(value, list):
            for one in value:
                any_value.array_value.values.add(string_value=one)
        else:
            any_value.string_value = value


_ids = random.Random(7)


def new_id(size: int) -> bytes:
    return _ids.randbytes(size)


def span(
    name: str = "GET /cart",
    *,
    kind: int = SERVER,
    end: float = NOW,
    seconds: float = 0.1,
    attributes: Attributes | None = None,
    trace: bytes | None = None,
    id: bytes | None = None,
    parent: bytes = b"",
    error: bool = False,
    state: str = "",
    flags: int = 0,
) -> dict[str, Any]:
    """The parts of one span; `end` in seconds since the epoch."""
    return {
        "name": name,
        "kind": kind,
        "start_time_unix_nano": nanoseconds(end) - round(seconds * 1e9),
        "end_time_unix_nano": nanoseconds(end),
        "trace_id": new_id(16) if trace is None else trace,
        "span_id": new_id(8) if id is None else id,
        "parent_span_id": parent,
        "trace_state": state,
        "flags": flags,
        "attributes": attributes or {},
        "status": ERROR if error else 0,
    }


def request_of(
    spans: Iterable[Mapping[str, Any]], resource: Attributes | None = None
) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    part = request.resource_spans.add()
    fill(part.resource.attributes, resource or resource_of())
    scope = part.scope_spans.add()
    scope.scope.name = "instrumentation"
    for parts in spans:
        plain = {k: v for k, v in parts.items() if k not in {"attributes", "status"}}
        message = scope.spans.add(**plain)
        fill(message.attributes, parts["attributes"])
        message.status.code = parts["status"]
        message.events.add(name="noise")  # a field that perfd's view does not have
    return request


class Perfd:
    """A decoder and an aggregator, and what they counted."""

    def __init__(self, pace: float = 1.0, seed: int = 1, **settings: Any) -> None:
        self.meter = CountingMeter()
        self.decoder = OtlpDecoder(OtlpSettings(), self.meter)
        self.aggregator = Aggregator(
            AggregateSettings(**settings),
            pace=pace,
            meter=self.meter,
            random=random.Random(seed).random,
        )

    def decode(self, signal: str, body: bytes) -> Delivery:
        return self.decoder.decode(signal, PROTO, "", body, NOW)  # type: ignore[arg-type]

    def spans(
        self,
        spans: Iterable[Mapping[str, Any]],
        resource: Attributes | None = None,
        now: float = NOW,
        position: int | None = None,
    ) -> None:
        body = request_of(spans, resource).SerializeToString()
        self.aggregator.add(self.decode("traces", body), position, now)

    def metrics(self, request: ExportMetricsServiceRequest, now: float = NOW) -> None:
        delivery = self.decode("metrics", request.SerializeToString())
        self.aggregator.add(delivery, None, now)

    def take(self, now: float = NOW) -> Batch:
        return self.aggregator.take(now)

    def dropped(self, **labels: str) -> float:
        return self.meter.total("perfd_dropped_items", stage="aggregate", **labels)


def named(windows: Iterable[Window], name: str, **labels: str) -> list[Window]:
    """Windows that count something, of a series name and labels."""
    return [w for w in windows if w.count and w.series.matches(name, labels)]


def total(windows: Sequence[Window]) -> tuple[int, int, int]:
    """Requests, errors, and measured durations."""
    return (
        sum(w.count for w in windows),
        sum(w.errors for w in windows),
        sum(w.histogram.count for w in windows),
    )
