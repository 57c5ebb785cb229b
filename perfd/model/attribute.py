"""OTLP attributes as they lie on the wire: `KeyValue { string key = 1; AnyValue value = 2; }`.

Decoding every attribute of every span would halve the speed of ingest, so attributes stay bytes. A
wanted one is known by its prefix (tag, length, key: exact, since the length is part of it), and its
value is decoded once per distinct bytes. Encoders write fields in order, so the key comes first; an
attribute that is written otherwise is legal protobuf, never seen, and taken for unknown.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_KEY = 0x0A  # field 1, length-delimited

# AnyValue's fields; key-value lists (6) are left out: no label is made of them.
_STRING, _BOOL, _INT, _DOUBLE, _ARRAY, _BLOB = 1, 2, 3, 4, 5, 7

Field = tuple[int, int | bytes]


def prefix(key: str) -> bytes:
    """What the encoding of an attribute with this key, shorter than 128 bytes, begins with."""
    name = key.encode()
    return bytes((_KEY, len(name))) + name


def fields(message: bytes) -> Iterator[Field]:
    """Field numbers and values of a protobuf message. Raises ValueError where it is malformed."""
    at, end = 0, len(message)
    while at < end:
        tag, at = _varint(message, at)
        kind = tag & 7
        size = 8 if kind == _FIXED64 else 4
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield tag >> 3, value
            continue
        if kind == _BYTES:
            size, at = _varint(message, at)
        elif kind not in {_FIXED64, _FIXED32}:
            raise ValueError(f"wire type {kind} is unknown")
        if at + size > end:
            raise ValueError("a field is longer than its message")
        yield tag >> 3, message[at : at + size]
        at += size


def pair(attribute: bytes) -> tuple[str, str]:
    """Key and value as text. Raises ValueError where the bytes are malformed."""
    key = value = ""
    for number, content in fields(attribute):
        if isinstance(content, int):
            continue
        if number == 1:
            key = content.decode("utf-8", "replace")
        elif number == 2:
            value = _text(content)
    return key, value


def value_of(attribute: bytes) -> str:
    """The value as text; empty where the bytes are malformed."""
    try:
        return pair(attribute)[1]
    except ValueError:
        return ""


def _text(any_value: bytes) -> str:
    """Numbers in decimal, booleans as true and false, arrays of scalars joined by commas."""
    text = ""
    for number, content in fields(any_value):
        if number == _ARRAY and isinstance(content, bytes):
            text = ",".join(_scalar(n, c) for _, v in fields(content) for n, c in _inner(v))
        else:
            text = _scalar(number, content)
    return text


def _inner(value: int | bytes) -> Iterator[Field]:
    return fields(value) if isinstance(value, bytes) else iter(())


def _scalar(number: int, content: int | bytes) -> str:
    if isinstance(content, int):
        return _number(number, content)
    if number == _STRING:
        return content.decode("utf-8", "replace")
    if number == _DOUBLE and len(content) == 8:
        return f"{struct.unpack('<d', content)[0]:g}"
    return content.hex() if number == _BLOB else ""


def _number(number: int, content: int) -> str:
    if number == _BOOL:
        return "true" if content else "false"
    if number != _INT:
        return ""
    return str(content - (1 << 64) if content >> 63 else content)


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:
        if at >= len(message):
            raise ValueError("a number is cut off")
        octet = message[at]
        value |= (octet & 0x7F) << shift
        at += 1
        if octet < 128:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
        shift += 7
    raise ValueError("a number has more than ten bytes")
