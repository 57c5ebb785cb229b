"""Whatever goes into a column or a codec comes out of it, bit by bit."""

from __future__ import annotations

import math
import struct

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from perfd.model.exemplar import ERROR, Exemplar, SpanRecord
from perfd.model.histogram import Histogram
from perfd.model.profile import PROFILE, ProfileWindow, Weight
from perfd.model.series import REQUESTS, Series
from perfd.model.window import Gauge, Window
from perfd.store.codec import Cut
from perfd.store.columns import added, ints, pack_floats, pack_ints, unpack_floats, unpack_ints
from perfd.store.exemplar_codec import ExemplarCodec
from perfd.store.gauge_codec import GaugeCodec
from perfd.store.profile_codec import ProfileCodec
from perfd.store.stacks import Stacks
from perfd.store.window_codec import WindowCodec

SERIES = Series.of(REQUESTS, service="s")
integers = st.integers(-(2**63), 2**63 - 1)
floats = st.floats(width=64)
sizes = st.integers(0, 2**53)


@given(st.lists(integers, min_size=1))
def test_integers(values: list[int]) -> None:
    assert unpack_ints(pack_ints(ints(values)), len(values)).tolist() == values


@given(st.lists(floats, min_size=1))
def test_floats(values: list[float]) -> None:
    back = unpack_floats(pack_floats(np.array(values)), len(values)).tolist()
    assert [struct.pack("d", v) for v in back] == [struct.pack("d", v) for v in values]


def test_integers_out_of_range_stay_at_the_end() -> None:
    assert ints([1 << 80, -(1 << 80), 5]).tolist() == [2**63 - 1, -(2**63 - 1), 5]


@given(st.lists(st.dictionaries(st.integers(-50, 50), st.integers(1, 9)), max_size=6))
def test_added_tables(tables: list[dict[int, int]]) -> None:
    expected: dict[int, int] = {}
    for table in tables:
        for key, count in table.items():
            expected[key] = expected.get(key, 0) + count
    assert added(tables) == expected


histograms = st.builds(
    Histogram,
    st.dictionaries(st.integers(-40_000, 40_000), st.integers(1, 2**53), max_size=8),
    sizes, sizes, floats, floats, floats,
)  # fmt: skip
windows = st.builds(Window, st.just(SERIES), st.just(0.0), st.just(0.0), sizes, sizes, histograms)


@given(st.dictionaries(st.integers(0, 59), windows, min_size=1, max_size=6))
def test_windows(hour: dict[int, Window]) -> None:
    codec, rows = WindowCodec(), sorted(hour.items())
    assert [repr(codec.decode(SERIES, codec.encode(w))) for _, w in rows] == [
        repr(w) for _, w in rows
    ]
    unpacked = codec.unpack(SERIES, codec.pack(rows), Cut(600, range(600, 660)))
    found = [(row.number - 600, row.item) for row in unpacked]
    assert [(m, same(w)) for m, w in found] == [(m, same(w)) for m, w in rows]


def same(window: Window) -> str:
    """Equal, also where there is a NaN and whatever the order of the buckets."""
    h = window.histogram
    moments = h.zeros, h.count, h.total, h.log_total, h.log_square
    return repr((window.count, window.errors, sorted(h.buckets.items()), moments))


@given(
    st.lists(st.tuples(st.integers(1, 2**53), floats, floats, floats), min_size=1, max_size=60),
    st.integers(0, 60),
)
def test_gauges(readings: list[tuple[int, float, float, float]], start: int) -> None:
    codec = GaugeCodec()
    rows = [(minute, Gauge(SERIES, 0.0, 0.0, *r)) for minute, r in enumerate(readings)]
    cut = Cut(0, range(start, 60))
    unpacked = [(row.number, repr(row.item)) for row in codec.unpack(SERIES, codec.pack(rows), cut)]
    assert unpacked == [(minute, repr(gauge)) for minute, gauge in rows[start:]]


weights = st.dictionaries(
    st.integers(0, 2**63 - 1), st.builds(Weight, st.integers(0, 2**53), sizes), max_size=8
)


@given(st.dictionaries(st.integers(0, 59), weights, min_size=1, max_size=8))
def test_profiles(hour: dict[int, dict[int, Weight]]) -> None:
    of, codec = Series.of(PROFILE, service="s"), ProfileCodec()
    windows = {
        minute: ProfileWindow(of, 0.0, 0.0, "ns", held, 1.5, 1) for minute, held in hour.items()
    }
    rows = [(minute, Stacks.of(window)) for minute, window in sorted(windows.items())]
    assert [codec.decode(of, codec.encode(s)).window(0.0, 0.0) for _, s in rows] == [
        windows[minute] for minute, _ in rows
    ]
    expected: dict[int, ProfileWindow] = {}
    for minute, window in sorted(windows.items()):
        first = minute // 10 * 10
        expected[first] = expected[first].merge(window) if first in expected else window
    found = {
        row.number: row.item.window(0.0, 0.0)
        for row in codec.unpack(of, codec.pack(rows), Cut(0, range(60)))
    }
    assert {m: dropped(w) for m, w in found.items()} == {m: dropped(w) for m, w in expected.items()}


def dropped(window: ProfileWindow) -> tuple[dict[int, Weight], float, int]:
    """What weighs nothing and was never seen is not kept in an hour."""
    held = {node: weight for node, weight in window.weights.items() if any(weight)}
    return held, window.duration, window.uploads


def test_exemplars() -> None:
    span = SpanRecord("s", "p", "pricing", "GET /", "server", 1.25, math.pi, True, "détail")
    one = Exemplar(ERROR, 0.5, "t", "s", 1.25, math.pi, True, (span, span))
    window = Window(SERIES, 0.0, 0.0, 0, 0, exemplars=(one,))
    codec = ExemplarCodec()
    (row,) = codec.unpack(SERIES, codec.pack([(0, window)]), Cut(60, range(60, 120)))
    assert (row.number, row.item) == (60, window)
    assert not list(codec.unpack(SERIES, codec.pack([(0, window)]), Cut(60, range(61, 120))))
