"""Deploys in the traffic that there is: campaigns, crawlers, nights and Mondays.

Each story has its quiet or loud counterpart, with one thing changed, that ends the other way.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from perfd.detect.cells import LOG, Cells
from perfd.detect.load import Load, costs, equal
from perfd.model.finding import Finding
from perfd.model.histogram import Histogram
from perfd.model.series import REQUESTS, Series
from perfd.model.window import Window
from tests.detect.world import Version, World

OLD = Version("1.0.0", rate=60.0)
NEW = replace(OLD, name="1.1.0")
CAPACITY = 500.0  # requests a minute at which it would stand still


def busy(version: Version, rate: float) -> Version:
    """The same version at another rate: latency goes as in a queue, 1 / (1 - load)."""
    slower = (1.0 - version.rate / CAPACITY) / (1.0 - min(rate, 0.9 * CAPACITY) / CAPACITY)
    return replace(version, rate=rate, latency=version.latency * slower, cpu=version.cpu / slower)


def reasons(world: World) -> list[str]:
    return [f.reason for f in world.findings.values() if f.metric.startswith("latency")]


def check(finding: Finding, name: str) -> str:
    return next(c.verdict for c in finding.checks if c.name == name)


# --- a campaign -----------------------------------------------------------------------------------


def test_a_campaign_beyond_any_load_so_far_is_not_blamed_on_the_deploy() -> None:
    world = World()
    world.run(70, OLD)
    world.run(40, busy(NEW, 300.0))
    assert world.opened == []
    assert any("times the load, more than 1.0.0 has had" in r for r in reasons(world))


def test_the_same_latency_without_a_campaign_is_a_regression() -> None:
    world = World()
    world.run(70, OLD)
    world.run(40, replace(NEW, latency=busy(NEW, 300.0).latency))
    assert len(world.opened) == 1


def test_a_load_that_the_old_version_has_had_is_compared_with_it() -> None:
    world = World()
    world.run(40, busy(OLD, 300.0), detect=False)
    world.run(60, OLD, detect=False)
    world.run(40, busy(NEW, 300.0))
    assert world.opened == []
    assert any("at equal load" in r for r in reasons(world))


def test_a_regression_shows_at_equal_load() -> None:
    world = World()
    world.run(40, busy(OLD, 300.0), detect=False)
    world.run(60, OLD, detect=False)
    slower = busy(NEW, 300.0)
    world.run(40, replace(slower, latency=1.5 * slower.latency))
    (finding,) = world.opened
    assert "at equal load" in check(finding, "load")


def test_a_campaign_that_began_before_the_deploy_hides_nothing() -> None:
    world = World()
    world.run(30, OLD, detect=False)
    world.run(70, busy(OLD, 300.0), detect=False)
    slower = busy(NEW, 300.0)
    world.run(40, replace(slower, latency=1.3 * slower.latency))
    assert len(world.opened) == 1


def test_more_cpu_per_request_opens_in_the_middle_of_a_campaign() -> None:
    """Latency cannot be compared, but what a request costs hardly depends on load."""
    world = World()
    world.run(70, OLD)
    crowd = busy(NEW, 300.0)
    world.run(40, replace(crowd, cpu=1.5 * crowd.cpu))
    assert [f.metric for f in world.opened] == ["cpu_per_request"]


def test_retries_of_what_fails_are_no_load() -> None:
    """Three times the requests, of which two thirds fail: not more is wanted than before."""
    world = World()
    world.run(70, replace(OLD, errors=0.001))
    world.run(40, replace(NEW, rate=180.0, errors=0.66, latency=0.03))
    assert len(world.opened) == 1


def test_errors_of_an_overload_are_not_blamed_on_the_deploy() -> None:
    """Twice as much is answered as before, and the rest of the crowd is shed."""
    world = World()
    world.run(70, replace(OLD, errors=0.001))
    world.run(40, replace(NEW, rate=240.0, errors=0.4))
    assert world.opened == []
    assert any("load" in f.reason for f in world.findings.values() if f.metric == "error_rate")


def test_a_regression_of_one_request_in_eight_shows_while_load_rises_a_little() -> None:
    """The mean hardly moves, so that load could explain all of that; p95 is three times as long."""
    world = World()
    slow = replace(NEW, rate=8.0, latency=0.12, cpu=0.1)
    world.run(70, OLD)
    world.run(40, replace(NEW, rate=57.0), slow)
    (finding,) = world.opened
    assert finding.metric == "latency.p95"


# --- crawlers -------------------------------------------------------------------------------------

PEOPLE = replace(OLD, rate=60.0, latency=0.040)
CRAWLER = replace(OLD, rate=600.0, latency=0.004, spread=0.3)


def test_a_crawler_that_leaves_makes_nobody_slower() -> None:
    world = World()
    world.run(70, PEOPLE, CRAWLER)
    world.run(40, replace(PEOPLE, name="1.1.0"))
    assert world.opened == []
    assert any("no more slow requests than before" in r for r in reasons(world))


def test_a_regression_shows_although_a_crawler_left() -> None:
    world = World()
    world.run(70, PEOPLE, CRAWLER)
    world.run(40, replace(PEOPLE, name="1.1.0", latency=0.120))
    (finding,) = world.opened
    assert "yet more slow requests than before" in check(finding, "throughput")


def test_cheap_requests_are_no_load_for_other_operations() -> None:
    """Ten times as many requests, nearly all cheap, and a real regression elsewhere."""
    world = World()
    crawler = replace(OLD, operation="GET /robots", rate=1.0, latency=0.0004)
    world.run(70, OLD, crawler)
    world.run(40, replace(NEW, latency=0.03), replace(crawler, name="1.1.0", rate=600.0))
    assert [f.operation for f in world.opened] == ["POST /quote"]


# --- refusals and failures ------------------------------------------------------------------------


SHED = replace(OLD, rate=6.0, latency=0.001, spread=0.2, status="4xx")


def test_a_regression_does_not_hide_behind_fast_refusals() -> None:
    """Three of ten requests are refused at once: the mean falls, and who is answered waits."""
    world = World()
    world.run(70, OLD, SHED)
    world.run(40, replace(NEW, latency=0.03), replace(SHED, name="1.1.0", rate=26.0))
    (finding,) = world.opened
    assert (finding.metric, finding.status_class) == ("latency.p95", "ok")
    assert finding.effect is not None
    assert finding.effect.ratio == pytest.approx(1.5, rel=0.15)
    assert "among ok alone" in check(finding, "traffic mix")


def test_more_refusals_alone_are_no_regression() -> None:
    world = World()
    world.run(70, OLD, SHED)
    world.run(40, NEW, replace(SHED, name="1.1.0", rate=26.0))
    assert world.opened == []


def test_shedding_with_errors_is_a_rise_of_errors() -> None:
    world = World()
    failing = replace(SHED, status="5xx", errors=1.0, rate=0.1)
    world.run(70, OLD, failing)
    world.run(40, NEW, replace(failing, name="1.1.0", rate=26.0))
    assert [f.metric for f in world.opened] == ["error_rate"]


def test_fast_errors_hide_no_regression_of_what_is_answered() -> None:
    world = World()
    failing = replace(SHED, status="5xx", errors=1.0, rate=0.1)
    world.run(70, OLD, failing)
    world.run(40, replace(NEW, latency=0.03), replace(failing, name="1.1.0", rate=26.0))
    (finding,) = world.opened
    assert finding.metric == "latency.p95"
    parts = [f.metric for f in world.findings.values() if f.reason == f"part of {finding.id}"]
    assert "error_rate" in parts


# --- nights and Mondays ---------------------------------------------------------------------------

WEEK = 7 * 24 * 60  # minutes
# At two o'clock the disk is busy, whatever is deployed.
BACKUP = replace(OLD, latency=0.028, cpu=0.6 * 20 / 28)


def two_oclock(world: World, first: Version, then: Version) -> None:
    """Seventy minutes before the hour and forty after it."""
    world.run(70, first, detect=False)
    world.run(40, then, detect=False)


def test_what_every_week_brings_at_this_hour_is_no_regression() -> None:
    world = World()
    two_oclock(world, OLD, BACKUP)
    world.minute = WEEK
    world.run(70, OLD)
    world.run(40, replace(BACKUP, name="1.1.0"))
    assert world.opened == []
    assert any("is the hour's custom" in r for r in reasons(world))


def test_more_than_every_week_brings_is_one() -> None:
    world = World()
    two_oclock(world, OLD, BACKUP)
    world.minute = WEEK
    world.run(70, OLD)
    world.run(40, replace(BACKUP, name="1.1.0", latency=0.060))
    assert len(world.opened) == 1
    assert "at the same hours 7 days before" in check(world.opened[0], "season")


def test_a_week_ago_there_was_a_deploy_too_and_that_is_no_custom() -> None:
    world = World()
    two_oclock(world, replace(OLD, name="0.9.0"), BACKUP)
    world.minute = WEEK
    world.run(70, OLD)
    world.run(40, replace(BACKUP, name="1.1.0"))
    assert len(world.opened) == 1


@pytest.mark.parametrize("history", [70, 400])
def test_failures_that_begin_minutes_after_the_deploy(history: int) -> None:
    """Their beginning makes the hour a noisy one; the day before was quiet."""
    world = World()
    world.run(history, replace(OLD, errors=0.002), detect=False)
    world.run(3, replace(NEW, errors=0.002))
    world.run(60, replace(NEW, errors=0.4))
    assert [f.metric for f in world.opened] == ["error_rate"]


# --- the load itself ------------------------------------------------------------------------------


def window(start: float, operation: str, count: int, latency: float, errors: int = 0) -> Window:
    series = Series.of(REQUESTS, operation=operation)
    return Window(series, start, 60.0, count, errors, Histogram.of([latency] * count))


def test_load_is_in_requests_under_way() -> None:
    windows = [
        w
        for m in range(5)
        for w in (window(60.0 * m, "slow", 60, 0.5, 30), window(60.0 * m, "cheap", 600, 0.001))
    ]
    load = Load(windows, costs(windows, windows, by_class=True), 60.0)
    assert load.at(np.array([0.0]))[0] == pytest.approx(math.log(0.5 + 0.01), rel=1e-6)
    assert np.isnan(load.at(np.array([3600.0]))[0])
    assert load.answered(windows, (0.0, 300.0), 300.0) == pytest.approx(0.25 + 0.01)


def test_what_is_refused_weighs_little_unless_asked_how_many_ask() -> None:
    answers = [window(0.0, "a", 60, 0.5)]
    refusal = Series.of(REQUESTS, operation="a", status="4xx")
    refused = Window(refusal, 60.0, 60.0, 600, 0, Histogram.of([0.001] * 600))
    for by_class, cost in ((True, 0.001), (False, 0.5)):
        found = costs(answers, [*answers, refused], by_class=by_class)
        assert found["a", "4xx"] == pytest.approx(cost)
        assert found["a", ""] == pytest.approx(0.5)


def cells(starts: list[float], values: list[float], requests: float = 100.0) -> Cells:
    n = np.full(len(starts), requests)
    y = np.array(values)
    return Cells(LOG, float(y.mean()), np.array(starts), np.ones(len(starts)), n, y, 0.01)


def test_each_minute_is_compared_with_those_of_the_same_load() -> None:
    """ln(latency) is 0 at low and 1 at high load, and .2 more in the new version."""
    loads = [60] * 10 + [600] * 10 + [600] * 10
    windows = [window(60.0 * m, "", n, 0.01) for m, n in enumerate(loads)]
    load = Load(windows, {("", ""): 0.01}, 60.0)
    old = cells([60.0 * m for m in range(20)], [0.0] * 10 + [1.0] * 10)
    new = cells([60.0 * m for m in range(20, 30)], [1.2] * 10)
    found = equal(load, old, new, 300)
    assert found is not None
    assert found.shift == pytest.approx(0.2)
    quiet = cells([60.0 * m for m in range(10)], [0.0] * 10)
    assert equal(load, quiet, new, 300) is None


def test_what_load_does_is_read_from_the_day() -> None:
    """ln(latency) rises by .5 per ln(load), with noise; the new version brings .1 beside it."""
    rng = np.random.default_rng(5)
    loads = [round(60 * math.exp(rng.uniform(0.0, 1.5))) for _ in range(60) for _ in range(5)]
    steady = [loads[5 * (m // 5)] for m in range(300)]
    windows = [window(60.0 * m, "", n, 0.01) for m, n in enumerate(steady)]
    load = Load(windows, {("", ""): 0.01}, 60.0)
    values = [0.5 * math.log(n) + float(rng.normal(0.0, 0.02)) for n in steady]
    old = cells([60.0 * m for m in range(250)], values[:250])
    new = cells([60.0 * m for m in range(250, 300)], [v + 0.1 for v in values[250:]])
    found = equal(load, old, new, 300)
    assert found is not None
    assert found.shift == pytest.approx(0.1, abs=0.01)
