"""Gauges as bytes."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from functools import reduce

import msgspec
import numpy as np

from perfd.model.series import Series
from perfd.model.window import Gauge
from perfd.store.codec import Cut
from perfd.store.columns import (
    compress,
    ints,
    pack_floats,
    pack_ints,
    unpack_floats,
    unpack_ints,
)
from perfd.store.roll import Row


class _Minute(msgspec.Struct, array_like=True):
    count: int
    total: float
    low: float
    high: float


class _Hour(msgspec.Struct, array_like=True):
    rows: int
    minutes: bytes
    count: bytes
    values: bytes  # total, low and high, one after the other


_encode = msgspec.msgpack.Encoder().encode
_minute = msgspec.msgpack.Decoder(_Minute).decode
_hour = msgspec.msgpack.Decoder(_Hour).decode


class GaugeCodec:
    """An hour is four columns."""

    def encode(self, item: Gauge) -> bytes:
        """One minute."""
        return _encode((item.count, item.total, item.low, item.high))

    def decode(self, series: Series, body: bytes) -> Gauge:
        """One minute again."""
        m = _minute(body)
        return Gauge(series, 0.0, 0.0, m.count, m.total, m.low, m.high)

    def total(self, series: Series, bodies: Sequence[bytes]) -> Gauge:
        """Several merged."""
        return reduce(Gauge.merge, (self.decode(series, body) for body in bodies))

    def pack(self, rows: Sequence[tuple[int, Gauge]]) -> bytes:
        """An hour of one stream."""
        values = [[g.total for _, g in rows], [g.low for _, g in rows], [g.high for _, g in rows]]
        hour = _Hour(
            rows=len(rows),
            minutes=pack_ints(ints([minute for minute, _ in rows])),
            count=pack_ints(ints([g.count for _, g in rows])),
            values=pack_floats(np.array(values, np.float64).ravel()),
        )
        return compress(_encode(hour))

    def unpack(self, series: Series, body: bytes, cut: Cut) -> Iterator[Row[Gauge]]:
        """The minutes wanted."""
        hour = _hour(zlib.decompress(body))
        minutes = unpack_ints(hour.minutes, hour.rows).tolist()
        counts = unpack_ints(hour.count, hour.rows).tolist()
        values = unpack_floats(hour.values, 3 * hour.rows).reshape(3, -1).tolist()
        for minute, count, total, low, high in zip(minutes, counts, *values, strict=True):
            if cut.first + minute in cut.numbers:
                yield Row(cut.first + minute, Gauge(series, 0.0, 0.0, count, total, low, high))
