"""The aggregate as a whole: any telemetry that was accepted is accounted for."""

import random

import pytest

from perfd.aggregate.grid import Grid
from perfd.errors import BadInput
from perfd.interfaces import Delivery
from perfd.model.profile import CPU_PROFILE, Function, Profile, Sample
from perfd.model.series import Resource
from perfd.model.span import SpanBatch
from perfd.model.times import floor_to
from perfd.sources.otlp_decode import PROTO
from tests.aggregate.sent import NOW, Perfd, request_of, resource_of, span
from tests.aggregate.test_metrics import explicit, exponential, number

ATTRIBUTES = {"http.request.method": "GET", "http.route": "/a", "db.query.text": "SELECT 1"}


def seeds(signal):
    if signal == "metrics":
        sums = number(1.0, kind="sum", attributes={"a": "b"})
        requests = (explicit([0.1] * 3), exponential([0.1, 9.0]), number(5), sums)
        return [request.SerializeToString() for request in requests]
    spans = [span(attributes=ATTRIBUTES, state="ot=th:8", error=bool(i % 2)) for i in range(3)]
    return [request_of(spans).SerializeToString()]


@pytest.mark.parametrize("signal", ["traces", "metrics"])
def test_whatever_decodes_is_aggregated_and_accounted_for(signal):
    """Bytes that are still a message after they were damaged, with every field possible."""
    rng = random.Random(13)
    perfd = Perfd()
    accepted = stored = 0
    bodies = seeds(signal)
    for turn in range(800):
        body = bytearray(rng.choice(bodies))
        for _ in range(rng.randrange(1, 8)):
            body[rng.randrange(len(body))] = rng.randrange(256)
        try:
            delivery = perfd.decode(signal, bytes(body))
        except BadInput:
            continue
        accepted += delivery.items
        perfd.aggregator.add(delivery, turn, NOW + turn / 100)
        if turn % 50 == 0:
            stored += perfd.take(NOW + turn / 100).items.get(signal, 0)
    stored += perfd.take(NOW + 20.0).items.get(signal, 0)
    assert accepted > 300
    assert accepted == stored + perfd.dropped(signal=signal)
    assert stored == perfd.meter.total("perfd_aggregated_items", signal=signal)


def test_logs_are_counted():
    perfd = Perfd()
    perfd.aggregator.add(Delivery("logs", PROTO, "", b"", NOW, 5, None), 3, NOW)
    batch = perfd.take()
    assert (batch.items, batch.log_position) == ({"logs": 5}, 3)
    assert not batch.windows


def test_items_that_the_receiver_rejected_are_none_of_ours():
    perfd = Perfd()
    delivery = Delivery("logs", PROTO, "", b"", NOW, 5, None, rejected=2)
    perfd.aggregator.add(delivery, None, NOW)
    assert perfd.aggregator.in_flight == {"logs": 3}


def test_profiles_pass_through():
    perfd = Perfd()
    resource = Resource("shop", "1.0.0", instance="pod", attributes=(("process.pid", "7"),))
    stack = (Function("main", "a.py"), Function("work", "a.py"))
    profile = Profile(
        *(resource, CPU_PROFILE, "nanoseconds", NOW - 10, 10.0, (Sample(stack, 5, 1),))
    )
    delivery = Delivery("profiles", PROTO, "", b"", NOW, profile.items, [profile])
    perfd.aggregator.add(delivery, 1, NOW)
    batch = perfd.take()
    (window,) = batch.profiles
    (leaf,) = window.weights
    assert batch.symbols.stack(leaf) == stack
    assert batch.items == {"profiles": profile.items}
    assert perfd.aggregator.resources() == [resource]


def test_resources_are_those_with_a_process_or_container_heard_of_lately():
    perfd = Perfd()
    perfd.spans([span()], resource_of("far"))
    perfd.spans([span()], resource_of("near", process_pid="7"))
    perfd.spans([span()], resource_of("boxed", container_id="c"), now=NOW + 500)
    assert {r.service for r in perfd.aggregator.resources()} == {"near", "boxed"}
    perfd.spans([span()], resource_of("far"), now=NOW + 601)
    assert {r.service for r in perfd.aggregator.resources()} == {"boxed"}
    for i in range(1_010):
        resource = Resource("flood", attributes=(("process.pid", str(i)),))
        content = [SpanBatch(resource, [])]
        perfd.aggregator.add(Delivery("traces", PROTO, "", b"", NOW, 0, content), None, NOW + 601)
    assert len(perfd.aggregator.resources()) == 1_000


@pytest.mark.parametrize("pace", [1.0, 1.5, 7.0, 13.0, 60.0, 100.0])
def test_the_grid_is_the_stores_own(pace):
    """A minute that begins here begins in the store as well."""
    grid = Grid(pace)
    rng = random.Random(3)
    for _ in range(500):
        at = NOW + rng.random() * 1e6
        index = grid.index_at(at)
        minute = grid.minute_start(index)
        assert floor_to(minute, grid.minute) == minute
        assert minute <= at + 1e-6
        assert at < minute + grid.minute + 1e-6
        assert minute <= grid.start(index) < minute + grid.minute
        assert grid.index(int((grid.start(index) + grid.base / 2) * 1e9)) == index
