"""Strategies of rows; their sums are exact in any order, so that answers can be equal."""

from __future__ import annotations

from hypothesis import strategies as st

from perfd.model.exemplar import ERROR, RANDOM, SLOWEST, Exemplar, SpanRecord
from perfd.model.histogram import Histogram
from perfd.model.profile import PROFILE, Function, ProfileWindow, Symbols, Weight
from perfd.model.series import CPU_TIME, REQUESTS, Series
from perfd.model.window import Gauge, Window

exact = st.integers(-(2**20), 2**20).map(lambda n: n / 64)
moments = st.tuples(*[st.integers(0, 2**20).map(lambda n: n / 64)] * 3)
names = st.sampled_from(["a", "b", "c"])
counts = st.integers(0, 2**40)


@st.composite
def histograms(draw: st.DrawFn) -> Histogram:
    buckets = draw(st.dictionaries(st.integers(-400, 400), st.integers(1, 2**30), max_size=6))
    return Histogram(buckets, draw(st.integers(0, 3)), draw(counts), *draw(moments))


@st.composite
def exemplars(draw: st.DrawFn, at: float) -> Exemplar:
    reason, priority = draw(st.sampled_from([SLOWEST, ERROR, RANDOM])), draw(st.integers(0, 9)) / 8
    spans = (SpanRecord("s", "", "shop", "GET /", "server", at, priority),)
    return Exemplar(
        reason, priority, f"trace {draw(st.integers(0, 50))}", "s", at, 0.5, spans=spans
    )


@st.composite
def windows(draw: st.DrawFn, at: float) -> Window:
    of = Series.of(REQUESTS, service="shop", operation=draw(names))
    shown = tuple(draw(st.lists(exemplars(at), max_size=2)))
    return Window(
        of, at, 10.0, draw(st.integers(1, 2**40)), draw(counts), draw(histograms()), shown
    )


@st.composite
def gauges(draw: st.DrawFn, at: float) -> Gauge:
    of = Series.of(CPU_TIME, service="shop", instance=draw(names))
    low, value, high = sorted(draw(st.tuples(exact, exact, exact)))
    return Gauge(of, at, 10.0, draw(st.integers(1, 6)), value, low, high)


@st.composite
def profiles(draw: st.DrawFn, at: float) -> tuple[ProfileWindow, Symbols]:
    symbols = Symbols()
    stacks = draw(st.lists(st.lists(names, min_size=1, max_size=3), max_size=4))
    leaves = [symbols.intern(tuple(Function(n, f"{n}.py") for n in stack)) for stack in stacks]
    weights = {leaf: Weight(draw(counts), draw(st.integers(1, 9))) for leaf in leaves}
    of = Series.of(PROFILE, service="shop", version=draw(names))
    return ProfileWindow(of, at, 10.0, "ns", weights, draw(st.integers(0, 64)) / 64, 1), symbols
