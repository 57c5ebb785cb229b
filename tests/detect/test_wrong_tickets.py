"""The false-alarm budget: at most so much in any quarter, whatever deploys come and when."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfd.detect.budget import (
    DAY,
    DEPLOY,
    LEAST,
    QUARTER,
    SCAN,
    WRONG,
    full,
    refilled,
    share,
    spend,
    total,
)
from perfd.detect.settings import DetectSettings
from perfd.model.budget import Budget
from perfd.tickets.codec import decode, encode
from tests.detect.world import Version, World

OLD = Version("1.0.0")
SAME = replace(OLD, name="1.1.0")
SLOW = replace(OLD, name="1.1.0", latency=0.05)


def spent_at(times: list[float], allowed: float = 1.0) -> list[tuple[float, float]]:
    """What deploys at these times (seconds) are given, one after the other."""
    budget, given = full("pricing", allowed, 0.0), []
    for number, at in enumerate(sorted(times)):
        budget = refilled(budget, allowed, at)
        alpha = share(budget, str(number)).alpha
        budget = spend(budget, DEPLOY, str(number), alpha, at)
        given.append((at, alpha))
    return given


def most_in_a_quarter(given: list[tuple[float, float]]) -> float:
    return max(sum(a for at, a in given if first <= at < first + QUARTER) for first, _ in given)


@given(
    st.lists(st.floats(0.0, 3.0 * QUARTER), min_size=1, max_size=80),
    st.floats(0.1, 20.0),
)
def test_no_quarter_spends_more_than_is_allowed(times: list[float], allowed: float) -> None:
    given = spent_at(times, allowed)
    assert most_in_a_quarter(given) <= allowed * (1.0 + len(given) * LEAST) * (1.0 + 1e-12)


@pytest.mark.parametrize(
    ("a_day", "low", "high"),
    [(0.5, 0.0049, 0.0051), (200.0 / 91.3, 0.0030, 0.0045), (40.0, 0.00018, 0.00023)],
)
def test_who_deploys_often_has_less_for_each(a_day: float, low: float, high: float) -> None:
    given = spent_at([n * DAY / a_day for n in range(int(a_day * 180))])
    assert low < given[-1][1] < high
    assert most_in_a_quarter(given) <= 1.0


def test_a_burst_of_deploys_does_not_starve_those_after_it() -> None:
    burst = [60.0 * n for n in range(300)]
    given = spent_at([*burst, 30.0 * DAY])
    assert given[299][1] < 2e-5
    assert given[-1][1] > 0.004


def test_hourly_scans_leave_the_deploys_their_share() -> None:
    budget = full("pricing", 1.0, 0.0)
    for hour in range(24 * 90):
        budget = refilled(budget, 1.0, hour * 3600.0)
        key = f"scan {hour}"
        budget = spend(budget, SCAN, key, share(budget, key, SCAN).alpha, hour * 3600.0)
    assert share(budget, "a").alpha > 0.0049
    assert total(budget, SCAN) < 1.0


def test_an_empty_budget_is_strict_and_not_blind() -> None:
    budget = replace(full("pricing", 1.0, 0.0), left=0.0)
    assert share(budget, "a").alpha == LEAST


def test_the_same_deploy_is_charged_once_and_keeps_its_share() -> None:
    budget = full("pricing", 1.0, 0.0)
    first = share(budget, "a")
    budget = spend(budget, DEPLOY, "a", first.alpha, 0.0)
    assert spend(budget, DEPLOY, "a", first.alpha, 60.0) == budget
    budget = spend(budget, DEPLOY, "b", share(budget, "b").alpha, 60.0)
    assert share(budget, "a").alpha == first.alpha
    assert share(budget, "b").alpha < first.alpha


def test_a_wrong_ticket_takes_a_whole_one() -> None:
    budget = spend(full("pricing", 1.0, 0.0), WRONG, "PERF-AAAAAA 0", 1.0, 0.0)
    assert share(budget, "a").alpha == LEAST
    month = refilled(budget, 1.0, 30.0 * DAY)
    assert share(month, "a").alpha == pytest.approx(0.25 * 0.02, rel=0.05)


def test_days_are_added_up_and_quarters_forgotten() -> None:
    budget = full("pricing", 1.0, 0.0)
    for number in range(400):
        at = number * DAY / 4.0
        budget = refilled(budget, 1.0, at)
        budget = spend(budget, DEPLOY, str(number), 0.001, at)
    assert len(budget.spent) < 120
    assert total(budget) == pytest.approx(0.365, abs=0.006)


def test_it_survives_as_a_document() -> None:
    budget = spend(full("pricing", 1.0, 5.0), DEPLOY, "a", 0.005, 5.0)
    assert decode(Budget, encode(budget)) == budget


def test_nothing_is_allowed_is_not_a_setting() -> None:
    with pytest.raises(ValueError, match="wrong_tickets: must be above 0; use shadow"):
        DetectSettings(wrong_tickets=0.0)


def test_a_deploy_spends_when_it_is_tested_and_not_while_it_waits() -> None:
    world = World()
    world.run(70, OLD)
    world.run(20, SAME)
    assert world.budgets == []
    world.run(60, SAME)
    (budget,) = world.budgets
    assert [(s.trigger, s.amount) for s in budget.spent] == [("deploy", 0.005)]


def test_a_restart_in_the_middle_spends_nothing_twice() -> None:
    world = World()
    world.run(70, OLD)
    world.run(33, SAME)
    world.restart()
    world.run(30, SAME)
    (budget,) = world.budgets
    assert len(budget.spent) == 1


def test_a_finding_says_where_its_threshold_comes_from() -> None:
    world = World()
    world.run(70, OLD)
    world.run(34, SLOW)
    (finding,) = world.opened
    chance = next(c for c in finding.checks if c.name == "chance")
    assert chance.inputs["budget"] == 1.0
    assert chance.inputs["share of the deploy"] == 0.005
    assert chance.inputs["part of the look"] == 0.5
    spent = 0.005 * 0.5 * float(chance.inputs["part of the tests"])
    assert 0.0 < float(chance.inputs["threshold"]) < spent


def test_metrics_tell_what_is_left() -> None:
    world = World()
    world.run(70, OLD)
    world.run(34, SLOW)
    label = (("of", "spent"), ("service", "pricing"))
    assert world.meter.gauges["perfd_wrong_ticket_budget", label]() == 0.005
