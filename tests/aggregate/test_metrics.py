"""OTLP metrics: a service's own count of its requests, and gauges."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.sdk.metrics._internal.exponential_histogram.mapping.exponent_mapping import (
    ExponentMapping,
)
from opentelemetry.sdk.metrics._internal.exponential_histogram.mapping.logarithm_mapping import (
    LogarithmMapping,
)

from perfd.aggregate.rebucket import from_explicit, from_exponential
from perfd.model.histogram import Histogram
from perfd.model.series import CPU_TIME, METRIC_REQUESTS, REQUESTS, Series
from perfd.model.window import Reading
from tests.aggregate.sent import NOW, Perfd, fill, named, nanoseconds, resource_of, span, total

DELTA, CUMULATIVE = 1, 2
BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
CART = {"http.request.method": "GET", "http.route": "/cart", "http.response.status_code": 200}
STABLE = "http.server.request.duration"


def metric(request, name, unit="s", resource=None):
    part = request.resource_metrics.add()
    fill(part.resource.attributes, resource or resource_of())
    return part.scope_metrics.add().metrics.add(name=name, unit=unit)


def explicit(values, *, kind=DELTA, at=NOW, start=NOW - 60.0, attributes=CART, **named_):
    """A request with one histogram point; `values` in the metric's unit."""
    request = ExportMetricsServiceRequest()
    message = metric(request, named_.get("name", STABLE), named_.get("unit", "s"))
    bounds = named_.get("bounds", BOUNDS)
    counts = [0] * (len(bounds) + 1)
    for value in values:
        counts[sum(value > bound for bound in bounds)] += 1
    message.histogram.aggregation_temporality = kind
    point = message.histogram.data_points.add(
        start_time_unix_nano=nanoseconds(start),
        time_unix_nano=nanoseconds(at),
        count=len(values),
        sum=sum(values),
        bucket_counts=counts,
        explicit_bounds=bounds,
    )
    fill(point.attributes, attributes)
    return request


def exponential(values, *, scale=3, kind=DELTA, at=NOW, start=NOW - 60.0, zeros=0):
    """The same as an exponential histogram, indexed by the SDK's own mappings."""
    mapping = LogarithmMapping(scale) if scale > 0 else ExponentMapping(scale)
    indices = [mapping.map_to_index(value) for value in values]
    first = min(indices, default=0)
    counts = [0] * (max(indices, default=0) - first + 1)
    for index in indices:
        counts[index - first] += 1
    request = ExportMetricsServiceRequest()
    data = metric(request, STABLE).exponential_histogram
    data.aggregation_temporality = kind
    point = data.data_points.add(
        start_time_unix_nano=nanoseconds(start),
        time_unix_nano=nanoseconds(at),
        count=len(values) + zeros,
        sum=sum(values),
        scale=scale,
        zero_count=zeros,
    )
    point.positive.offset = first
    point.positive.bucket_counts.extend(counts)
    fill(point.attributes, CART)
    return request


def number(value, *, name="queue.length", kind="gauge", at=NOW, start=NOW - 60.0, **options):
    request = ExportMetricsServiceRequest()
    message = metric(request, name, resource=options.get("resource"))
    data = getattr(message, kind)
    if kind == "sum":
        data.aggregation_temporality = options.get("temporality", CUMULATIVE)
        data.is_monotonic = options.get("monotonic", True)
    point = data.data_points.add(
        start_time_unix_nano=nanoseconds(start), time_unix_nano=nanoseconds(at)
    )
    if isinstance(value, int):
        point.as_int = value
    else:
        point.as_double = value
    fill(point.attributes, options.get("attributes", {}))
    return request


def requests(perfd):
    return named(perfd.take().windows, METRIC_REQUESTS)


def gauges(perfd):
    return {g.series.name: g.total for g in perfd.take().gauges}


