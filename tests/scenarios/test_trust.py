"""Trust: how often perfd may be wrong, how loud it may be, and when it only shows."""

from __future__ import annotations

import asyncio

import pytest

from perfd.detect.budget import DEPLOY, PARTS, QUARTER, share, total
from perfd.model.batch import BUDGET
from perfd.model.budget import Budget
from perfd.model.finding import Finding
from perfd.model.ticket import State
from perfd.tickets.codec import decode
from tests.scenarios.world import DAY, Operation, Service, World

SLOW = 1.6


def watched(
    seed: int, *operations: Operation, history: float = DAY, minutes: float = 5, **sections: object
) -> World:
    """`pricing` on one instance, some live minutes."""
    world = World(seed=seed, history=history, **sections)
    world.service("pricing", *(operations or [Operation(rate=1.0)]), instances=1)
    world.run(minutes=minutes)
    return world


def pricing(world: World) -> Service:
    return world.services["pricing"]


def budget(world: World) -> Budget:
    held = world.store.document(BUDGET, "pricing")
    assert held is not None
    return decode(Budget, held.body)


def threshold(finding: Finding) -> float:
    """The chance of a wrong ticket that the deploy was given."""
    inputs = next(c for c in finding.checks if c.name == "chance").inputs
    return float(inputs["share of the deploy"])


def close_as_wrong(world: World) -> None:
    assert world.engine is not None
    (ticket,) = world.tickets("pricing", "open")
    desk = world.engine.judging.desk
    asyncio.run(desk.act(ticket.id, "close", actor="sre", resolution="wrong", text="it was us"))


# --- the budget -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_many_deploys_in_a_day() -> None:
    """Deploy after deploy of equal builds: each has a smaller share, and no ticket opens."""
    world = watched(301, Operation(rate=0.3))
    for number in range(1, 5):
        pricing(world).deploy(f"1.{number}.0")
        world.run(minutes=66)
    assert world.tickets() == []
    spent = [s.amount for s in budget(world).spent]
    assert len(spent) == 4
    assert spent == sorted(spent, reverse=True)
    assert 0.004 < spent[-1] < spent[0] == 0.005


def test_budget_of_its_own() -> None:
    """Two services: the deploys of one take nothing from the other's budget."""
    world = World(seed=302)
    for name in ("pricing", "cart"):
        world.service(name, Operation(rate=0.7), instances=1)
    world.run(minutes=5)
    pricing(world).deploy("1.1.0", slower=SLOW)
    world.run(minutes=36)
    assert threshold(world.findings("pricing")[0]) == 0.005
    assert world.store.document(BUDGET, "cart") is None


def test_user_allows_more() -> None:
    """Four wrong tickets a quarter are allowed: a deploy may spend four times as much."""
    world = watched(303, detect={"wrong_tickets": 4.0})
    pricing(world).deploy("1.1.0", slower=SLOW)
    world.run(minutes=36)
    assert world.ticket_for("pricing").state is State.OPEN
    assert threshold(world.findings("pricing")[0]) == 0.02


def test_wrong_ticket() -> None:
    """A ticket is closed as wrong: the next deploy of the service is judged more strictly."""
    world = watched(304)
    pricing(world).deploy("1.1.0", slower=SLOW)
    world.run(minutes=36)
    close_as_wrong(world)
    world.run(minutes=30)
    pricing(world).deploy("1.2.0", slower=SLOW)
    world.run(minutes=36)
    after = budget(world)
    assert total(after, "wrong") == 1.0
    (second,) = [s for s in after.spent if s.trigger == "deploy"][1:]
    assert second.amount < 0.005 / 100
    month = 0.75 * 30 * DAY / QUARTER * PARTS[DEPLOY]
    assert share(after, "none").alpha < month / 100


def test_restart_keeps_the_budget() -> None:
    """perfd is killed after it judged: what was spent stays spent, and once."""
    world = watched(305)
    pricing(world).deploy("1.1.0")
    world.run(minutes=34)
    before = [(s.key, s.amount) for s in budget(world).spent]
    world.kill()
    world.start()
    world.run(minutes=12)
    assert [(s.key, s.amount) for s in budget(world).spent] == before
    assert len(before) == 1


# --- the quota ------------------------------------------------------------------------------------


def test_quota() -> None:
    """One ticket more than the quota: a finding with its proof that says so, tried a day later."""
    both = Operation("GET /a", rate=0.25), Operation("GET /b", rate=0.25)
    world = watched(306, *both, tickets={"quota": 1})
    pricing(world).deploy("1.1.0", slower={"GET /a": 2.0})
    world.run(minutes=66)
    pricing(world).deploy("1.2.0", slower={"GET /a": 2.0, "GET /b": 2.0})
    world.run(minutes=50)
    assert [t.operation for t in world.tickets()] == ["GET /a"], world.reasons()
    (over,) = [f for f in world.findings() if f.reason.endswith("(the quota)")]
    assert (over.operation, over.version) == ("GET /b", "1.2.0")
    assert world.meter.total("perfd_tickets", outcome="over_quota") == 1
    assert world.store.document("evidence", over.id) is not None
    (judgement,) = [j for j in world.judgements() if j.version == "1.2.0"]
    assert judgement.due == judgement.deployed_at + DAY  # looked at again when the day is over


# --- shadow ---------------------------------------------------------------------------------------


def test_shadow() -> None:
    """Shadow mode: what would have been opened is shown with its proof, and nobody is told."""
    world = watched(307, detect={"shadow": True})
    pricing(world).deploy("1.1.0", slower=SLOW)
    world.run(minutes=36)
    assert (world.tickets(), world.messages) == ([], [])
    (shown,) = [f for f in world.findings() if f.reason.startswith("shadow: would have opened")]
    assert world.store.document("evidence", shown.id) is not None
    assert world.store.document(BUDGET, "pricing") is None


def test_shadow_of_one_service() -> None:
    """One service in shadow mode: the other's regression opens a ticket."""
    world = World(seed=308, detect={"shadow_services": ["cart*"]})
    for name in ("pricing", "cart-eu"):
        world.service(name, Operation(rate=0.7), instances=1)
    world.run(minutes=5)
    for service in world.services.values():
        service.deploy("1.1.0", slower=SLOW)
    world.run(minutes=36)
    assert [t.service for t in world.tickets()] == ["pricing"]


def test_shadow_until_mature() -> None:
    """A regression 25 minutes after the service was first seen: shown in shadow, no ticket."""
    world = watched(309, history=0.0, minutes=25)
    pricing(world).deploy("1.1.0", slower=SLOW)
    world.run(minutes=40)
    assert world.tickets() == []
    told = [f.reason for f in world.findings() if f.reason.startswith("shadow")]
    assert any("a baseline is mature after 60" in reason for reason in told), world.reasons()


def test_mature_after_an_hour() -> None:
    """The same regression after 65 minutes: one ticket, marked provisional."""
    world = watched(310, history=0.0, minutes=65)
    pricing(world).deploy("1.1.0", slower=SLOW)
    world.run(minutes=40)
    assert world.ticket_for("pricing").provisional
