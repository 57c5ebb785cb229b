"""Functions: shares of a profiled service that change while nobody deploys."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from perfd.model.batch import BUDGET
from perfd.model.finding import Finding
from tests.scenarios.past_profiles import Stack, put_profiles
from tests.scenarios.world import DAY, HOUR, Operation, World

DAYS = 9.5
CHANGED = 34  # hours before the end
MAIN, QUOTE, TAX = "/srv/app.py:main", "/srv/shop/quote.py:quote", "/srv/shop/tax.py:Tax.rate"


def usual(tax: float = 600.0) -> dict[Stack, float]:
    """Samples an hour: thirty functions, and one that is asked about."""
    others = {(MAIN, QUOTE, f"/srv/shop/part_{n}.py:step_{n}"): 100.0 + 20.0 * n for n in range(30)}
    return {**others, (MAIN, QUOTE): 300.0, (MAIN, QUOTE, TAX): tax}


def profiled(seed: int, samples: Callable[[int], Mapping[Stack, float]], **detect: object) -> World:
    """Nine days of requests and profiles, and the first minutes after an evaluation is due."""
    world = World(seed=seed, history=DAYS * DAY, detect=detect)
    world.service("pricing", Operation(rate=0.2), instances=1)
    put_profiles(world.store, "pricing", int(DAYS * DAY / HOUR), world.now, samples, seed)
    world.run(minutes=6)
    return world


def of_functions(world: World) -> list[Finding]:
    return [finding for finding in world.findings("pricing") if finding.metric == "share"]


@pytest.mark.slow
def test_a_function_gets_dearer_without_a_deploy() -> None:
    """A function's share doubles while nobody deploys: one ticket that names it."""
    world = profiled(501, lambda ago: usual(1200.0 if ago <= CHANGED else 600.0))
    ticket = world.ticket_for("pricing")
    assert (ticket.metric, ticket.trigger) == ("share", "scan")
    assert ticket.hotspots[0].function == "Tax.rate"
    assert ticket.suspects == ()
    assert "Tax.rate" in world.messages[0].title
    told = {finding.id for finding in of_functions(world)}
    world.kill()
    world.start()
    world.run(minutes=6)  # the evaluation is made again, and finds nothing new
    assert world.ticket_for("pricing").id == ticket.id
    assert {finding.id for finding in of_functions(world)} == told
    opened = [finding for finding in of_functions(world) if finding.opened]
    assert [finding.series.label["resource"] for finding in opened] == ["Tax.rate"]
    assert abs(opened[0].change_at - (world.now - CHANGED * HOUR)) <= 2 * HOUR


@pytest.mark.slow
def test_a_function_gets_another_name() -> None:
    """A function is renamed and moved to another file: it costs what it did, and no ticket."""

    def samples(ago: int) -> Mapping[Stack, float]:
        told = usual()
        if ago <= CHANGED:
            told[(MAIN, QUOTE, "/srv/shop/rates.py:Rates.of")] = told.pop((MAIN, QUOTE, TAX))
        return told

    world = profiled(502, samples)
    assert world.tickets() == []
    (finding,) = {f.series.label["resource"]: f for f in of_functions(world)}.values()
    assert finding.series.label["resource"] == "Rates.of"
    assert "Tax.rate by another name" in finding.reason


@pytest.mark.slow
def test_a_function_gets_cheaper() -> None:
    """A hot function is made five times as fast: the shares of all others rise, and no ticket."""
    world = profiled(503, lambda ago: usual(1_000.0 if ago <= CHANGED else 5_000.0))
    assert world.tickets() == []
    assert not [finding for finding in of_functions(world) if finding.opened]


@pytest.mark.slow
def test_in_shadow_a_dearer_function_is_shown() -> None:
    """In shadow mode a dearer function is a finding that says so, opens nothing, costs nothing."""
    world = profiled(505, lambda ago: usual(1200.0 if ago <= CHANGED else 600.0), shadow=True)
    assert world.tickets() == []
    reasons = [f.reason for f in of_functions(world) if "would have opened" in f.reason]
    assert len(reasons) == 1
    assert reasons[0].startswith("Tax.rate: shadow")
    assert world.store.documents(BUDGET) == []