def test_an_explicit_histogram_is_the_operations_window():
    perfd = Perfd()
    values = [0.003, 0.02, 0.03, 0.08, 0.3, 30.0]
    perfd.metrics(explicit(values))
    (window,) = requests(perfd)
    assert window.series.label == {
        "service": "shop",
        "version": "1.0.0",
        "environment": "unknown",
        "operation": "GET /cart",
        "status": "2xx",
        "phase": "warmup",
        "buckets": "0.005 0.01 0.025 0.05 0.075 0.1 0.25 0.5 0.75 1 2.5 5 7.5 10",
    }
    assert (window.count, window.errors, window.histogram.count) == (6, 0, 6)
    assert window.histogram.total == pytest.approx(sum(values))
    assert window.start == NOW - NOW % 60


def test_metrics_are_never_added_to_the_requests_of_spans():
    perfd = Perfd()
    perfd.metrics(explicit([0.1] * 7))
    perfd.spans([span(attributes=CART)])
    windows = perfd.take().windows
    assert total(named(windows, METRIC_REQUESTS)) == (7, 0, 7)
    assert total(named(windows, REQUESTS)) == (1, 0, 1)


def test_the_legacy_metric_is_in_milliseconds_and_never_counted_beside_the_stable_one():
    legacy = explicit(
        [4.0, 40.0],
        name="http.server.duration",
        unit="ms",
        bounds=[5.0, 10.0, 25.0, 50.0],
        attributes={"http.method": "GET", "http.route": "/cart", "http.status_code": 500},
    )
    perfd = Perfd()
    perfd.metrics(legacy)
    (window,) = requests(perfd)
    assert window.histogram.total == pytest.approx(0.044)
    assert (window.series.label["status"], window.errors) == ("5xx", 2)

    both = explicit([0.1])
    both.resource_metrics[0].scope_metrics[0].metrics.append(
        legacy.resource_metrics[0].scope_metrics[0].metrics[0]
    )
    perfd.metrics(both)
    assert total(requests(perfd)) == (1, 0, 1)


def test_an_error_type_without_a_status_is_an_error():
    perfd = Perfd()
    perfd.metrics(explicit([0.1], attributes={"http.request.method": "GET", "error.type": "x"}))
    (window,) = requests(perfd)
    assert (window.series.label["status"], window.errors) == ("error", 1)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.lists(st.floats(1e-4, 60.0), max_size=8), min_size=2, max_size=6),
    st.sampled_from([explicit, exponential]),
)
def test_cumulative_says_the_same_as_delta(exports, kind):
    delta, cumulative = Perfd(), Perfd()
    start, so_far = NOW - 60.0, []
    for i, values in enumerate(exports):
        so_far += values
        delta.metrics(kind(values, at=NOW + i))
        cumulative.metrics(kind(so_far, kind=CUMULATIVE, at=NOW + i, start=start))
    one, other = requests(delta), requests(cumulative)
    assert total(one) == total(other) == (len(so_far), 0, len(so_far))
    sums = [math.fsum(w.histogram.total for w in ws) for ws in (one, other)]
    assert sums[0] == pytest.approx(sums[1], abs=1e-6)
    if kind is exponential:
        assert merged(one).buckets == merged(other).buckets


def merged(windows):
    whole = Histogram()
    for window in windows:
        whole = whole.merge(window.histogram)
    return whole


def test_a_restart_counts_from_zero_again():
    perfd = Perfd()
    perfd.metrics(explicit([0.1] * 100, kind=CUMULATIVE, at=NOW))
    perfd.metrics(explicit([0.1] * 7, kind=CUMULATIVE, at=NOW + 10, start=NOW + 5))
    perfd.metrics(explicit([0.1] * 3, kind=CUMULATIVE, at=NOW + 20, start=NOW + 5))  # fell
    assert total(requests(perfd)) == (110, 0, 110)


def test_of_an_old_stream_the_first_point_only_says_where_to_count_from():
    perfd = Perfd()
    old = NOW - 86_400.0
    perfd.metrics(explicit([0.1] * 1_000, kind=CUMULATIVE, start=old))
    assert not requests(perfd)
    perfd.metrics(explicit([0.1] * 1_003, kind=CUMULATIVE, start=old, at=NOW + 10))
    assert total(requests(perfd)) == (3, 0, 3)
    perfd.metrics(explicit([0.1] * 9_999, kind=CUMULATIVE, start=old, at=NOW + 599 + 12), NOW + 612)
    assert not requests(perfd)  # after a gap as well
    assert perfd.dropped() == 0


