"""Shipments: what was sent comes back, and a body that is taken holds nothing senseless."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfd.errors import BadInput
from perfd.forward.wire import decode, encode
from perfd.model.agent import Agent
from perfd.model.deploy import Deploy
from perfd.model.exemplar import keep_best
from perfd.model.histogram import Histogram
from perfd.model.partial import Partial, Shipment
from perfd.model.profile import Symbols
from perfd.model.series import REQUESTS, Series
from perfd.model.window import Window
from tests.forward.forwarded import gauges, profiles, windows

NOON = 1_699_999_200.0
AGENT = Agent(7, "pod-1", "0.3.0", NOON - 5, NOON, 12, 3)
DEPLOY = Deploy("shop", "prod", "1.1.0", "1.0.0", NOON, "announced", claims=("PERF-AAAAAA",))


@st.composite
def shipments(draw: st.DrawFn) -> Shipment:
    width = draw(st.sampled_from([60.0, 1.0, 60.0 / 7]))
    at = st.integers(0, 500).map(lambda n: (round(NOON / width) + n) * width)
    rows: list[Partial] = []
    symbols = Symbols()
    for _ in range(draw(st.integers(0, 4))):
        window, gauge = draw(windows(draw(at))), draw(gauges(draw(at)))
        profile, found = draw(profiles(draw(at)))
        symbols.update([found])
        best = keep_best(window.exemplars)
        bare = Window(
            window.series, window.start, width, window.count, window.errors, window.histogram
        )
        shown = Window(window.series, window.start, width, 0, 0, exemplars=best)
        items = [bare, gauge, profile, *([shown] if best else [])]
        rows += [Partial(draw(st.integers(0, 2**62)), item) for item in items]
    upto = draw(st.integers(-1, 2**63 - 1))
    deploys = draw(st.sampled_from([(), (DEPLOY,)]))
    return Shipment(AGENT, upto, width, tuple(rows), symbols, deploys, after=draw(st.just(upto)))


def placed(shipment: Shipment) -> list[tuple[object, ...]]:
    """Rows in any order, at their minutes: the width of what was sent is the sender's own."""
    return sorted(
        (p.revision, repr(p.item.series), round(p.item.start / shipment.width), _what(p.item))
        for p in shipment.partials
    )


def _what(item: object) -> str:
    fields = {n: getattr(item, n) for n in getattr(item, "__slots__", ()) if n not in PLACE}
    return f"{type(item).__name__} {fields}"


PLACE = {"series", "start", "width"}


@settings(max_examples=30, deadline=None)
@given(shipments())
def test_a_shipment_comes_back(sent: Shipment) -> None:
    found = decode(encode(sent))
    assert placed(found) == placed(sent)
    assert found.symbols == sent.symbols
    assert (found.agent, found.upto, found.after) == (sent.agent, sent.upto, sent.after)
    assert (found.deploys, found.width) == (sent.deploys, sent.width)


@given(st.binary(max_size=300))
def test_any_bytes_give_a_clear_error(content: bytes) -> None:
    with pytest.raises(BadInput):
        decode(content)


@settings(max_examples=30, deadline=None)
@given(shipments(), st.data())
def test_a_changed_byte_is_refused_or_makes_another_sound_shipment(
    sent: Shipment, data: st.DataObject
) -> None:
    content = bytearray(encode(sent))
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = decode(bytes(content))
    except BadInput:
        return
    for partial in found.partials:
        if isinstance(partial.item, Window):
            assert partial.item.count >= 0
            assert math.isfinite(partial.item.histogram.total)
    for key, node in found.symbols.nodes.items():
        assert node.id == key


@pytest.mark.parametrize("total", [math.nan, math.inf])
def test_a_sum_that_is_no_number_is_refused(total: float) -> None:
    of = Series.of(REQUESTS, service="shop")
    broken = Window(of, NOON, 60.0, 1, 0, Histogram({}, 0, 1, total))
    with pytest.raises(BadInput, match="not a number"):
        decode(encode(Shipment(AGENT, 1, 60.0, (Partial(1, broken),))))


def test_a_row_of_no_series_is_refused() -> None:
    content = msgspec.msgpack.decode(
        encode(Shipment(AGENT, 1, 60.0, (Partial(1, Window(Series.of("x"), NOON, 60.0, 1, 0)),)))
    )
    content[4] = []
    with pytest.raises(BadInput, match="refers to"):
        decode(msgspec.msgpack.encode(content))
