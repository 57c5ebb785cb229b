"""The record of latencies that load and shop keep."""

import random

import pytest

from perfd.demo.latencies import Latencies


def test_quantiles_are_within_one_per_cent():
    rng = random.Random(1)
    values = sorted(rng.lognormvariate(-4, 0.7) for _ in range(10_000))
    latencies = Latencies()
    for value in values:
        latencies.add(value)
    for share in (0.5, 0.95, 0.99):
        assert latencies.quantile(share) == pytest.approx(values[int(share * 10_000)], rel=0.01)


def test_nothing_has_no_quantile():
    assert Latencies().summary() == {"p50": 0.0, "p95": 0.0, "p99": 0.0}


def test_what_is_too_short_to_measure_is_still_counted():
    latencies = Latencies()
    latencies.add(0.0)
    assert latencies.count == 1
    assert latencies.quantile(1) == pytest.approx(1e-6, rel=0.01)
