"""Exemplars are fair, and their traces are put together across services and deliveries."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfd.aggregate.picks import Picks
from perfd.aggregate.settings import TraceSettings
from perfd.model.exemplar import ERROR, KEEP, RANDOM, SLOWEST, Exemplar, SpanRecord, keep_best
from perfd.model.series import REQUESTS
from tests.aggregate.sent import CLIENT, INTERNAL, NOW, Perfd, new_id, request_of, resource_of, span


def exemplars(batch, reason=None, **labels):
    return [
        exemplar
        for window in batch.windows
        if window.series.matches(REQUESTS, labels)
        for exemplar in window.exemplars
        if reason in (None, exemplar.reason)
    ]


def of_trace(batch, trace):
    """The fullest exemplar of a trace."""
    found = [e for e in exemplars(batch) if e.trace_id == trace.hex()]
    return max(found, key=lambda e: len(e.spans), default=None)


def test_the_slowest_the_failed_and_some_others():
    perfd = Perfd()
    perfd.spans([span(seconds=0.1 + i / 1_000) for i in range(50)])
    perfd.spans([span(error=True, seconds=0.01) for _ in range(10)])
    batch = perfd.take()
    slowest = sorted(e.duration for e in exemplars(batch, SLOWEST, status="ok"))
    assert slowest == pytest.approx([0.148, 0.149])
    failed = exemplars(batch, ERROR)
    assert len(failed) == KEEP[ERROR]
    assert all(e.error for e in failed)
    assert len(exemplars(batch, RANDOM, status="ok")) == KEEP[RANDOM]


def test_later_requests_of_a_minute_compete_with_the_earlier_ones():
    perfd = Perfd()
    perfd.spans([span(seconds=1.0), span(seconds=2.0)])
    perfd.take()
    perfd.spans([span(seconds=0.5)] * 5)
    assert not exemplars(perfd.take(), SLOWEST)
    perfd.spans([span(seconds=1.5)])
    (better,) = exemplars(perfd.take(), SLOWEST)
    assert better.duration == 1.5


def test_every_request_has_the_same_chance():
    """4 of 20 a minute over 2,000 minutes, in deliveries of unequal sizes, merged in any order."""
    chosen = Counter()
    body = request_of([span(seconds=0.1) for _ in range(20)]).SerializeToString()
    (batch,) = Perfd().decode("traces", body).content
    draw = random.Random(5)
    for _ in range(2_000):
        picks, cut = Picks(), draw.randrange(1, 19)
        offered = []
        for part in (batch.spans[:cut], batch.spans[cut:]):
            picks.offer(part, [0.1] * len(part), error=False, random=draw.random)
            offered += [c.exemplar() for c in picks.take() if c.reason == RANDOM]
        chosen.update(e.span_id for e in keep_best(offered))
    assert sum(chosen.values()) == 8_000
    # 400 each; chi-squared with 19 degrees of freedom is below 43.8 in 99.9 % of honest runs.
    assert sum((n - 400) ** 2 / 400 for n in chosen.values()) + 400 * (20 - len(chosen)) < 43.8


def test_requests_that_nobody_could_look_up_are_not_shown():
    perfd = Perfd()
    perfd.spans([span(trace=b""), span(trace=b"short"), span(id=b"")])
    assert not exemplars(perfd.take())


def test_a_trace_is_put_together_from_all_services_before_and_after():
    perfd = Perfd()
    trace, root, call, served = new_id(16), new_id(8), new_id(8), new_id(8)
    query = {"db.system.name": "sqlite", "db.query.text": "SELECT * FROM price WHERE sku = 'a1'"}
    perfd.spans(
        [
            span("SELECT price", kind=CLIENT, trace=trace, parent=served, attributes=query),
            span("GET /price", trace=trace, id=served, parent=call),
        ],
        resource_of("pricing"),
    )
    first = perfd.take()
    assert len(of_trace(first, trace).spans) == 2
    perfd.spans([span("GET", kind=CLIENT, trace=trace, id=call, parent=root)], now=NOW + 4.0)
    perfd.spans([span("GET /cart", trace=trace, id=root)], now=NOW + 5.0)
    second = perfd.take(NOW + 5.0)
    full = [e for e in exemplars(second, service="pricing") if e.trace_id == trace.hex()]
    assert {len(e.spans) for e in full} == {4}
    spans = {s.span_id: s for s in full[0].spans}
    assert spans[served.hex()].parent_id == call.hex()
    assert spans[served.hex()].service == "pricing"
    (call_to_database,) = [s for s in full[0].spans if s.name == "SELECT price"]
    assert call_to_database.detail == "SELECT * FROM price WHERE sku = ?"
    assert call_to_database.kind == "client"
    # Merged in the store, the fuller one replaces the one that was given out first.
    merged = keep_best([*exemplars(first, service="pricing"), *full])
    assert {len(e.spans) for e in merged} == {4}


def test_after_its_time_a_trace_is_not_waited_for():
    perfd = Perfd()
    trace = new_id(16)
    perfd.spans([span(trace=trace)])
    perfd.take()
    perfd.take(NOW + 16.0)
    perfd.spans([span(kind=CLIENT, trace=trace)], now=NOW + 17.0)
    assert of_trace(perfd.take(NOW + 17.0), trace) is None


def test_a_span_that_was_sent_twice_is_shown_once():
    perfd = Perfd()
    one = span(trace=new_id(16))
    perfd.spans([one, one])
    assert len(of_trace(perfd.take(), one["trace_id"]).spans) == 1


def test_a_long_trace_is_cut_and_keeps_its_entries():
    perfd = Perfd()
    trace, root = new_id(16), new_id(8)
    perfd.spans([span("query", kind=CLIENT, trace=trace, parent=root) for _ in range(500)])
    perfd.spans([span("GET /cart", trace=trace, id=root)])
    spans = of_trace(perfd.take(), trace).spans
    assert len(spans) <= 50
    assert "GET /cart" in {s.name for s in spans}


ids = st.integers(0, 5).map(lambda n: bytes(7) + bytes([n]))


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(ids, st.one_of(ids, st.just(b""))), min_size=1, max_size=12))
def test_parents_never_lead_in_a_circle(links):
    perfd = Perfd()
    trace = new_id(16)
    perfd.spans([span(trace=trace, id=own, parent=parent) for own, parent in links])
    spans = of_trace(perfd.take(), trace).spans
    parents = {s.span_id: s.parent_id for s in spans}
    for start in parents:
        at, steps = start, 0
        while at := parents.get(at, ""):
            steps += 1
            assert steps <= len(parents)


def test_open_traces_are_bounded_in_number_and_bytes():
    limits = TraceSettings(max_traces=20, max_size=40_000)
    perfd = Perfd(traces=limits)
    traces = perfd.aggregator._traces
    for second in range(60):
        now = NOW + second
        perfd.spans([span(end=now, kind=INTERNAL, name="n" * 400) for _ in range(50)], now=now)
        assert len(traces) <= 20
        assert 0 <= traces.size <= 40_000
        perfd.take(now)
    assert perfd.meter.total("perfd_evicted", what="traces") > 0
    perfd.take(NOW + 200.0)
    assert (len(traces), traces.size) == (0, 0)


def test_under_pressure_the_chosen_traces_are_whole():
    """A trace is followed in all its deliveries or in none, so some stay complete."""
    perfd = Perfd(traces=TraceSettings(max_traces=40))
    whole = 0
    for second in range(30):
        now = NOW + second
        traces = [new_id(16) for _ in range(60)]
        for part in range(3):
            name = f"part {part}"
            perfd.spans([span(name, end=now, trace=t) for t in traces], now=now + part / 4)
        for exemplar in exemplars(perfd.take(now + 0.9), RANDOM):
            whole += len(exemplar.spans) == 3
    assert whole > 0


def test_without_traces_there_are_no_exemplars():
    perfd = Perfd(traces=TraceSettings(enabled=False))
    perfd.spans([span()])
    assert not exemplars(perfd.take())


records = st.builds(
    lambda n: tuple(SpanRecord(str(i), "", "s", "n", "server", 0.0, 0.1) for i in range(n)),
    st.integers(0, 3),
)
offers = st.builds(
    lambda reason, n, spans: Exemplar(reason, float(n), f"t{n}", "s", 0.0, 1.0, False, spans),
    st.sampled_from([SLOWEST, ERROR, RANDOM]),
    st.integers(0, 6),
    records,
)


@settings(max_examples=50, deadline=None)
@given(st.lists(offers, max_size=8), st.lists(offers, max_size=8), st.lists(offers, max_size=8))
def test_merging_exemplars_does_not_depend_on_how(a, b, c):
    left = keep_best([*keep_best([*a, *b]), *c])
    right = keep_best([*a, *keep_best([*c, *b])])
    assert left == right == keep_best([*c, *b, *a])
    identities = [(e.reason, e.trace_id, e.span_id) for e in left]
    assert len(identities) == len(set(identities))
