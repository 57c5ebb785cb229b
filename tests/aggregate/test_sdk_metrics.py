"""What OpenTelemetry's own SDK makes of request durations, encoded by its own exporter."""

from __future__ import annotations

import math
import random

import pytest
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.metrics.view import (
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
    View,
)
from opentelemetry.sdk.resources import Resource

from perfd.model.histogram import EMPTY
from perfd.model.series import METRIC_REQUESTS
from tests.aggregate.sent import Perfd, named
from tests.aggregate.test_metrics import BOUNDS, CART

NAME = "http.server.request.duration"
DELTA, CUMULATIVE = AggregationTemporality.DELTA, AggregationTemporality.CUMULATIVE
VIEWS = {
    "advised": View(instrument_name=NAME, aggregation=ExplicitBucketHistogramAggregation(BOUNDS)),
    "default": View(instrument_name=NAME, aggregation=ExplicitBucketHistogramAggregation()),
    "exponential": View(instrument_name=NAME, aggregation=ExponentialBucketHistogramAggregation()),
}


@pytest.mark.parametrize("temporality", [DELTA, CUMULATIVE])
@pytest.mark.parametrize("kind", VIEWS)
def test_every_request_is_counted_once_and_the_mean_is_exact(kind, temporality):
    reader = InMemoryMetricReader({Histogram: temporality})
    provider = MeterProvider(
        [reader], Resource({"service.name": "shop"}), views=[VIEWS[kind]], shutdown_on_exit=False
    )
    durations = provider.get_meter("http").create_histogram(NAME, "s")
    rng, perfd, values = random.Random(1), Perfd(), []
    for _ in range(4):
        for _ in range(50):
            values.append(rng.lognormvariate(math.log(0.04), 0.5))
            durations.record(values[-1], CART)
        data = reader.get_metrics_data()
        body = encode_metrics(data).SerializeToString()
        now = _time(data)
        perfd.aggregator.add(perfd.decode("metrics", body), None, now)
    provider.shutdown()
    held = EMPTY
    windows = named(perfd.take(now).windows, METRIC_REQUESTS)
    for window in windows:
        held = held.merge(window.histogram)
    assert sum(w.count for w in windows) == held.count == 200
    assert held.mean == pytest.approx(sum(values) / 200)
    assert held.quantile(0.5) == pytest.approx(0.04, rel=0.25)


def _time(data):
    metric = data.resource_metrics[0].scope_metrics[0].metrics[0]
    return metric.data.data_points[0].time_unix_nano / 1e9