def test_a_scale_that_becomes_coarser_is_no_reset():
    perfd = Perfd()
    values = [0.01, 0.02, 0.5]
    perfd.metrics(exponential(values, kind=CUMULATIVE, scale=7))
    perfd.metrics(exponential([*values, 20.0], kind=CUMULATIVE, scale=2, at=NOW + 10))
    assert total(requests(perfd)) == (4, 0, 4)


def test_zeros_are_counted():
    perfd = Perfd()
    perfd.metrics(exponential([0.1], zeros=2))
    (window,) = requests(perfd)
    assert (window.count, window.histogram.count, window.histogram.zeros) == (3, 3, 2)


def test_a_histogram_without_buckets_is_counted_and_not_measured():
    perfd = Perfd()
    request = explicit([0.1] * 5)
    point = request.resource_metrics[0].scope_metrics[0].metrics[0].histogram.data_points[0]
    del point.bucket_counts[:]
    del point.explicit_bounds[:]
    perfd.metrics(request)
    assert total(requests(perfd)) == (5, 0, 0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"time_unix_nano": nanoseconds(NOW - 8_000)}, "late"),
        ({"time_unix_nano": 2**63 - 1}, "future"),
        ({"count": 2**63}, "absurd"),
        ({"explicit_bounds": [3.0, 2.0]}, "malformed"),
        ({"explicit_bounds": [math.nan] * 14}, "malformed"),
        ({"bucket_counts": [2**60] * 15}, "absurd"),
        ({"bucket_counts": [1] * 9_999}, "malformed"),
    ],
)
def test_impossible_points_are_dropped_with_the_reason(change, reason):
    perfd = Perfd()
    request = explicit([0.1] * 3)
    point = request.resource_metrics[0].scope_metrics[0].metrics[0].histogram.data_points[0]
    for name, value in change.items():
        if isinstance(value, list):
            del getattr(point, name)[:]
            getattr(point, name).extend(value)
        else:
            setattr(point, name, value)
    perfd.metrics(request)
    batch = perfd.take()
    assert perfd.dropped(signal="metrics", reason=reason) == 1
    assert not batch.windows
    assert batch.items.get("metrics", 0) == 0


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 40), min_size=2, max_size=8),
    st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=7, unique=True),
)
def test_rebucketing_keeps_the_count_and_stays_inside_the_bounds(counts, bounds):
    bounds = sorted(bounds)[: len(counts) - 1]
    counts = counts[: len(bounds) + 1]
    histogram = from_explicit(bounds, counts, 1.0, 1.0)
    assert histogram.count == sum(counts) == sum(histogram.buckets.values())
    for i, bound in enumerate(bounds):
        below = sum(n for b, n in histogram.buckets.items() if 2 ** ((b + 1) / 32) <= bound * 1.03)
        assert below >= sum(counts[: i + 1])


@given(st.lists(st.floats(1e-4, 100.0), min_size=1, max_size=50), st.integers(5, 12))
def test_a_finer_exponential_histogram_becomes_exactly_ours(values, scale):
    mapping = LogarithmMapping(scale)
    counts = {}
    for value in values:
        index = mapping.map_to_index(value)
        counts[index] = counts.get(index, 0) + 1
    ours = from_exponential(counts, 0, scale, sum(values), 1.0)
    direct = Histogram.of(values)
    assert ours.count == direct.count
    assert ours.mean_log == pytest.approx(direct.mean_log, abs=0.012)  # half a bucket
    for q in (0.5, 0.95):
        assert ours.quantile(q) == pytest.approx(direct.quantile(q), rel=0.03)


def test_many_points_of_one_request_each_are_not_biased():
    """Spread one by one or all at once, a wide bucket's mean log is its middle."""
    wide = [0.1, 0.8]
    alone = [from_explicit(wide, [0, 1, 0], 0.0, 1.0).mean_log for _ in range(3)]
    together = from_explicit(wide, [0, 1_000, 0], 0.0, 1.0).mean_log
    middle = math.log(math.sqrt(0.1 * 0.8))
    assert [*alone, together] == pytest.approx([middle] * 4, abs=0.025)


