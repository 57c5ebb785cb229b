"""What perfd would not see: tried every day on copies of each service's own hours, and said."""

from __future__ import annotations

import pytest

from perfd.model.batch import DETECTABILITY
from perfd.model.detectability import Detectability, Detectable
from perfd.tickets.codec import decode
from tests.scenarios.world import DAY, Operation, World

BUSY, RARE = "POST /quote", "GET /report"


def tried(world: World, service: str = "pricing") -> Detectability:
    held = world.store.document(DETECTABILITY, service)
    assert held is not None
    return decode(Detectability, held.body)


def row(found: Detectability, operation: str, metric: str) -> Detectable:
    (one,) = [r for r in found.rows if (r.operation, r.metric) == (operation, metric)]
    return one


def shop(seed: int, *, days: float = 6.0, **detect: object) -> World:
    world = World(seed=seed, history=days * DAY, detect={"self_test": 40, **detect})
    operations = Operation(BUSY, rate=0.5), Operation(RARE, rate=0.0005)
    world.service("pricing", *operations, instances=1)
    world.run(minutes=61)
    return world


@pytest.mark.slow
def test_what_would_be_seen() -> None:
    """A busy operation and a rare one: how small a change of each would be seen within a day."""
    found = tried(shop(901))
    busy, rare = row(found, BUSY, "latency.mean"), row(found, RARE, "latency.mean")
    assert busy.smallest is not None
    assert busy.smallest < 0.2
    assert [r.size for r in busy.recalls] == [0.05, 0.10, 0.20]
    assert busy.recalls[-1].caught >= 18
    assert (busy.wrong, busy.weeks) == (0, 20.0)
    assert busy.deploy is not None
    assert rare.smallest is None
    assert rare.reason
    assert rare.deploy is None
    (spot,) = [b for b in found.blind if b.operation == RARE and "latency.mean" in b.metrics]
    assert "more traffic" in spot.help


@pytest.mark.slow
def test_a_few_series_in_an_hour() -> None:
    """More series than may be tried in an hour: the rest wait for the next one, and are counted."""
    world = shop(902, days=4.5, self_test=1)
    first = tried(world)
    measured = [r for r in first.rows if not r.reason]
    assert len(measured) == 1
    assert first.waiting > 0
    world.run(minutes=60)
    second = tried(world)
    assert len([r for r in second.rows if not r.reason]) == 2
    assert second.waiting == first.waiting - 1
    assert world.meter.total("perfd_self_tested_series", outcome="measured") == 2


@pytest.mark.slow
def test_services_take_turns() -> None:
    """A service with more series than an hour allows: the next hour is another service's."""
    world = World(seed=905, history=4.5 * DAY, detect={"self_test": 1})
    for name in ("aaa", "pricing"):
        world.service(name, Operation(BUSY, rate=0.1), instances=1)
    world.run(minutes=121)
    for name in ("aaa", "pricing"):
        assert len([r for r in tried(world, name).rows if not r.reason]) == 1


def test_switched_off() -> None:
    """`detect.self_test: 0`: nothing is tried, and nothing is read for it."""
    world = shop(903, days=0.1, self_test=0)
    assert world.store.document(DETECTABILITY, "pricing") is None


def test_a_service_without_versions() -> None:
    """A service that names no version: said as a blind spot of its deploys."""
    world = World(seed=904, history=0.0, detect={"self_test": 5})
    pricing = world.service("pricing", Operation(BUSY, rate=0.1), instances=1)
    pricing.reporting.versioned = False
    world.run(minutes=121)
    spots = [b for b in tried(world).blind if not b.operation and not b.metrics]
    assert [("names no version" in b.reason, "service.version" in b.help) for b in spots] == [
        (True, True)
    ]
