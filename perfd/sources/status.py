"""Answers to a telemetry request, in HTTP and in gRPC: success, or a google.rpc.Status.

OTLP wants that Status as the body of every HTTP error. Retryable are only 429, 502, 503 and 504,
and UNAVAILABLE; clients drop what got any other error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import msgspec
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from perfd.errors import BadInput, Overloaded, Refused, TooLarge, Unsupported
from perfd.interfaces import Delivery

PROTOBUF = "application/x-protobuf"
JSON = "application/json"

FAULT = "fault"  # the reason when it is perfd's own doing
FAULT_RETRY_AFTER = 5.0  # seconds


class Code(IntEnum):
    """Canonical codes of google.rpc.Code that perfd answers with."""

    CANCELLED = 1
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    UNIMPLEMENTED = 12
    UNAVAILABLE = 14
    UNAUTHENTICATED = 16


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request was not taken; the sender retries after `retry_after` seconds, or never."""

    http: int
    code: Code
    reason: str
    message: str
    retry_after: float | None = None

    @property
    def retry_after_header(self) -> str:
        """Whole seconds, never 0."""
        return str(max(1, math.ceil(self.retry_after or 0.0)))


def failure_of(error: BaseException) -> Failure:
    """How an error is answered; what is not the sender's doing is retryable and says nothing."""
    if isinstance(error, Overloaded):
        return Failure(503, Code.UNAVAILABLE, "overloaded", str(error), error.retry_after)
    for kind, http, code, reason in _FOR_GOOD:
        if isinstance(error, kind):
            return Failure(http, code, reason, str(error))
    if isinstance(error, ConnectionError):  # nobody reads the answer; 499 is nginx's name for it
        return Failure(499, Code.CANCELLED, "disconnected", "the sender went away", 0.0)
    message = "perfd could not take this; see its log"
    return Failure(503, Code.UNAVAILABLE, FAULT, message, FAULT_RETRY_AFTER)


_FOR_GOOD = (
    (TooLarge, 413, Code.RESOURCE_EXHAUSTED, "too_large"),
    (Unsupported, 415, Code.INVALID_ARGUMENT, "unsupported"),
    (BadInput, 400, Code.INVALID_ARGUMENT, "malformed"),
    (Refused, 403, Code.PERMISSION_DENIED, "forbidden"),
    (TimeoutError, 408, Code.DEADLINE_EXCEEDED, "timeout"),
)


def success_body(delivery: Delivery, media: str) -> bytes:
    """The Export…ServiceResponse: empty, or with what was rejected for good.

    The field numbers are the same for all signals, their JSON names are not.
    """
    if not delivery.rejected:
        return b"{}" if media == JSON else b""
    if media == JSON:
        count = {_REJECTED[delivery.signal]: str(delivery.rejected)}
        return msgspec.json.encode({"partialSuccess": count | {"errorMessage": delivery.reason}})
    response = ExportTraceServiceResponse()
    response.partial_success.rejected_spans = delivery.rejected
    response.partial_success.error_message = delivery.reason
    return bytes(response.SerializeToString())


_REJECTED = {
    "traces": "rejectedSpans",
    "metrics": "rejectedDataPoints",
    "logs": "rejectedLogRecords",
    "profiles": "rejectedProfiles",
}


def status_body(failure: Failure, media: str) -> bytes:
    """The google.rpc.Status of a failure in the media type of the request."""
    if media == JSON:
        return msgspec.json.encode({"code": int(failure.code), "message": failure.message})
    status = Status(code=failure.code, message=failure.message)
    if failure.retry_after is not None:
        status.details.add().Pack(_retry_info(failure.retry_after))
    return bytes(status.SerializeToString())


def retry_info(failure: Failure) -> bytes:
    """The RetryInfo of a retryable failure, alone."""
    return bytes(_retry_info(failure.retry_after or 0.0).SerializeToString())


def _retry_info(seconds: float) -> RetryInfo:
    whole, rest = divmod(seconds, 1.0)
    info = RetryInfo()
    info.retry_delay.seconds = int(whole)
    info.retry_delay.nanos = int(rest * 1e9)
    return info