def test_gauges_and_sums():
    perfd = Perfd()
    perfd.metrics(number(5))
    perfd.metrics(number(2.5, name="work", kind="sum", temporality=DELTA))
    perfd.metrics(number(3.0, name="open", kind="sum", monotonic=False))
    (queue, work, opened) = perfd.take().gauges
    assert (queue.series.name, queue.mean) == ("queue.length", 5.0)
    assert (work.series.name, work.total) == ("work", 2.5)
    assert (opened.series.name, opened.mean) == ("open", 3.0)


def test_a_cumulative_sum_becomes_what_was_added():
    perfd = Perfd()
    perfd.metrics(number(100.0, name="work", kind="sum", start=NOW - 9_000))
    assert gauges(perfd) == {}
    perfd.metrics(number(103.0, name="work", kind="sum", start=NOW - 9_000, at=NOW + 10))
    perfd.metrics(number(4.0, name="work", kind="sum", start=NOW + 11, at=NOW + 20))
    assert gauges(perfd) == {"work": 7.0}
    perfd.metrics(number(4.0, name="work", kind="sum", start=NOW + 11, at=NOW + 20))
    assert perfd.dropped(reason="out_of_order") == 1


def test_labels_of_a_gauge():
    perfd = Perfd()
    attributes = {f"k{i}": "v" * 500 for i in range(12)} | {"service": "forged"}
    perfd.metrics(number(1, attributes=attributes))
    (gauge,) = perfd.take().gauges
    assert gauge.series.label["service"] == "shop"
    assert len(gauge.series.labels) <= 4 + 8
    assert max(len(value) for _, value in gauge.series.labels) == 128


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e300])
def test_a_gauge_that_is_no_number_is_dropped(value):
    perfd = Perfd()
    perfd.metrics(number(value))
    assert perfd.dropped(reason="absurd") == 1


def test_gauges_are_capped():
    perfd = Perfd(max_series_per_service=3)
    for i in range(10):
        perfd.metrics(number(1, attributes={"pool": f"p{i}"}))
    assert len(perfd.take().gauges) == 3
    assert perfd.dropped(reason="cardinality") == 7


def test_streams_are_bounded():
    perfd = Perfd(max_series=8)
    for i in range(20):
        perfd.metrics(number(1.0, name="n", kind="sum", attributes={"i": i}))
    assert perfd.dropped(reason="streams") == 12


def test_cpu_time_of_a_process_that_perfd_samples_itself_is_not_counted_twice():
    resource = resource_of(service_instance_id="pod")
    both = {"name": "process.cpu.time", "kind": "sum", "resource": resource}
    perfd = Perfd()
    for mode in ("user", "system"):
        perfd.metrics(number(1.5, attributes={"cpu.mode": mode}, **both))
    (gauge,) = perfd.take().gauges
    assert gauge.total == 3.0
    assert set(gauge.series.label) == {"service", "version", "environment", "instance", "phase"}

    labels = {"service": "shop", "version": "1.0.0", "environment": "unknown", "instance": "pod"}
    perfd.aggregator.add_readings([Reading(Series.of(CPU_TIME, **labels), NOW, 0.5)])
    perfd.metrics(number(2.5, at=NOW + 10, attributes={"cpu.mode": "user"}, **both))
    assert gauges(perfd) == {CPU_TIME: 0.5}
    assert perfd.dropped(reason="duplicate") == 1


def test_what_makes_no_series_is_counted_as_unused():
    perfd = Perfd()
    request = explicit([0.1], name="db.client.operation.duration")
    summary = metric(request, "old").summary
    summary.data_points.add(time_unix_nano=nanoseconds(NOW))
    perfd.metrics(request)
    assert perfd.dropped(signal="metrics", reason="unused") == 2
    assert perfd.take().items.get("metrics", 0) == 0


def test_a_point_without_a_value_says_nothing():
    perfd = Perfd()
    request = number(5)
    request.resource_metrics[0].scope_metrics[0].metrics[0].gauge.data_points[0].flags = 1
    perfd.metrics(request)
    assert perfd.dropped() == 0
    assert not perfd.take().gauges
