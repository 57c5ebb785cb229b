"""OTLP bodies to deliveries: inflate, count on the wire, parse, and leave the attributes alone.

JSON is transcoded into the same slim messages, so there is one path behind both. Any bytes give a
Delivery, BadInput, TooLarge or Unsupported.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from google.protobuf.message import DecodeError

from perfd.errors import BadInput, TooLarge, Unsupported
from perfd.interfaces import Delivery, Meter, Signal
from perfd.model.metric import MetricBatch
from perfd.model.span import SpanBatch
from perfd.sources.inflate import inflate
from perfd.sources.otlp_json import logs_from_json, metrics_from_json, traces_from_json
from perfd.sources.otlp_proto import Logs, Metrics, Traces
from perfd.sources.otlp_resource import Resources
from perfd.sources.settings import OtlpSettings
from perfd.sources.wire import bound_json, count_items

PROTO = "application/x-protobuf"
JSON = "application/json"

_MESSAGES = {"traces": Traces, "metrics": Metrics, "logs": Logs}
_TRANSCODERS: dict[Signal, Callable[[bytes], tuple[Any, int]]] = {
    "traces": traces_from_json,
    "metrics": metrics_from_json,
    "logs": logs_from_json,
}


class OtlpDecoder:
    """The Decoder of interfaces.py for traces, metrics and logs.

    `content` is a list of SpanBatch or of MetricBatch; logs are counted, and nothing is kept.
    """

    def __init__(self, settings: OtlpSettings, meter: Meter) -> None:
        self._max_size = settings.max_request_body_size
        self._max_items = settings.max_items
        self._resources = Resources(meter)

    def decode(
        self, signal: Signal, media: str, encoding: str, body: bytes, received_at: float
    ) -> Delivery:
        """Raises BadInput, TooLarge or Unsupported; never anything else."""
        if signal not in _MESSAGES:
            raise Unsupported(f"{signal} are not an OTLP signal that perfd decodes here")
        plain = inflate(body, encoding, self._max_size)
        message, items = self._parse(signal, media, plain)
        try:
            content = self._content(signal, message)
        except BadInput as error:
            error.items = max(items, 1)
            raise
        return Delivery(signal, media, encoding, body, received_at, items, content, size=len(plain))

    def _parse(self, signal: Signal, media: str, plain: bytes) -> tuple[Any, int]:
        kind = media.partition(";")[0].strip().lower()
        if kind == PROTO:
            items = count_items(signal, plain, self._max_items)
            try:
                return _MESSAGES[signal].FromString(plain), items
            except DecodeError:
                what = f"the body is not an OTLP {signal} request"
                raise BadInput(what, max(items, 1)) from None
        if kind != JSON:
            raise Unsupported(
                f"{media or 'no media type'!r} is not accepted; use {PROTO} or {JSON}"
            )
        bound_json(plain, self._max_items)
        message, items = _TRANSCODERS[signal](plain)
        if items > self._max_items:
            raise TooLarge(f"{items} items in one request; the limit is {self._max_items}", items)
        return message, items

    def _content(self, signal: Signal, message: Any) -> list[SpanBatch] | list[MetricBatch] | None:
        resources = self._resources.of
        if signal == "traces":
            return [
                SpanBatch(resources(part.resource), scope.spans)
                for part in message.resource_spans
                for scope in part.scope_spans
            ]
        if signal == "metrics":
            return [
                MetricBatch(resources(part.resource), scope.metrics)
                for part in message.resource_metrics
                for scope in part.scope_metrics
            ]
        return None
