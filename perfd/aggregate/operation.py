"""What a span is a request to: operation, status class and error, by the semantic conventions.

Stable names come first and the legacy ones after them. An HTTP request is "GET /route", never a
path with identifiers in it; an RPC is its full method; a message is "process destination"; all
others are the span's name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from perfd.aggregate.paths import without_raw
from perfd.model.attribute import pair
from perfd.model.span import CONSUMER, ERROR, status_code
from perfd.model.text import shorten

HTTP_METHOD = ("http.request.method", "http.method")
HTTP_ROUTE = ("http.route",)
HTTP_STATUS = ("http.response.status_code", "http.status_code")
RPC_METHOD = ("rpc.method",)
RPC_SERVICE = ("rpc.service",)
RPC_STATUS = ("rpc.response.status_code", "rpc.status_code", "rpc.grpc.status_code")
DESTINATION = (
    "messaging.destination.template",
    "messaging.destination.name",
    "messaging.destination",
)
MESSAGING = ("messaging.operation.type", "messaging.operation.name", "messaging.operation")
TEMPORARY = ("messaging.destination.temporary", "messaging.temp_destination")

METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"}
)
OTHER_METHOD = "_OTHER"  # the conventions' own word
UNNAMED = "(unnamed)"
NO_DESTINATION = "(temporary)"

# gRPC codes that are the server's fault, by number and by the name that rpc.status_code may carry.
RPC_FAULTS = frozenset(
    {"2", "4", "12", "13", "14", "15", "UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED"}
    | {"INTERNAL", "UNAVAILABLE", "DATA_LOSS"}
)


class Operation(NamedTuple):
    """The labels of a request, and whether it failed."""

    name: str
    status: str
    error: bool


class Clue(NamedTuple):
    """All bytes that decide an operation: equal clues are equal operations."""

    kind: int
    name: bytes
    status: bytes
    attributes: tuple[bytes, ...]


def operation_of(clue: Clue) -> Operation:
    """Decode a clue."""
    attributes = decoded(clue.attributes)
    failed = status_code(clue.status) == ERROR
    name = clue.name.decode("utf-8", "replace")
    if method := first(attributes, HTTP_METHOD):
        return http_operation(attributes, method, name, failed)
    if method := first(attributes, RPC_METHOD):
        failed = failed or first(attributes, RPC_STATUS).upper() in RPC_FAULTS
        return _plain(_rpc_name(attributes, method), failed)
    if clue.kind == CONSUMER and (destination := _destination(attributes)):
        return _plain(f"{first(attributes, MESSAGING) or 'process'} {destination}", failed)
    return _plain(without_raw(name) or UNNAMED, failed)


def http_operation(
    attributes: Mapping[str, str], method: str, span_name: str, failed: bool
) -> Operation:
    """The operation of an HTTP server's request, from a span or from a metric's data point."""
    method = method if method in METHODS else OTHER_METHOD
    status = status_class(first(attributes, HTTP_STATUS))
    failed = failed or status == "5xx"
    if not status:
        status = "error" if failed else "ok"
    return Operation(_http_name(attributes, method, span_name), status, failed)


def status_class(code: str) -> str:
    """`2xx` … `5xx` of an HTTP status code; empty for what is none of them."""
    return f"{code[0]}xx" if len(code) == 3 and code.isdecimal() and code[0] in "2345" else ""


def decoded(attributes: Sequence[bytes]) -> dict[str, str]:
    """Keys and values of encoded attributes; malformed ones are left out."""
    pairs: dict[str, str] = {}
    for attribute in attributes:
        try:
            key, value = pair(attribute)
        except ValueError:
            continue
        pairs[key] = value
    return pairs


def first(attributes: Mapping[str, str], names: Sequence[str]) -> str:
    """The value of the first of these names that is there; empty for none."""
    return next((attributes[name] for name in names if attributes.get(name)), "")


def _http_name(attributes: Mapping[str, str], method: str, span_name: str) -> str:
    route = first(attributes, HTTP_ROUTE) or without_raw(span_name)
    words = route.split()
    while words and words[0] in {method, "HTTP"}:  # names as the conventions form and formed them
        del words[0]
    return shorten(" ".join([method, *words]))


def _rpc_name(attributes: Mapping[str, str], method: str) -> str:
    """Fully qualified already since v1.40 of the conventions; before, the service stands apart."""
    service = first(attributes, RPC_SERVICE)
    return f"{service}/{method}" if service and "/" not in method else method


def _destination(attributes: Mapping[str, str]) -> str:
    """Temporary queues have made-up names."""
    if first(attributes, TEMPORARY) == "true":
        return NO_DESTINATION
    return first(attributes, DESTINATION)


def _plain(name: str, failed: bool) -> Operation:
    return Operation(shorten(name), "error" if failed else "ok", failed)
