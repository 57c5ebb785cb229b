"""Edges: what a request waited for, whom it called, and how fair the sample is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfd.aggregate.peers import call_of, peer_of
from perfd.aggregate.settings import CallSettings
from perfd.aggregate.thinning import ALL, PERIOD, Thinning
from perfd.aggregate.topology import WAIT
from perfd.aggregate.waiting import Call, waited
from perfd.model.series import CALLS, LINKS, OVERFLOW, OWN_TIME, REQUESTS, RETRIES
from tests.aggregate.sent import (
    CLIENT,
    INTERNAL,
    NOW,
    PRODUCER,
    Perfd,
    named,
    new_id,
    resource_of,
    span,
)

A, B = ("pricing", "GET"), ("postgresql/shop", "SELECT carts")
MS = 1_000_000

# --- waiting --------------------------------------------------------------------------------------

calls = st.builds(
    lambda target, start, length, failed, message: Call(
        target, start, start + length, failed, message
    ),
    st.sampled_from([A, B]),
    st.integers(-50, 1000),
    st.integers(0, 700),
    st.booleans(),
    st.booleans(),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(calls, max_size=12), st.integers(0, 900))
def test_own_time_and_waiting_add_up_to_the_duration(made, length):
    own, costs = waited(0, length, made)
    spent = [cost.seconds for cost in costs if cost.seconds is not None]
    assert own + sum(spent) == pytest.approx(length / 1e9, abs=1e-15)
    assert own >= 0.0
    assert all(seconds >= 0.0 for seconds in spent)
    for cost in costs:
        if cost.seconds is not None and not cost.retry:
            assert cost.seconds <= (cost.call.end - cost.call.start) / 1e9 + 1e-15


@settings(max_examples=50, deadline=None)
@given(st.lists(calls, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_the_order_in_which_calls_came_does_not_matter(made, shuffle):
    own, _ = waited(0, 500, made)
    shuffle.shuffle(made)
    assert waited(0, 500, made)[0] == pytest.approx(own, abs=1e-15)


def test_calls_in_parallel_share_the_time_in_which_both_are_open():
    own, costs = waited(0, 100, [Call(A, 10, 50), Call(B, 10, 90)])
    assert own == pytest.approx(20e-9)
    assert [cost.seconds for cost in costs] == pytest.approx([20e-9, 60e-9])


def test_messages_and_calls_that_outlive_the_request_are_not_waited_for():
    own, costs = waited(0, 100, [Call(A, 10, 50, message=True), Call(B, 10, 101)])
    assert own == pytest.approx(100e-9)
    assert [cost.seconds for cost in costs] == [None, None]


def test_the_pause_before_a_retry_is_the_fault_of_what_failed():
    first, again = Call(A, 10, 20, failed=True), Call(A, 50, 60)
    own, costs = waited(0, 100, [first, again])
    assert own == pytest.approx(50e-9)
    assert [(c.seconds, c.retry) for c in costs] == [
        (pytest.approx(10e-9), False),
        (pytest.approx(40e-9), True),
    ]


# --- who is called --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attributes", "peer"),
    [
        ({"peer.service": "pricing", "server.address": "10.0.0.1"}, "pricing"),
        ({"db.system": "postgresql", "db.name": "shop"}, "postgresql/shop"),
        (
            {"db.system.name": "redis", "server.address": "10.0.0.1", "server.port": "6379"},
            "redis/:6379",
        ),
        ({"db.system.name": "redis"}, "redis"),
        ({"messaging.system": "kafka", "messaging.destination.name": "orders"}, "kafka/orders"),
        ({"rpc.service": "shop.v1.Pricing", "server.address": "10.1.1.1"}, "shop.v1.Pricing"),
        ({"rpc.method": "shop.v1.Pricing/Quote"}, "shop.v1.Pricing"),
        ({"server.address": "pricing.prod.svc", "server.port": "80"}, "pricing.prod.svc"),
        ({"server.address": "10.20.30.40", "server.port": "8080"}, ":8080"),
        ({"server.address": "::1", "server.port": "8080"}, ":8080"),
        ({"net.peer.name": "localhost", "net.peer.port": "5000"}, ":5000"),
        ({}, "(unknown)"),
    ],
)
def test_a_peer_has_the_same_name_at_every_address(attributes, peer):
    assert peer_of(attributes) == peer


@pytest.mark.parametrize(
    ("name", "attributes", "call"),
    [
        (b"SELECT shop", {"db.query.summary": "SELECT carts"}, "SELECT carts"),
        (b"SELECT", {"db.statement": "SELECT * FROM a WHERE b = 5"}, "SELECT * FROM a WHERE b = ?"),
        (b"SET", {"db.system": "redis", "db.statement": "SET user:5 secret"}, "SET"),
        (b"GET", {"http.request.method": "GET", "url.template": "/quote/{id}"}, "GET /quote/{id}"),
        (b"GET /quote/17?user=5", {"http.request.method": "GET"}, "GET"),
        (b"pricing.Quote", {}, "pricing.Quote"),
    ],
)
def test_a_call_is_named_without_what_differs_from_request_to_request(name, attributes, call):
    assert call_of(name, attributes) == call


# --- the whole way --------------------------------------------------------------------------------


def warm(perfd, resource=None):
    """Fifty requests, and the twenty seconds after which an instance is steady."""
    begin = NOW - 100.0
    perfd.spans([span("GET /warm", end=begin) for _ in range(60)], resource, now=begin)


def request(*, at=NOW, seconds=0.1, calls=(), failed=False, operation="GET /cart"):
    """A SERVER span and its calls: (name, start, seconds, attributes, more)."""
    trace, id_ = new_id(16), new_id(8)
    start = at - seconds
    below = [
        span(
            name,
            kind=more.pop("kind", CLIENT),
            end=start + offset + length,
            seconds=length,
            attributes=attributes,
            trace=trace,
            parent=more.pop("parent", id_),
            **more,
        )
        for name, offset, length, attributes, more in [(*c[:4], dict(c[4])) for c in calls]
    ]
    entry = span(operation, end=at, seconds=seconds, trace=trace, id=id_, error=failed)
    return below, entry


def settled(perfd):
    return perfd.take(NOW + WAIT + 1.0).windows


PRICING = {"peer.service": "pricing"}
QUERY = {"db.system": "postgresql", "db.name": "shop", "db.query.summary": "SELECT carts"}


def test_own_time_and_calls_are_counted_whatever_way_the_spans_come():
    """Calls in a delivery before their request, with takes between."""
    perfd = Perfd()
    warm(perfd)
    below, entry = request(
        calls=[("GET", 0.01, 0.03, PRICING, {}), ("SELECT", 0.05, 0.02, QUERY, {"error": True})]
    )
    perfd.spans(below[:1], now=NOW)
    windows = list(perfd.take(NOW).windows)
    perfd.spans([below[1], entry], now=NOW)
    windows += perfd.take(NOW + 1.0).windows
    windows += settled(perfd)
    (own,) = named(windows, OWN_TIME, operation="GET /cart", service="shop")
    assert (own.count, own.errors) == (1, 0)
    assert own.histogram.total == pytest.approx(0.05, abs=1e-6)
    (price,) = named(windows, CALLS, peer="pricing", call="GET")
    (query,) = named(windows, CALLS, peer="postgresql/shop", call="SELECT carts")
    assert price.histogram.total == pytest.approx(0.03, abs=1e-6)
    assert query.histogram.total == pytest.approx(0.02, abs=1e-6)
    assert (price.errors, query.errors) == (0, 1)
    assert not price.histogram.buckets
    (request_,) = named(windows, REQUESTS, operation="GET /cart")
    assert request_.start == own.start == price.start


def test_a_call_below_a_step_is_the_requests_and_one_inside_another_call_is_not():
    perfd = Perfd()
    warm(perfd)
    step, driver = new_id(8), new_id(8)
    below, entry = request(
        calls=[
            ("step", 0.0, 0.09, {}, {"kind": INTERNAL, "id": step}),
            ("SELECT", 0.01, 0.05, QUERY, {"parent": step, "id": driver}),
            ("SELECT", 0.02, 0.03, {**QUERY, "db.query.summary": "driver"}, {"parent": driver}),
        ]
    )
    perfd.spans([*below, entry])
    windows = settled(perfd)
    (query,) = named(windows, CALLS)
    assert query.series.label["call"] == "SELECT carts"
    assert query.histogram.total == pytest.approx(0.05, abs=1e-6)
    assert len(perfd.aggregator._topology) == 0


def test_a_failure_is_a_requests_own_unless_a_call_failed():
    perfd = Perfd()
    warm(perfd)
    failing = ("GET", 0.01, 0.01, PRICING, {"error": True})
    again = ("GET", 0.03, 0.01, PRICING, {})
    for made, operation in (
        ([], "GET /own"),
        ([failing], "GET /theirs"),
        ([failing, again], "GET /recovered"),
    ):
        below, entry = request(calls=made, failed=True, operation=operation)
        perfd.spans([*below, entry])
    windows = settled(perfd)
    errors = {w.series.label["operation"]: w.errors for w in named(windows, OWN_TIME)}
    assert errors == {"GET /own": 1, "GET /theirs": 0, "GET /recovered": 0}
    (retries,) = named(windows, RETRIES)
    assert (retries.count, retries.series.label["operation"]) == (1, "GET /recovered")


def test_a_message_costs_no_waiting_and_its_consumer_stands_alone():
    perfd = Perfd()
    warm(perfd)
    sent = {"messaging.system": "kafka", "messaging.destination.name": "orders"}
    below, entry = request(calls=[("send", 0.01, 0.05, sent, {"kind": PRODUCER})])
    perfd.spans([*below, entry])
    windows = settled(perfd)
    (message,) = named(windows, CALLS, peer="kafka/orders")
    assert (message.count, message.histogram.count) == (1, 0)
    (own,) = named(windows, OWN_TIME)
    assert own.histogram.total == pytest.approx(0.1, abs=1e-6)


def test_the_service_behind_a_peer_is_learned_from_its_own_spans():
    perfd = Perfd()
    callee = resource_of("quotes")
    warm(perfd)
    warm(perfd, callee)
    below, entry = request(calls=[("GET", 0.01, 0.03, {"server.address": "lb.internal"}, {})])
    perfd.spans([span("GET /quote", trace=entry["trace_id"], parent=below[0]["span_id"])], callee)
    perfd.spans([*below, entry])
    (link,) = named(settled(perfd), LINKS)
    assert link.series.label == {
        "service": "shop",
        "environment": "unknown",
        "peer": "lb.internal",
        "callee": "quotes",
    }


def test_requests_that_began_before_perfd_did_are_not_judged():
    """Their calls may have been sent to nobody."""
    perfd = Perfd()
    warm(perfd)
    _, entry = request(at=NOW, seconds=150.0)
    perfd.spans([entry])
    assert not named(settled(perfd), OWN_TIME)


def test_edges_without_room_are_counted_together():
    perfd = Perfd(max_series_per_service=3)
    warm(perfd)
    made = [("GET", 0.001 * i, 0.001, {"peer.service": f"peer-{i}"}, {}) for i in range(10)]
    below, entry = request(calls=made)
    perfd.spans([*below, entry])
    found = {w.series.label["peer"]: w.count for w in named(settled(perfd), CALLS)}
    assert found == {"peer-0": 1, "peer-1": 1, "peer-2": 1, OVERFLOW: 7}
    assert perfd.meter.total("perfd_overflowed_items", signal="calls") == 7


def test_the_bound_on_open_spans_holds_and_what_it_costs_is_not_judged():
    perfd = Perfd(calls=CallSettings(max_spans=5))
    warm(perfd)
    for _ in range(4):
        below, entry = request(calls=[("GET", 0.01, 0.01, PRICING, {})] * 3)
        perfd.spans([*below, entry])
    assert len(perfd.aggregator._topology) <= 5
    assert perfd.meter.total("perfd_evicted", what="calls") > 0
    windows = settled(perfd)
    assert all(w.histogram.total < 0.099 for w in named(windows, OWN_TIME))


# --- the sample -----------------------------------------------------------------------------------


def test_a_busy_service_is_thinned_at_once_and_requests_are_judged_by_what_their_calls_were():
    thinning = Thinning(10.0, 0.0)
    thinning.expect(50, 0.0)  # what five seconds may hold
    assert thinning.opens == thinning.judges == ALL
    thinning.expect(750, 0.0)
    assert thinning.opens == thinning.judges == ALL // 16
    thinning.turn(PERIOD)  # little came: there is room
    assert (thinning.judges, thinning.opens) == (ALL // 16, ALL // 8)
    thinning.turn(1.5 * PERIOD)
    assert thinning.judges == ALL // 16
    thinning.turn(2 * PERIOD)
    assert (thinning.judges, thinning.opens) == (ALL // 8, ALL // 4)


@given(st.lists(st.tuples(st.floats(0.0, 30.0), st.integers(0, 5000)), max_size=50))
def test_a_request_is_never_judged_by_more_than_its_calls_were_taken_by(comings):
    thinning, now, past = Thinning(10.0, 0.0), 0.0, [(0.0, ALL)]
    for later, spans in comings:
        now += later
        thinning.turn(now)
        thinning.expect(spans, now)
        past.append((now, thinning.opens))
        lately = [opens for at, opens in past if at > now - PERIOD / 2.0]
        assert thinning.judges <= min(lately)


@pytest.mark.slow
def test_what_a_thinned_service_shows_is_right_on_average():
    perfd = Perfd(calls=CallSettings(spans_per_second=1.0))
    warm(perfd)
    for turn in range(30):
        for _ in range(20):
            below, entry = request(at=NOW + turn, calls=[("GET", 0.01, 0.04, PRICING, {})])
            perfd.spans([*below, entry], now=NOW + turn)
    windows = perfd.take(NOW + 60.0).windows
    own, made = named(windows, OWN_TIME), named(windows, CALLS)
    sampled = sum(w.count for w in own)
    assert 0 < sampled < 300
    assert sum(w.count for w in made) == sampled
    assert sum(w.histogram.total for w in own) / sampled == pytest.approx(0.06, abs=1e-6)
