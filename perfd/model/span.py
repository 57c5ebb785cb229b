"""Spans as the aggregate reads them: whatever the decoder made, seen through a Protocol.

Text that only some spans need decoded (name, trace state, attributes, status) stays bytes; a group
of equal bytes is decoded once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from perfd.model.attribute import fields
from perfd.model.series import Resource

UNSPECIFIED, INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = range(6)
KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")

TRACE_ID, SPAN_ID = 16, 8  # bytes of a well-formed id

UNSET, OK, ERROR = range(3)

# Span.flags: the parent is known to be in another process (bit 8: it is known; bit 9: it is so).
REMOTE_PARENT = 0x300

_STATUS_CODE = 3
_CODES = {b"": UNSET, b"\x18\x01": OK, b"\x18\x02": ERROR}  # a status without a message


class Span(Protocol):
    """The fields of OTLP's span that perfd reads, under their OTLP names.

    Ids are bytes as sent (16 and 8 of them when well-formed), times nanoseconds since the epoch,
    `attributes` encoded KeyValues, `status` an encoded Status message.
    """

    @property
    def trace_id(self) -> bytes: ...  # noqa: D102
    @property
    def span_id(self) -> bytes: ...  # noqa: D102
    @property
    def parent_span_id(self) -> bytes: ...  # noqa: D102
    @property
    def trace_state(self) -> bytes: ...  # noqa: D102
    @property
    def name(self) -> bytes: ...  # noqa: D102
    @property
    def kind(self) -> int: ...  # noqa: D102
    @property
    def flags(self) -> int: ...  # noqa: D102
    @property
    def start_time_unix_nano(self) -> int: ...  # noqa: D102
    @property
    def end_time_unix_nano(self) -> int: ...  # noqa: D102
    @property
    def attributes(self) -> Sequence[bytes]: ...  # noqa: D102
    @property
    def status(self) -> bytes: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class SpanBatch:
    """Spans of one resource and one instrumentation scope, in the order in which they were sent."""

    resource: Resource
    spans: Sequence[Span]


def status_code(status: bytes) -> int:
    """UNSET, OK or ERROR of an encoded Status; malformed bytes say nothing."""
    code = _CODES.get(status)
    if code is not None:
        return code
    code = UNSET
    try:
        for number, content in fields(status):
            if number == _STATUS_CODE and isinstance(content, int):
                code = content
    except ValueError:
        return UNSET
    return code
