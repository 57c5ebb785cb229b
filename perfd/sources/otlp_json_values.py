"""The parts of OTLP/JSON that all signals share: numbers, ids, attributes and resources."""

from __future__ import annotations

import base64
from collections.abc import Iterable

import msgspec

from perfd.sources.otlp_proto import KeyValue, Resource

Whole = int | float | str | None  # a 64-bit integer as JSON may carry it
Real = int | float | str | None  # a double; NaN and the infinities are text

_NOT_FINITE = {"NaN", "Infinity", "-Infinity"}


class JsonArray(msgspec.Struct):
    """A list as an attribute's value."""

    values: list[JsonAny] | None = None


class JsonPairs(msgspec.Struct):
    """A mapping as an attribute's value."""

    values: list[JsonKeyValue] | None = None


class JsonAny(msgspec.Struct, rename="camel"):
    """An attribute's value: one of these is set."""

    string_value: str | None = None
    bool_value: bool | None = None
    int_value: Whole = None
    double_value: Real = None
    array_value: JsonArray | None = None
    kvlist_value: JsonPairs | None = None
    bytes_value: str | None = None


class JsonKeyValue(msgspec.Struct):
    """An attribute."""

    key: str | None = None
    value: JsonAny | None = None


class JsonResource(msgspec.Struct):
    """Who sent it."""

    attributes: list[JsonKeyValue] | None = None


def whole(value: Whole) -> int:
    """An integer from a number or text; a missing one is 0. Raises ValueError."""
    if isinstance(value, float):
        if not value.is_integer():
            raise ValueError(f"{value} is not a whole number")
        return int(value)
    return int(value or 0)


def real(value: Real) -> float:
    """A double from a number or text; a missing one is 0. Raises ValueError."""
    if isinstance(value, str) and value not in _NOT_FINITE and not value[-1:].isdigit():
        raise ValueError(f"{value!r} is not a number")
    return 0.0 if value in (None, "") else float(value)


def octets(hexadecimal: str | None) -> bytes:
    """An id. Raises ValueError for what is not hexadecimal."""
    return bytes.fromhex(hexadecimal or "")


def text(value: str | None) -> bytes:
    """Text as it lies on the wire. Raises ValueError for half a surrogate pair."""
    return (value or "").encode()


def attributes(pairs: Iterable[JsonKeyValue] | None) -> list[bytes]:
    """Encoded KeyValues."""
    return [_key_value(pair).SerializeToString() for pair in pairs or ()]


def encoded_resource(resource: JsonResource | None) -> bytes:
    """An encoded Resource message."""
    pairs = resource.attributes if resource else None
    return bytes(Resource(attributes=attributes(pairs)).SerializeToString())


def _key_value(pair: JsonKeyValue) -> KeyValue:
    message = KeyValue(key=pair.key or "")
    if pair.value is not None:
        _fill(message.value, pair.value)
    return message


def _fill(message: KeyValue, value: JsonAny) -> None:
    """Set the one field of an AnyValue that the JSON has."""
    message.SetInParent()
    if value.string_value is not None:
        message.string_value = value.string_value
    elif value.bool_value is not None:
        message.bool_value = value.bool_value
    elif value.int_value is not None:
        message.int_value = whole(value.int_value)
    elif value.double_value is not None:
        message.double_value = real(value.double_value)
    elif value.bytes_value is not None:
        message.bytes_value = base64.b64decode(value.bytes_value, validate=True)
    else:
        _fill_nested(message, value)


def _fill_nested(message: KeyValue, value: JsonAny) -> None:
    if value.array_value is not None:
        message.array_value.SetInParent()
        for inner in value.array_value.values or ():
            _fill(message.array_value.values.add(), inner)
    elif value.kvlist_value is not None:
        message.kvlist_value.SetInParent()
        for pair in value.kvlist_value.values or ():
            message.kvlist_value.values.append(_key_value(pair))
