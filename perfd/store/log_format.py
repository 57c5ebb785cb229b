"""Records of the request log as bytes.

A record is a header, the media type, the encoding and the body. The header has a checksum of its
own, so that a damaged body does not hide the records behind it: its length can still be trusted.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, get_args
from zlib import crc32

from perfd.errors import BadInput
from perfd.interfaces import LogRecord, Signal

SIGNALS: tuple[Signal, ...] = get_args(Signal)

_MAGIC = b"pfL1"
# magic, payload length, payload crc, position, received_at, signal, media length, encoding length
_FIELDS = struct.Struct("<4sIIQdBBB")
_CHECK = struct.Struct("<I")
HEADER_SIZE = _FIELDS.size + _CHECK.size


class Header(NamedTuple):
    """What stands in front of a payload."""

    size: int
    check: int
    position: int
    received_at: float
    signal: Signal
    media: int
    encoding: int


def encode(record: LogRecord) -> list[memoryview]:
    """The parts of a record in order; the body is not copied."""
    media, encoding = record.media.encode(), record.encoding.encode()
    if len(media) > 255 or len(encoding) > 255:
        raise BadInput("a media type or encoding is at most 255 bytes long")
    names = media + encoding
    fields = _FIELDS.pack(
        _MAGIC,
        len(names) + len(record.body),
        crc32(record.body, crc32(names)),
        record.position,
        record.received_at,
        SIGNALS.index(record.signal),
        len(media),
        len(encoding),
    )
    head = fields + _CHECK.pack(crc32(fields)) + names
    return [memoryview(head), memoryview(record.body)]


def read(path: Path, corrupt: Callable[[str], None]) -> Iterator[LogRecord]:
    """The records of a segment, one at a time.

    A torn tail ends it in silence, since nobody was promised it. A damaged payload is reported and
    skipped, a damaged header is reported and ends the segment.
    """
    with path.open("rb") as file:
        while (header := _header(file, corrupt)) is not None:
            payload = file.read(header.size)
            if len(payload) < header.size:
                return
            if crc32(payload) != header.check:
                corrupt("log_record")
                continue
            yield _record(header, payload)


def last_position(path: Path, first: int) -> int:
    """The greatest position in a segment that begins with `first`, from its headers alone.

    `first - 1` when it holds no record. Behind a damaged header nothing can be counted: then it is
    the greatest position that may be there, so that none is given out twice, and so that replay
    comes across the damage and reports it.
    """
    last = first - 1
    size = path.stat().st_size
    damage: list[str] = []
    with path.open("rb") as file:
        while (header := _header(file, damage.append)) is not None:
            if file.seek(header.size, 1) > size:
                break
            last = header.position
    return max(last, first + size // HEADER_SIZE) if damage else last


def _header(file: BinaryIO, corrupt: Callable[[str], None]) -> Header | None:
    head = file.read(HEADER_SIZE)
    if len(head) < HEADER_SIZE or not any(head):  # a cut of power can leave a tail of zeros
        return None
    fields, check = head[: _FIELDS.size], head[_FIELDS.size :]
    magic, size, payload_check, position, received_at, signal, media, encoding = _FIELDS.unpack(
        fields
    )
    if magic != _MAGIC or _CHECK.unpack(check)[0] != crc32(fields):
        corrupt("log_header")
        return None
    return Header(size, payload_check, position, received_at, SIGNALS[signal], media, encoding)


def _record(header: Header, payload: bytes) -> LogRecord:
    names_end = header.media + header.encoding
    return LogRecord(
        position=header.position,
        signal=header.signal,
        media=payload[: header.media].decode(),
        encoding=payload[header.media : names_end].decode(),
        received_at=header.received_at,
        body=payload[names_end:],
    )
