"""Services that count their own requests: what buckets show, and when spans are enough."""

import math

import numpy as np
import pytest

from perfd.detect import measures
from perfd.detect.estimate import compare, estimate
from perfd.detect.speaker import metric_speaks
from perfd.model.series import METRIC_REQUESTS, REQUESTS, Series
from perfd.model.window import Window
from tests.detect.metered import ADVICE, Metered, MeteredWorld, histogram

OLD = Metered("1.0.0", rate=400.0)
SLOW = Metered("1.1.0", rate=400.0, latency=0.03)
SAME = Metered("1.1.0", rate=400.0)


def side(latency, *, bounds=ADVICE, scale=3, seed=1, minutes=30, rate=1000):
    rng = np.random.default_rng(seed)
    version = Metered("v", latency=latency, bounds=bounds, scale=scale)
    windows = []
    for minute in range(minutes):
        layout, held = histogram(np.exp(rng.normal(math.log(latency), 0.5, rate)).tolist(), version)
        series = Series.of(METRIC_REQUESTS, service="s", version="v", buckets=layout)
        windows.append(Window(series, 60.0 * minute, 60.0, rate, 0, held))
    return windows


def test_a_service_without_spans_is_judged():
    world = MeteredWorld()
    world.run(70, OLD)
    world.run(34, SLOW)
    assert [(d.version, d.previous) for d in world.deploys] == [("1.1.0", "1.0.0")]
    (finding,) = world.opened
    assert (finding.operation, finding.metric) == ("GET /quote", "latency.mean")
    assert 1.4 < finding.effect.ratio < 1.6


def test_and_without_a_change_nothing_is_opened():
    world = MeteredWorld()
    world.run(70, OLD)
    world.run(125, SAME)
    assert len(world.deploys) == 1
    assert world.opened == []


def test_exponential_buckets_show_the_tail_as_well():
    world = MeteredWorld()
    world.run(70, Metered("1.0.0", rate=400.0, bounds=()))
    world.run(34, Metered("1.1.0", rate=400.0, latency=0.03, bounds=()))
    (finding,) = world.opened
    assert finding.metric == "latency.p95"


def test_other_buckets_in_the_new_version_are_no_change():
    other = (0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 1.024)
    world = MeteredWorld()
    world.run(70, OLD)
    world.run(125, Metered("1.1.0", rate=400.0, bounds=other))
    assert world.opened == []


def test_the_mean_is_that_of_the_sums():
    found = compare(measures.LATENCY_MEAN, side(0.02), side(0.022, seed=2))
    assert found is not None
    assert found.before.value == pytest.approx(0.02 * math.exp(0.125), rel=0.01)
    assert found.effect.ratio == pytest.approx(1.1, rel=0.02)
    assert found.p < 1e-6
    assert found.blur == 0.0


def test_the_interval_of_a_quantile_holds_its_bucket():
    p95 = 0.02 * math.exp(0.5 * 1.645)
    found = estimate(measures.LATENCY_P95, side(0.02))
    assert found is not None
    assert found.ci[0] <= 0.025
    assert found.ci[1] >= 0.05
    fine = estimate(measures.LATENCY_P95, side(0.02, bounds=(), scale=5))
    assert fine is not None
    assert fine.value == pytest.approx(p95, rel=0.02)
    assert fine.ci[1] / fine.ci[0] < 1.1


def test_a_small_change_of_a_wide_bucket_is_not_certain():
    found = compare(measures.LATENCY_P95, side(0.02), side(0.021, seed=2))
    assert found is not None
    assert found.low < 0.0 < found.high
    assert found.mde > 1.5


def test_beyond_the_last_bound_nothing_is_known_of_a_quantile():
    assert estimate(measures.LATENCY_P95, side(20.0)) is None
    assert estimate(measures.LATENCY_MEAN, side(20.0)) is not None


@pytest.mark.parametrize("seed", range(5))
def test_noise_of_the_mean_is_that_of_the_requests(seed):
    """Of log-normal latencies with sd 0.5 a mean of n varies by sqrt((e^0.25 - 1) / n)."""
    found = compare(measures.LATENCY_MEAN, side(0.02, seed=seed), side(0.02, seed=100 + seed))
    assert found is not None
    expected = math.sqrt(2 * (math.exp(0.25) - 1) / 30_000)
    assert expected * 0.9 < math.sqrt(found.spread.variance) < expected * 2.5


def test_whole_spans_speak_for_themselves():
    world = MeteredWorld()
    world.run(70, Metered("1.0.0", rate=400.0, kept=1.0))
    world.run(34, Metered("1.1.0", rate=400.0, latency=0.03, kept=1.0))
    (finding,) = world.opened
    assert finding.metric == "latency.p95"
    assert finding.series.name == REQUESTS


def test_the_slowest_spans_do_not_speak():
    """A tail sampler that comes with the new version makes it look slow, and it is not."""
    world = MeteredWorld()
    world.run(70, Metered("1.0.0", rate=400.0, kept=1.0))
    world.run(125, Metered("1.1.0", rate=400.0, kept=0.1, slowest=True, weighted=False))
    assert world.opened == []


def test_spans_speak_where_the_metric_knows_one_version_only():
    world = MeteredWorld()
    spans = [w for w in world._minute(Metered("1.0.0", kept=1.0)) if w.series.name == REQUESTS]
    metric = [w for w in world._minute(SAME) if w.series.name == METRIC_REQUESTS]
    assert not metric_speaks(spans * 10, metric)
    assert metric_speaks([], metric)
