"""Topology: a slow callee makes its callers slow; the ticket goes to where time was added."""

from __future__ import annotations

import pytest

from tests.scenarios.world import Call, Database, Operation, Service, World

SLOW = 1.6


def chain(seed: int, *, rate: float = 1.5) -> tuple[World, Service, Service, Database]:
    """`front` calls `stock`, which asks a database; a few minutes of live telemetry."""
    world = World(seed=seed)
    database = Database("items", latency=0.010)
    stock = world.service(
        "stock",
        Operation("GET /stock", rate=0.0, latency=0.020, calls=[Call(database, "SELECT")]),
        instances=2,
    )
    front = world.service(
        "front",
        Operation("GET /cart", rate=rate, latency=0.015, calls=[Call(stock, "GET /stock")]),
        instances=2,
    )
    world.run(minutes=8)
    return world, front, stock, database


def told(world: World) -> list[str]:
    """Who has a ticket."""
    return [ticket.service for ticket in world.tickets()]


def test_a_callee_slower_when_both_are_deployed() -> None:
    """Caller and callee deployed at once, the callee slower: one ticket, on the callee."""
    world, front, stock, _ = chain(41)
    front.deploy("1.1.0")
    stock.deploy("1.1.0", slower=SLOW)
    world.run(minutes=40)
    assert told(world) == ["stock"], world.reasons()
    impact = world.ticket_for("stock").impact
    assert impact is not None
    assert [(c.service, c.operation) for c in impact.callers] == [("front", "GET /cart")]
    assert impact.callers[0].seconds == pytest.approx(0.020 * 1.13 * (SLOW - 1.0), rel=0.3)


@pytest.mark.slow
def test_both_slower_when_both_are_deployed() -> None:
    """Caller and callee deployed at once, both slower by themselves: a ticket on each."""
    world, front, stock, _ = chain(42)
    front.deploy("1.1.0", slower=2.5)
    stock.deploy("1.1.0", slower=SLOW)
    world.run(minutes=40)
    assert sorted(told(world)) == ["front", "stock"], world.reasons()


@pytest.mark.slow
def test_a_callee_that_starts_to_fail() -> None:
    """Caller and callee deployed at once, the callee fails more: one ticket, on the callee."""
    world, front, stock, _ = chain(43)
    front.deploy("1.1.0")
    stock.deploy("1.1.0", failing=0.08)
    world.run(minutes=40)
    assert told(world) == ["stock"], world.reasons()
    assert world.ticket_for("stock").metric == "error_rate"


@pytest.mark.slow
def test_more_calls_to_an_unchanged_callee() -> None:
    """A deploy that calls an unchanged service five times, not once: a ticket on the caller."""
    world, front, stock, _ = chain(44, rate=0.8)
    front.deploy("1.1.0")
    front.operation("GET /cart").calls = [Call(stock, "GET /stock", times=5)]
    world.run(minutes=40)
    assert told(world) == ["front"], world.reasons()


@pytest.mark.slow
def test_a_database_that_is_slower() -> None:
    """A database gets slower while its callers are deployed: no ticket, and it is named."""
    world, front, stock, database = chain(45)
    front.deploy("1.1.0")
    stock.deploy("1.1.0")
    database.latency *= 2.5
    world.run(minutes=40)
    assert told(world) == [], world.reasons()
    said = [f.reason for f in world.findings() if f.service == "postgresql/items"]
    assert said, world.reasons()
    assert "answers slower" in said[0]


@pytest.mark.slow
def test_another_service_is_slower_during_a_deploy() -> None:
    """A callee gets slower without a deploy, just when its caller is deployed: no ticket on it."""
    world, front, stock, _ = chain(46)
    front.deploy("1.1.0")
    for instance in stock.instances:
        instance.slower = SLOW
    world.run(minutes=40)
    assert "front" not in told(world), world.reasons()


@pytest.mark.slow
def test_a_slow_consumer_does_not_slow_its_producer() -> None:
    """Producer and consumer of a queue deployed at once, the consumer slower: a ticket on it."""
    world = World(seed=47)
    mail = world.service("mail", Operation("process mails", rate=0.0), instances=2)
    sent = Call(mail, "process mails", waits=False, fails=False)
    shop = world.service("shop", Operation("POST /order", rate=1.5, calls=[sent]), instances=2)
    world.run(minutes=8)
    shop.deploy("1.1.0")
    mail.deploy("1.1.0", slower=SLOW)
    world.run(minutes=40)
    assert told(world) == ["mail"], world.reasons()
    impact = world.ticket_for("mail").impact
    assert impact is not None
    assert impact.callers == ()
