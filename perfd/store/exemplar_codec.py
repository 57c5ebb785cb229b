"""Exemplars as bytes: one row an hour, so packing is compression."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from functools import reduce

import msgspec

from perfd.model.exemplar import Exemplar
from perfd.model.histogram import EMPTY
from perfd.model.series import Series
from perfd.model.window import Window
from perfd.store.codec import Cut
from perfd.store.roll import Row

_encode = msgspec.msgpack.Encoder().encode
_exemplars = msgspec.msgpack.Decoder(tuple[Exemplar, ...]).decode


class ExemplarCodec:
    """Only the exemplars of a window: its counts are stored elsewhere."""

    def encode(self, item: Window) -> bytes:
        """The exemplars of an hour."""
        return _encode(item.exemplars)

    def decode(self, series: Series, body: bytes) -> Window:
        """The exemplars of an hour again."""
        return Window(series, 0.0, 0.0, 0, 0, EMPTY, _exemplars(body))

    def total(self, series: Series, bodies: Sequence[bytes]) -> Window:
        """Several merged."""
        return reduce(Window.merge, (self.decode(series, body) for body in bodies))

    def pack(self, rows: Sequence[tuple[int, Window]]) -> bytes:
        """There is one row, at the first minute."""
        ((_, window),) = rows
        return zlib.compress(self.encode(window))

    def unpack(self, series: Series, body: bytes, cut: Cut) -> Iterator[Row[Window]]:
        """The hour, if it is wanted."""
        if cut.first in cut.numbers:
            yield Row(cut.first, self.decode(series, zlib.decompress(body)))
