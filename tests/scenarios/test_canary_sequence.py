"""A canary before it is judged: what its first minutes say, and what becomes of that."""

from __future__ import annotations

import pytest

from perfd.model.finding import SUSPECTED, Finding
from tests.scenarios.world import MINUTE, Operation, Service, World


def watched(seed: int, **kinds: float) -> World:
    """`pricing` with a day of history and a few minutes of live telemetry."""
    world = World(seed=seed)
    world.service("pricing", Operation(rate=4.0, **kinds))
    world.run(minutes=5)
    return world


def pricing(world: World) -> Service:
    return world.services["pricing"]


def suspected(world: World) -> list[Finding]:
    return [f for f in world.findings("pricing") if f.status == SUSPECTED]


def test_slow_canary_is_suspected_within_minutes() -> None:
    """A canary at 5 %, twice as slow: suspected within minutes, a ticket when it is judged."""
    world = watched(91)
    begun = world.now
    pricing(world).canary("1.1.0", share=0.05, slower=2.0)
    world.run(minutes=20)
    (found,) = suspected(world)
    assert found.found_at - begun <= 15 * MINUTE
    assert (found.metric, found.opened, world.tickets()) == ("latency.mean", False, [])
    assert "judged from" in found.reason
    world.run(minutes=35)
    assert world.ticket_for("pricing").suspects[0].version == "1.1.0"
    (found,) = suspected(world)
    assert "; judged: " in found.reason
    assert not found.opened


def test_equal_canary_is_not_suspected() -> None:
    """An equal canary at 5 %: nothing is suspected, and nothing opens."""
    world = watched(92)
    pricing(world).canary("1.1.0", share=0.05)
    world.run(minutes=45)
    assert (suspected(world), world.tickets()) == ([], [])


@pytest.mark.slow
def test_failing_canary_is_suspected_within_minutes() -> None:
    """A canary at 20 % that fails one request in ten: suspected within minutes by its errors."""
    world = watched(93, errors=0.01)
    pricing(world).canary("1.1.0", share=0.2, failing=0.1)
    world.run(minutes=15)
    assert "error_rate" in [f.metric for f in suspected(world)]
    assert world.tickets() == []


@pytest.mark.slow
def test_suspicion_that_the_judge_does_not_share() -> None:
    """A canary that is slow for its first ten minutes only: suspected, judged, and no ticket."""
    world = watched(94)
    pricing(world).canary("1.1.0", share=0.2, slower=1.6)
    world.run(minutes=10)
    assert suspected(world)
    for instance in pricing(world).instances:
        instance.slower = 1.0 / 1.6 if instance.build.version == "1.1.0" else 1.0
    world.run(minutes=50)
    assert world.tickets() == []
    assert all("; judged: " in found.reason for found in suspected(world))


def test_blue_green_has_no_canary() -> None:
    """A slower build that takes all traffic at once: nothing beside it, so nothing is suspected."""
    world = watched(95)
    pricing(world).deploy("1.1.0", slower=2.0)
    world.run(minutes=12)
    assert suspected(world) == []
