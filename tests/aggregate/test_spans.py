"""Spans to windows: nothing is lost, nothing is counted twice, whatever the order and the split."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfd.model.histogram import Histogram
from perfd.model.series import INSTANCE_REQUESTS, OVERFLOW, REQUESTS
from tests.aggregate.sent import (
    CLIENT,
    CONSUMER,
    INTERNAL,
    NOW,
    PRODUCER,
    SERVER,
    Perfd,
    named,
    resource_of,
    span,
    total,
)

HTTP = {"http.request.method": "GET", "http.route": "/cart", "http.response.status_code": 200}

requests = st.builds(
    lambda operation, seconds, age, failed: span(
        f"job {operation}", kind=INTERNAL, end=NOW - age, seconds=seconds, error=failed
    ),
    st.integers(0, 5),
    st.floats(0.0, 5.0),
    st.floats(0.0, 300.0),
    st.booleans(),
)


def operations(windows):
    return {w.series.label["operation"] for w in windows}


@settings(max_examples=30, deadline=None)
@given(st.lists(requests, min_size=1, max_size=40), st.data())
def test_the_sum_over_windows_is_what_was_offered(spans, data):
    """In whatever pieces it came, with takes in between, and with a cap that bites."""
    perfd = Perfd(max_series_per_service=data.draw(st.integers(1, 4)))
    rest, windows = list(spans), []
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        perfd.spans(rest[:size])
        del rest[:size]
        if data.draw(st.booleans()):
            windows += perfd.take().windows
    windows += perfd.take().windows
    failed = sum(s["status"] == 2 for s in spans)
    for name in (REQUESTS, INSTANCE_REQUESTS):
        assert total(named(windows, name)) == (len(spans), failed, len(spans))
    merged = Histogram()
    for window in named(windows, REQUESTS):
        merged = merged.merge(window.histogram)
    seconds = [(s["end_time_unix_nano"] - s["start_time_unix_nano"]) / 1e9 for s in spans]
    whole = Histogram.of(seconds)
    assert merged.buckets == whole.buckets
    assert merged.zeros == whole.zeros
    assert merged.total == pytest.approx(whole.total)
    assert merged.log_total == pytest.approx(whole.log_total)
    assert merged.log_square == pytest.approx(whole.log_square)


@settings(max_examples=20, deadline=None)
@given(st.lists(requests, min_size=2, max_size=30), st.randoms(use_true_random=False))
def test_the_order_of_spans_does_not_matter(spans, shuffle):
    one, other = Perfd(), Perfd()
    one.spans(spans)
    shuffle.shuffle(spans)
    for each in spans:
        other.spans([each])

    def content(windows):
        return {
            # The phase of the first fifty does depend on who came first.
            (w.series.label["operation"], w.series.label["status"], w.start): (
                *(w.count, w.errors),
                dict(w.histogram.buckets),
            )
            for w in named(windows, REQUESTS)
        }

    assert content(one.take().windows) == content(other.take().windows)


def test_a_window_is_the_minute_in_which_the_span_ended():
    perfd = Perfd()
    minute = NOW - NOW % 60
    perfd.spans([span(end=minute - 0.001), span(end=minute), span(end=minute + 59.999)])
    starts = {w.start: w.count for w in named(perfd.take(NOW).windows, REQUESTS)}
    assert starts == {minute - 60: 1, minute: 2}


@pytest.mark.parametrize("pace", [1.0, 1.5, 7.0, 13.0, 60.0])
def test_base_windows_lie_inside_the_minutes_at_any_pace(pace):
    perfd = Perfd(pace=pace)
    ends = [NOW - k * 0.37 for k in range(100)]
    perfd.spans([span(end=end) for end in ends], now=NOW)
    base = perfd.aggregator.windows(REQUESTS, {})
    minutes = named(perfd.take(NOW).windows, REQUESTS)
    assert sum(w.count for w in minutes) == 100
    width = 60.0 / pace
    for window in minutes:
        inside = [e for e in ends if window.start <= e < window.start + width]
        assert window.count == pytest.approx(len(inside), abs=1)  # an end on the very border
    for window in base:
        assert any(
            m.start - 1e-6 <= window.start <= m.start + width - window.width + 1e-6 for m in minutes
        )


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"end": NOW - 7_300.0}, "late"),
        ({"end": NOW + 1000.0}, "future"),
        ({"end": NOW, "seconds": -0.1}, "negative_duration"),
        ({"end": NOW, "seconds": 90_000.0}, "too_long"),
        ({"end": 0.0, "seconds": 0.0}, "late"),
        ({"end": (2**63 - 1) / 1e9 - 1.0}, "future"),
    ],
)
def test_impossible_times_are_dropped_and_counted_with_the_reason(parts, reason):
    perfd = Perfd()
    perfd.spans([span(**parts), span()])
    assert perfd.dropped(signal="traces", reason=reason) == 1
    assert perfd.dropped() == 1
    batch = perfd.take()
    assert total(named(batch.windows, REQUESTS)) == (1, 0, 1)
    assert batch.items == {"traces": 1}


def test_a_missing_start_is_too_long():
    perfd = Perfd()
    perfd.spans([span() | {"start_time_unix_nano": 0}])
    assert perfd.dropped(reason="too_long") == 1


def test_the_clock_of_a_sender_may_be_a_little_ahead():
    perfd = Perfd()
    perfd.spans([span(end=NOW + 30.0)])
    assert perfd.dropped() == 0
    assert total(named(perfd.take().windows, REQUESTS)) == (1, 0, 1)


def test_only_entries_are_requests():
    perfd = Perfd()
    perfd.spans(
        [
            span("server", kind=SERVER, parent=b"p" * 8),
            span("consumer", kind=CONSUMER, parent=b"p" * 8),
            span("root", kind=INTERNAL),
            span("unspecified root", kind=0),
            span("remote parent", kind=INTERNAL, parent=b"p" * 8, flags=0x301),
            span("child", kind=INTERNAL, parent=b"p" * 8),
            span("local child", kind=INTERNAL, parent=b"p" * 8, flags=0x101),
            span("client", kind=CLIENT),
            span("producer", kind=PRODUCER),
            span("unknown kind", kind=77),
        ]
    )
    batch = perfd.take()
    found = operations(named(batch.windows, REQUESTS))
    assert found == {"server", "consumer", "root", "unspecified root", "remote parent"}
    assert batch.items == {"traces": 10}  # all of them are accounted for


def test_the_labels_of_a_request():
    perfd = Perfd()
    resource = resource_of("pricing", service_instance_id="pod-1") | {
        "deployment.environment.name": "prod"
    }
    perfd.spans([span(attributes=HTTP)], resource)
    windows = perfd.take().windows
    (window,) = named(windows, REQUESTS)
    assert window.series.label == {
        "service": "pricing",
        "version": "1.0.0",
        "environment": "prod",
        "operation": "GET /cart",
        "status": "2xx",
        "phase": "warmup",
    }
    (window,) = named(windows, INSTANCE_REQUESTS)
    assert window.series.label == {
        "service": "pricing",
        "version": "1.0.0",
        "environment": "prod",
        "instance": "pod-1",
        "phase": "warmup",
    }


def test_too_many_open_windows_share_the_overflow_and_totals_stay_right():
    perfd = Perfd(max_open_windows=10)
    perfd.spans([span(f"job {i % 5}", end=NOW - 10.0 * i) for i in range(100)])
    windows = named(perfd.take().windows, REQUESTS)
    assert total(windows) == (100, 0, 100)
    assert OVERFLOW in operations(windows)
    assert perfd.meter.total("perfd_overflowed_items", signal="traces") > 0


def test_a_take_gives_each_increment_once_and_the_position_once():
    perfd = Perfd()
    perfd.spans([span()], position=7)
    assert perfd.aggregator.in_flight == {"traces": 1}
    batch = perfd.take()
    assert (batch.log_position, batch.items) == (7, {"traces": 1})
    assert perfd.aggregator.in_flight == {}
    assert perfd.take().empty
    perfd.spans([span(kind=CLIENT)], position=8)
    assert perfd.take().log_position == 8  # nothing to store, and yet it is done


def test_each_series_and_minute_is_in_a_batch_once():
    perfd = Perfd()
    perfd.spans([span(end=NOW - k) for k in range(60)])
    windows = perfd.take().windows
    keys = [(w.series.id, w.start) for w in windows]
    assert len(keys) == len(set(keys))


def test_the_live_page_sees_base_windows_across_takes():
    perfd = Perfd()
    start = NOW - NOW % 10
    perfd.spans([span(end=start + 1.0)], now=start + 1.0)
    perfd.take(start + 1.5)
    perfd.spans([span(end=start + 2.0), span(end=start + 12.0)], now=start + 12.0)
    windows = perfd.aggregator.windows(REQUESTS, {"service": "shop"})
    assert [(w.start, w.width, w.count) for w in windows] == [
        (start, 10.0, 2),
        (start + 10.0, 10.0, 1),
    ]
    perfd.take(start + 300.0)
    assert not perfd.aggregator.windows(REQUESTS, {})
    assert not perfd.aggregator.windows(REQUESTS, {"service": "other"})
