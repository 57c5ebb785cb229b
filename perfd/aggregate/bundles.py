"""What one service sent of one trace below its requests, and which of it belongs to which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from perfd.aggregate.edges import Request
from perfd.aggregate.peers import KEPT
from perfd.model.span import CLIENT, ERROR, PRODUCER, SPAN_ID, Span, status_code

CALLING = (CLIENT, PRODUCER)

_MOST_SPANS = 1_000  # of one service in one trace; requests of a longer one are not judged
_NAME_BYTES = 512
_ATTRIBUTE_BYTES = 4_096


class Part(NamedTuple):
    """A span below a request, copied out of its message."""

    span_id: bytes
    parent_id: bytes
    kind: int
    start: int
    end: int
    failed: bool
    name: bytes
    attributes: tuple[bytes, ...]


@dataclass(slots=True)
class Bundle:
    """What one service sent of one trace, below its requests; `until` it is kept."""

    until: float
    parts: dict[bytes, Part] = field(default_factory=dict)
    crowded: bool = False

    def take(self, part: Part) -> bool:
        """Keep a span that is not there yet; whether it was kept."""
        if part.span_id in self.parts or len(part.span_id) != SPAN_ID:
            return False
        self.crowded = len(self.parts) >= _MOST_SPANS
        if not self.crowded:
            self.parts[part.span_id] = part
        return not self.crowded


def part_of(span: Span) -> Part:
    """A span, copied."""
    kind = span.kind
    attributes: tuple[bytes, ...] = ()
    if kind in (CLIENT, PRODUCER):
        found = span.attributes[:]
        attributes = tuple([a for a in found if a.startswith(KEPT) and len(a) <= _ATTRIBUTE_BYTES])
    return Part(
        *(span.span_id, span.parent_span_id, kind),
        *(span.start_time_unix_nano, span.end_time_unix_nano, status_code(span.status) == ERROR),
        *(span.name[:_NAME_BYTES], attributes),
    )


def below(request: Request, parts: dict[bytes, Part]) -> list[Part]:
    """The spans that belong to a request."""
    return [part for part in parts.values() if _belongs(part, request, parts)]


def _belongs(part: Part, request: Request, parts: dict[bytes, Part]) -> bool:
    """Whether the walk up ends at the request; where it ends at a span not sent, time decides."""
    above = part
    for _ in range(len(parts)):
        if above.parent_id == request.span_id:
            return True
        if above.parent_id not in parts:
            return request.start <= part.start <= request.end
        above = parts[above.parent_id]
    return False


def outermost(calls: Sequence[Part], parts: dict[bytes, Part]) -> list[Part]:
    """The calls that are not inside another: a driver's call under that of its wrapper is one."""
    return [part for part in calls if not _inside(part, parts)]


def _inside(part: Part, parts: dict[bytes, Part]) -> bool:
    above = parts.get(part.parent_id)
    for _ in range(len(parts)):
        if above is None or above.kind in CALLING:
            return above is not None
        above = parts.get(above.parent_id)
    return True
