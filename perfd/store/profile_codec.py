"""Profile windows as bytes."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from perfd.model.series import Series
from perfd.store.codec import Cut
from perfd.store.columns import Ints, pack_ints, unpack_ints
from perfd.store.grid import PROFILE_MINUTES
from perfd.store.roll import Row
from perfd.store.stacks import Part, Stacks, merged


class _Minute(msgspec.Struct, array_like=True):
    part: Part
    stacks: int
    nodes: bytes
    weights: bytes


class _Hour(msgspec.Struct, array_like=True):
    """Matrices, windows by stacks: `values` divided by `quantum`, of which all are multiples."""

    minutes: list[int]
    parts: list[Part]
    stacks: int
    nodes: bytes  # sorted, as distances
    quantum: int
    values: bytes
    hits: bytes


_encode = msgspec.msgpack.Encoder().encode
_minute = msgspec.msgpack.Decoder(_Minute).decode
_hour = msgspec.msgpack.Decoder(_Hour).decode


class ProfileCodec:
    """Minutes become windows of ten minutes when an hour is packed."""

    def encode(self, item: Stacks) -> bytes:
        """One minute."""
        weights = pack_ints(item.weights.ravel())
        return _encode(_Minute(item.part, len(item.nodes), item.nodes.tobytes(), weights))

    def decode(self, series: Series, body: bytes) -> Stacks:
        """One minute again."""
        m = _minute(body)
        nodes = np.frombuffer(m.nodes, np.int64)
        return Stacks(series, m.part, nodes, unpack_ints(m.weights, 2 * m.stacks).reshape(2, -1))

    def total(self, series: Series, bodies: Sequence[bytes]) -> Stacks:
        """Several merged."""
        return merged([self.decode(series, body) for body in bodies])

    def pack(self, rows: Sequence[tuple[int, Stacks]]) -> bytes:
        """An hour of one stream, as windows of ten minutes."""
        windows = coarse(rows)
        nodes = merged(list(windows.values())).nodes
        matrix = _matrix(list(windows.values()), nodes)
        values, hits = matrix.reshape(2, -1)
        quantum = int(np.gcd.reduce(values)) or 1
        hour = _Hour(
            minutes=list(windows),
            parts=[window.part for window in windows.values()],
            stacks=len(nodes),
            nodes=pack_ints(np.diff(nodes, prepend=0)),
            quantum=quantum,
            values=pack_ints(values // quantum),
            hits=pack_ints(hits),
        )
        return zlib.compress(_encode(hour))

    def unpack(self, series: Series, body: bytes, cut: Cut) -> Iterator[Row[Stacks]]:
        """The windows wanted."""
        hour = _hour(zlib.decompress(body))
        shape = len(hour.minutes), hour.stacks
        size = shape[0] * shape[1]
        nodes: Ints = np.cumsum(unpack_ints(hour.nodes, hour.stacks))
        values = (unpack_ints(hour.values, size) * hour.quantum).reshape(shape)
        hits = unpack_ints(hour.hits, size).reshape(shape)
        for place, minute in enumerate(hour.minutes):
            if cut.first + minute in cut.numbers:
                weights = np.stack([values[place], hits[place]])
                held = weights.any(axis=0)
                stacks = Stacks(series, hour.parts[place], nodes[held], weights[:, held])
                yield Row(cut.first + minute, stacks, PROFILE_MINUTES)


def coarse(rows: Sequence[tuple[int, Stacks]]) -> dict[int, Stacks]:
    """Windows of ten minutes by their first minute."""
    groups: dict[int, list[Stacks]] = {}
    for minute, stacks in rows:
        groups.setdefault(minute // PROFILE_MINUTES * PROFILE_MINUTES, []).append(stacks)
    return {first: merged(group) for first, group in groups.items()}


def _matrix(windows: Sequence[Stacks], nodes: Ints) -> Ints:
    """Values and hits, each windows by nodes."""
    matrix = np.zeros((2, len(windows), len(nodes)), np.int64)
    for place, window in enumerate(windows):
        matrix[:, place, np.searchsorted(nodes, window.nodes)] = window.weights
    return matrix
