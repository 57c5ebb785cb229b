"""The scenario language itself: the same seed gives the same world, and nothing is lost in it."""

from __future__ import annotations

import pytest

from perfd.model.series import CPU_TIME, METRIC_REQUESTS, REQUESTS, STEADY
from tests.scenarios.world import HOUR, Call, Database, Operation, Reporting, World


def shop(world: World) -> None:
    prices = world.service("prices", Operation("GET /price", rate=0.0, latency=0.010))
    database = Database("stock")
    world.service(
        "front",
        Operation("GET /cart", calls=[Call(prices, "GET /price", times=2), Call(database, "")]),
    )


def test_the_same_seed_is_the_same_world() -> None:
    def told(seed: int) -> list[tuple[float, int, float]]:
        world = World(seed=seed, history=HOUR)
        shop(world)
        world.run(minutes=3)
        windows = world.store.windows(REQUESTS, {}, world.now - 300, world.now)
        return [(w.start, w.count, w.histogram.total) for w in windows]

    assert told(5) == told(5)
    assert told(5) != told(6)


def test_what_is_sent_is_stored() -> None:
    world = World(seed=1, history=0.0)
    shop(world)
    world.run(minutes=5)
    taken = world.meter.total("perfd_aggregated_items", signal="traces")
    assert taken > 1000
    assert world.meter.total("perfd_stored_items", signal="traces") == pytest.approx(taken, rel=0.1)
    assert world.meter.total("perfd_dropped_items") == 0


def test_history_and_live_traffic_are_of_one_kind() -> None:
    world = World(seed=2, history=4 * HOUR)
    world.service("pricing", Operation(rate=5.0))
    world.run(minutes=30)
    begin = world.now - 1740
    for name, read in ((REQUESTS, world.store.windows), (CPU_TIME, world.store.gauges)):
        past = read(name, {"phase": STEADY}, begin - HOUR, begin)
        live = read(name, {"phase": STEADY}, begin, world.now - 60)
        assert {x.series.label["service"] for x in past} == {"pricing"}
        a, b = (
            sum(getattr(x, "histogram", x).total for x in part) / seconds
            for part, seconds in ((past, HOUR), (live, world.now - 60 - begin))
        )
        assert b == pytest.approx(a, rel=0.1)


def test_a_crash_loses_nothing_that_was_acknowledged() -> None:
    world = World(seed=3, history=0.0)
    world.service("pricing")
    world.run(minutes=2)
    world.run(minutes=0.25)
    stored = world.meter.total("perfd_stored_items", signal="traces")
    taken = world.meter.total("perfd_aggregated_items", signal="traces")
    assert stored < taken, "something was in flight"
    world.kill()
    world.start()
    assert world.meter.total("perfd_replayed_items", signal="traces") >= taken - stored
    world.run(minutes=1)
    windows = world.store.windows(REQUESTS, {}, world.now - 600, world.now + 60)
    assert sum(w.count for w in windows) >= taken


def test_sampled_spans_stand_for_the_rest_where_they_say_so() -> None:
    counts = []
    for sampled in (1.0, 0.25):
        world = World(seed=4, history=0.0)
        world.service("pricing", Operation(rate=10.0), reporting=Reporting(sampled=sampled))
        world.run(minutes=6)
        counts.append(
            sum(w.count for w in world.store.windows(REQUESTS, {}, world.now - 600, world.now))
        )
    assert counts[1] == pytest.approx(counts[0], rel=0.15)


@pytest.mark.parametrize("histogram", ["explicit", "exponential"])
@pytest.mark.parametrize("temporality", ["delta", "cumulative"])
def test_metrics_say_how_many_requests_there_were(histogram: str, temporality: str) -> None:
    world = World(seed=5, history=0.0)
    told = Reporting(spans=False, metrics=True, histogram=histogram, temporality=temporality)
    world.service("pricing", Operation(rate=5.0), reporting=told)
    world.run(minutes=6)
    windows = world.store.windows(METRIC_REQUESTS, {}, world.now - 600, world.now)
    spent = 5.0 * 60.0 * (6 if temporality == "delta" else 5)  # the first total has no before
    assert sum(w.count for w in windows) == pytest.approx(spent, rel=0.3)
    assert world.meter.total("perfd_dropped_items") == 0


def test_profiles_reach_the_store() -> None:
    world = World(seed=6, history=0.0)
    pricing = world.service("pricing")
    pricing.profiled = lambda _: {("main", "serve", "quote"): 20.0, ("main", "gc"): 2.0}
    world.run(minutes=3)
    found = world.store.profiles({"service": "pricing"}, world.now - 600, world.now)
    assert sum(w.value for profile in found for w in profile.weights.values()) > 0
