"""Profile windows as bytes."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import gcd

import msgspec
import numpy as np

from perfd.model.profile import ProfileWindow, Weight
from perfd.model.series import Series
from perfd.store.codec import Cut
from perfd.store.columns import Ints, ints, pack_ints, unpack_ints
from perfd.store.grid import PROFILE_MINUTES
from perfd.store.roll import Row


class _Part(msgspec.Struct, array_like=True):
    """A window without its weights."""

    unit: str
    cumulative: bool
    duration: float
    uploads: int


class _Minute(msgspec.Struct, array_like=True):
    part: _Part
    nodes: list[int]
    values: list[int]
    hits: list[int]


class _Hour(msgspec.Struct, array_like=True):
    """Matrices, windows by stacks: `values` divided by `quantum`, of which all are multiples."""

    minutes: list[int]
    parts: list[_Part]
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

    def encode(self, item: ProfileWindow) -> bytes:
        """One minute."""
        weights = item.weights
        values = [weight.value for weight in weights.values()]
        hits = [weight.hits for weight in weights.values()]
        return _encode(_Minute(_part(item), list(weights), values, hits))

    def decode(self, series: Series, body: bytes) -> ProfileWindow:
        """One minute again."""
        m = _minute(body)
        weights = dict(zip(m.nodes, map(Weight, m.values, m.hits), strict=True))
        return _window(series, m.part, weights)

    def pack(self, rows: Sequence[tuple[int, ProfileWindow]]) -> bytes:
        """An hour of one stream, as windows of ten minutes."""
        windows = _coarse(rows)
        nodes = np.array(sorted({node for w in windows.values() for node in w.weights}), np.int64)
        values, hits = _matrices(list(windows.values()), nodes.tolist())
        quantum = gcd(*values.tolist()) or 1
        hour = _Hour(
            minutes=list(windows),
            parts=[_part(window) for window in windows.values()],
            stacks=len(nodes),
            nodes=pack_ints(np.diff(nodes, prepend=0)),
            quantum=quantum,
            values=pack_ints(values // quantum),
            hits=pack_ints(hits),
        )
        return zlib.compress(_encode(hour))

    def unpack(self, series: Series, body: bytes, cut: Cut) -> Iterator[Row[ProfileWindow]]:
        """The windows wanted."""
        hour = _hour(zlib.decompress(body))
        size = len(hour.minutes) * hour.stacks
        nodes: list[int] = np.cumsum(unpack_ints(hour.nodes, hour.stacks)).tolist()
        values = (unpack_ints(hour.values, size) * hour.quantum).tolist()
        hits = unpack_ints(hour.hits, size).tolist()
        ends = range(0, size + 1, hour.stacks) if hour.stacks else [0] * (len(hour.minutes) + 1)
        for minute, part, (start, end) in zip(
            hour.minutes, hour.parts, pairwise(ends), strict=True
        ):
            if cut.first + minute in cut.numbers:
                weights = _weights(nodes, values[start:end], hits[start:end])
                window = _window(series, part, weights)
                yield Row(cut.first + minute, window, PROFILE_MINUTES)


def _coarse(rows: Sequence[tuple[int, ProfileWindow]]) -> dict[int, ProfileWindow]:
    merged: dict[int, ProfileWindow] = {}
    for minute, window in rows:
        first = minute // PROFILE_MINUTES * PROFILE_MINUTES
        held = merged.get(first)
        merged[first] = window if held is None else held.merge(window)
    return merged


def _matrices(windows: Sequence[ProfileWindow], nodes: Sequence[int]) -> tuple[Ints, Ints]:
    column = {node: place for place, node in enumerate(nodes)}
    values = np.zeros((len(windows), len(nodes)), np.int64)
    hits = np.zeros_like(values)
    for row, window in enumerate(windows):
        places = [column[node] for node in window.weights]
        values[row, places] = ints([weight.value for weight in window.weights.values()])
        hits[row, places] = ints([weight.hits for weight in window.weights.values()])
    return values.ravel(), hits.ravel()


def _weights(
    nodes: Sequence[int], values: Sequence[int], hits: Sequence[int]
) -> Mapping[int, Weight]:
    return {
        node: Weight(value, hit)
        for node, value, hit in zip(nodes, values, hits, strict=True)
        if value or hit
    }


def _part(window: ProfileWindow) -> _Part:
    return _Part(window.unit, window.cumulative, window.duration, window.uploads)


def _window(series: Series, part: _Part, weights: Mapping[int, Weight]) -> ProfileWindow:
    return ProfileWindow(
        series, 0.0, 0.0, part.unit, weights, part.duration, part.uploads, part.cumulative
    )
