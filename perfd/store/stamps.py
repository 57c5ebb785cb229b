"""What a packed hour of another writer keeps beside its minutes: the revision of each."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import msgspec

from perfd.store.columns import compress, ints, pack_ints, unpack_ints


class _Stamped(msgspec.Struct, array_like=True):
    """`stamps` are two columns, minutes and distances from the least revision, compressed."""

    rows: int
    least: int
    minutes: bytes
    distances: bytes
    body: bytes


_encode = msgspec.msgpack.Encoder().encode
_stamped = msgspec.msgpack.Decoder(_Stamped).decode


def stamped(body: bytes, stamps: Mapping[int, int]) -> bytes:
    """A packed hour with the revisions of its minutes."""
    minutes = sorted(stamps)
    least = min(stamps.values(), default=0)
    distances = pack_ints(ints([stamps[minute] - least for minute in minutes]))
    return _encode(
        _Stamped(len(minutes), least, pack_ints(ints(minutes)), compress(distances), body)
    )


def body_of(held: bytes) -> bytes:
    """The packed hour alone."""
    return _stamped(held).body


def stamps_of(held: bytes) -> dict[int, int]:
    """The revisions by minute of the hour."""
    s = _stamped(held)
    minutes = unpack_ints(s.minutes, s.rows).tolist()
    distances = unpack_ints(zlib.decompress(s.distances), s.rows).tolist()
    return {m: s.least + d for m, d in zip(minutes, distances, strict=True)}
