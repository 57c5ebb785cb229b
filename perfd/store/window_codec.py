"""Latency windows as bytes."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec
import numpy as np

from perfd.model.histogram import Histogram
from perfd.model.series import Series
from perfd.model.window import Window
from perfd.store.codec import Cut
from perfd.store.columns import (
    Floats,
    Ints,
    added,
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
    errors: int
    measured: int
    zeros: int
    total: float
    log_total: float
    log_square: float
    buckets: dict[int, int]


class _Hour(msgspec.Struct, array_like=True):
    """Columns over the minutes; `counts` is a matrix, minutes by the buckets in use."""

    rows: int
    base: int  # the least bucket; the others are stored as distances from it
    minutes: bytes
    count: bytes
    errors: bytes
    unmeasured: bytes  # count - histogram.count, zigzag
    zeros: bytes
    totals: bytes  # total, log_total and log_square, one after the other
    used: int
    buckets: bytes
    counts: bytes


_encode = msgspec.msgpack.Encoder().encode
_minute = msgspec.msgpack.Decoder(_Minute).decode
_hour = msgspec.msgpack.Decoder(_Hour).decode


class WindowCodec:
    """An hour is a table of counts, three columns of sums and a matrix of buckets."""

    def encode(self, item: Window) -> bytes:
        """One minute."""
        h = item.histogram
        sums = (h.total, h.log_total, h.log_square)
        return _encode((item.count, item.errors, h.count, h.zeros, *sums, dict(h.buckets)))

    def decode(self, series: Series, body: bytes) -> Window:
        """One minute again."""
        m = _minute(body)
        histogram = Histogram(m.buckets, m.zeros, m.measured, m.total, m.log_total, m.log_square)
        return Window(series, 0.0, 0.0, m.count, m.errors, histogram)

    def total(self, series: Series, bodies: Sequence[bytes]) -> Window:
        """Several minutes merged, without making a window of each."""
        minutes = [_minute(body) for body in bodies]
        histogram = Histogram(
            added([m.buckets for m in minutes]),
            sum(m.zeros for m in minutes),
            sum(m.measured for m in minutes),
            sum(m.total for m in minutes),
            sum(m.log_total for m in minutes),
            sum(m.log_square for m in minutes),
        )
        count, errors = sum(m.count for m in minutes), sum(m.errors for m in minutes)
        return Window(series, 0.0, 0.0, count, errors, histogram)

    def pack(self, rows: Sequence[tuple[int, Window]]) -> bytes:
        """An hour of one stream."""
        histograms = [window.histogram for _, window in rows]
        used = sorted({index for h in histograms for index in h.buckets})
        base = used[0] if used else 0
        sums = [
            [getattr(h, name) for h in histograms] for name in ("total", "log_total", "log_square")
        ]
        hour = _Hour(
            rows=len(rows),
            base=base,
            minutes=pack_ints(ints([minute for minute, _ in rows])),
            count=pack_ints(ints([w.count for _, w in rows])),
            errors=pack_ints(ints([w.errors for _, w in rows])),
            unmeasured=pack_ints(_zigzag(ints([w.count - w.histogram.count for _, w in rows]))),
            zeros=pack_ints(ints([h.zeros for h in histograms])),
            totals=pack_floats(np.array(sums, np.float64).ravel()),
            used=len(used),
            buckets=pack_ints(ints([index - base for index in used])),
            counts=pack_ints(_matrix(histograms, used)),
        )
        return compress(_encode(hour))

    def unpack(self, series: Series, body: bytes, cut: Cut) -> Iterator[Row[Window]]:
        """The minutes wanted; those of one step merged."""
        table = _Table(_hour(zlib.decompress(body)))
        for number, window in table.cut(series, cut):
            yield Row(number, window)


class _Table:
    """An hour unpacked."""

    def __init__(self, hour: _Hour) -> None:
        n, used = hour.rows, hour.used
        count = unpack_ints(hour.count, n)
        measured = count - _unzigzag(unpack_ints(hour.unmeasured, n))
        columns = (count, unpack_ints(hour.errors, n), unpack_ints(hour.zeros, n), measured)
        self._minutes = unpack_ints(hour.minutes, n)
        self._integers: Ints = np.stack(columns)
        self._sums: Floats = unpack_floats(hour.totals, 3 * n).reshape(3, n)
        self._buckets = unpack_ints(hour.buckets, used) + hour.base
        self._counts: Ints = unpack_ints(hour.counts, n * used).reshape(n, used)

    def cut(self, series: Series, cut: Cut) -> Iterator[tuple[int, Window]]:
        numbers = self._minutes + cut.first
        wanted = (numbers >= cut.numbers.start) & (numbers < cut.numbers.stop)
        numbers = numbers[wanted]
        if not len(numbers):
            return iter(())
        integers, sums = self._integers[:, wanted], self._sums[:, wanted]
        counts = self._counts[wanted]
        if cut.step > 1:
            _, firsts = np.unique(numbers // cut.step, return_index=True)
            numbers = numbers[firsts]
            integers = np.add.reduceat(integers, firsts, axis=1)
            sums = np.add.reduceat(sums, firsts, axis=1)
            counts = np.add.reduceat(counts, firsts, axis=0)
        return zip(
            numbers.tolist(), _windows(series, integers, sums, self._sparse(counts)), strict=True
        )

    def _sparse(self, counts: Ints) -> Iterator[dict[int, int]]:
        """The buckets of each row that are not empty."""
        rows, columns = np.nonzero(counts)
        indexes = self._buckets[columns].tolist()
        held = counts[rows, columns].tolist()
        ends = np.searchsorted(rows, np.arange(len(counts) + 1)).tolist()
        for start, end in pairwise(ends):
            yield dict(zip(indexes[start:end], held[start:end], strict=True))


def _windows(
    series: Series, integers: Ints, sums: Floats, buckets: Iterator[dict[int, int]]
) -> Iterator[Window]:
    for held, (count, errors, zeros, measured), moments in zip(
        buckets, integers.T.tolist(), sums.T.tolist(), strict=True
    ):
        yield Window(series, 0.0, 0.0, count, errors, Histogram(held, zeros, measured, *moments))


def _matrix(histograms: Sequence[Histogram], used: Sequence[int]) -> Ints:
    column = {index: place for place, index in enumerate(used)}
    matrix = np.zeros((len(histograms), len(used)), np.int64)
    for row, histogram in zip(matrix, histograms, strict=True):
        row[[column[index] for index in histogram.buckets]] = ints(list(histogram.buckets.values()))
    return matrix.ravel()


def _zigzag(values: Ints) -> Ints:
    """Small numbers of either sign as small numbers without one: 0, -1, 1, -2 to 0, 1, 2, 3."""
    return (values << 1) ^ (values >> 63)


def _unzigzag(values: Ints) -> Ints:
    return (values >> 1) ^ -(values & 1)
