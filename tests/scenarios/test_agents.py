"""Agents and a centre: a sidecar in every pod, and one perfd that judges."""

from __future__ import annotations

import pytest

from perfd.interfaces import Store
from perfd.model.series import REQUESTS
from tests.scenarios.fleet import Fleet
from tests.scenarios.world import MINUTE, Operation, Service

SLOW = 1.5


def fleet(seed: int, instances: int = 2) -> Fleet:
    """`pricing` with a day of history at the centre, and a few minutes of live telemetry."""
    world = Fleet(seed=seed)
    world.service("pricing", Operation(rate=2.0), instances=instances)
    world.run(minutes=5)
    return world


def pricing(world: Fleet) -> Service:
    return world.services["pricing"]


def requests(store: Store, start: float, end: float) -> int:
    """How many a store has of these minutes."""
    return sum(w.count for w in store.windows(REQUESTS, {"service": "pricing"}, start, end))


def deploy_of(world: Fleet) -> float:
    """When the only deploy was."""
    (deploy,) = world.deploys("pricing")
    assert deploy.version == "1.1.0"
    return deploy.at


@pytest.mark.slow
def test_pods_and_agents_replaced_by_a_slower_build() -> None:
    """A slower build in new pods whose agents have empty disks: one ticket, which names it."""
    world = fleet(1)
    pricing(world).deploy("1.1.0", slower=SLOW)
    world.run(minutes=45)
    ticket = world.ticket_for("pricing")
    assert [s.version for s in ticket.suspects] == ["1.1.0"]
    deploy_of(world)
    assert sorted(world.states().values()) == ["live", "live", "stopped", "stopped"]


@pytest.mark.slow
def test_pods_and_agents_replaced_by_an_equal_build() -> None:
    """An equal build in new pods with new agents: no ticket, since an agent judges nothing."""
    world = fleet(2)
    pricing(world).deploy("1.1.0")
    world.run(minutes=45)
    assert world.tickets() == []
    assert [j.looks > 0 for j in world.judgements("pricing")] == [True]


@pytest.mark.slow
def test_the_centre_dies_in_the_middle_of_a_rollout() -> None:
    """The centre is gone for ten minutes of a rollout: one ticket, on the deploy at its time."""
    world = fleet(3)
    began = world.now
    pricing(world).roll("1.1.0", over=10, slower=SLOW)
    world.run(minutes=4)
    world.kill()
    world.run(minutes=10)
    world.start()
    world.run(minutes=50)
    assert [s.version for s in world.ticket_for("pricing").suspects] == ["1.1.0"]
    assert abs(deploy_of(world) - began) <= 2 * MINUTE


@pytest.mark.slow
def test_agents_cut_off_for_hours_around_a_deploy() -> None:
    """No agent reaches the centre for hours around a deploy: once they do, one ticket on it."""
    world = fleet(4)
    world.run(minutes=20)
    world.cut()
    world.run(minutes=60)
    began = world.now
    pricing(world).roll("1.1.0", over=5, slower=SLOW)
    world.run(minutes=120)
    assert world.tickets() == []
    assert set(world.states().values()) == {"silent"}
    world.mend()
    world.run(minutes=15)
    assert [s.version for s in world.ticket_for("pricing").suspects] == ["1.1.0"]
    assert abs(deploy_of(world) - began) <= 2 * MINUTE


@pytest.mark.slow
def test_an_agent_that_is_gone_holds_nobody_up() -> None:
    """One of three agents dies without a word: shown as silent, and the next deploy is judged."""
    world = fleet(5, instances=3)
    world.crash(pricing(world).instances[0].name)
    world.run(minutes=10)
    assert sorted(world.states().values()) == ["live", "live", "silent"]
    pricing(world).deploy("1.1.0", slower=SLOW)
    world.run(minutes=45)
    assert [s.version for s in world.ticket_for("pricing").suspects] == ["1.1.0"]


def test_the_centre_has_what_the_agents_were_given() -> None:
    """A network that comes and goes: no request is lost, and none is counted twice."""
    world = fleet(6)
    for _ in range(3):
        world.cut()
        world.run(minutes=7)
        world.mend()
        world.run(minutes=3)
    start, end = world.began, world.now - 3 * MINUTE
    agents = [requests(agent.store, start, end) for agent in world.agents.values()]
    assert all(agents)
    assert requests(world.store, start, end) == sum(agents)
