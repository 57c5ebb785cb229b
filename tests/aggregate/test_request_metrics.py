"""A service's own count of its requests: phase, instances, and what its buckets tell apart."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfd.model.buckets import bucket_of, explicit_layout, exponential_layout
from perfd.model.histogram import Histogram
from perfd.model.series import METRIC_INSTANCE_REQUESTS, METRIC_REQUESTS, STEADY, WARMUP
from tests.aggregate.sent import NOW, Perfd, fill, named, resource_of
from tests.aggregate.test_metrics import CUMULATIVE, explicit, exponential


def of_instance(request, instance):
    resource = request.resource_metrics[0].resource
    del resource.attributes[:]
    fill(resource.attributes, resource_of(service_instance_id=instance))
    return request


def phases(windows):
    return {w.series.label["phase"]: w.count for w in windows}


def test_a_new_instance_warms_up_for_its_first_point_and_fifty_requests():
    perfd = Perfd()
    perfd.metrics(explicit([0.1] * 30, start=NOW - 180, at=NOW - 120))
    perfd.metrics(explicit([0.1] * 30, start=NOW - 120, at=NOW - 60))
    perfd.metrics(explicit([0.1] * 30, start=NOW - 60, at=NOW))
    windows = named(perfd.take().windows, METRIC_REQUESTS)
    assert sum(w.count for w in windows if w.series.label["phase"] == WARMUP) == 60
    assert sum(w.count for w in windows if w.series.label["phase"] == STEADY) == 30


def test_an_instance_has_its_own_series():
    perfd = Perfd()
    for name, count in (("a", 3), ("b", 5)):
        perfd.metrics(of_instance(explicit([0.1] * count), name))
    windows = named(perfd.take().windows, METRIC_INSTANCE_REQUESTS)
    assert {w.series.label["instance"]: w.count for w in windows} == {"a": 3, "b": 5}


def test_processes_that_share_a_resource_are_streams_of_their_own():
    perfd = Perfd()
    for minute in range(3):
        at = NOW - 120 + 60 * minute
        for began, each in ((NOW - 125, 10), (NOW - 130, 20)):
            values = [0.1] * each * (minute + 1)
            perfd.metrics(explicit(values, kind=CUMULATIVE, start=began, at=at))
    windows = named(perfd.take().windows, METRIC_REQUESTS)
    assert sum(w.count for w in windows) == 3 * (10 + 20)


def test_a_point_without_new_requests_makes_no_window():
    perfd = Perfd()
    for at in (NOW - 60, NOW):
        perfd.metrics(explicit([0.1] * 4, kind=CUMULATIVE, start=NOW - 100, at=at))
    (window,) = named(perfd.take().windows, METRIC_REQUESTS)
    assert window.count == 4


def test_of_an_exponential_histogram_the_scale_is_kept():
    perfd = Perfd()
    perfd.metrics(exponential([0.1] * 4, scale=3))
    perfd.metrics(exponential([0.1] * 4, scale=20, at=NOW + 1))
    windows = named(perfd.take().windows, METRIC_REQUESTS)
    assert {w.series.label["buckets"] for w in windows} == {"scale 3", "scale 5"}


def test_made_up_layouts_are_bounded():
    perfd = Perfd()
    for i in range(20):
        perfd.metrics(explicit([0.1], bounds=[0.1 + i], at=NOW + i / 10))
    windows = named(perfd.take().windows, METRIC_REQUESTS)
    assert len({w.series.label["buckets"] for w in windows}) == 9
    assert sum(w.count for w in windows) == 20


@given(st.integers(-3, 20), st.floats(1e-6, 1e4))
def test_an_exponential_bucket_holds_its_values(scale, value):
    low, high = bucket_of(exponential_layout(scale), value)
    assert low < value * (1 + 1e-6)
    assert value <= high * (1 + 1e-6)
    assert high / low == pytest.approx(2.0 ** (2.0 ** -min(scale, 5)))


def test_an_explicit_bucket_holds_its_values_and_the_open_ones_have_no_end():
    layout = explicit_layout([0.1, 0.25, 0.5])
    assert bucket_of(layout, 0.2) == (0.1, 0.25)
    assert bucket_of(layout, 0.25) == (0.1, 0.25)
    assert bucket_of(layout, 0.05) is None
    assert bucket_of(layout, 0.6) is None
    assert bucket_of(exponential_layout(-4), 0.2) is None
    assert bucket_of(explicit_layout([float(i) for i in range(100)]), 1.0) is None


def test_the_sum_is_exact_whatever_the_buckets():
    values = [0.11, 0.13, 0.2]
    perfd = Perfd()
    perfd.metrics(explicit(values))
    (window,) = named(perfd.take().windows, METRIC_REQUESTS)
    assert window.histogram.mean == pytest.approx(sum(values) / 3)
    assert not math.isclose(window.histogram.mean_log, Histogram.of(values).mean_log)
