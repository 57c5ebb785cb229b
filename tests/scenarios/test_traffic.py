"""Traffic: what people, crawlers and clients do around a deploy."""

from __future__ import annotations

import math

import pytest

from perfd.model.finding import Finding
from tests.scenarios.world import DAY, HOUR, MINUTE, Climate, Operation, Service, World

SLOW = 1.5
CAPACITY = 12.0  # requests per second at which three instances would stand still
QUOTE = "POST /quote"


def daily(base: float, swing: float, peak: float = 14.0):  # type: ignore[no-untyped-def]
    """Requests per second with their greatest at `peak` o'clock (UTC)."""
    return lambda at: base * (1.0 + swing * math.cos(2.0 * math.pi * (at / DAY - peak / 24.0)))


def rush(base: float):  # type: ignore[no-untyped-def]
    """Requests per second that grow to 2.5 times within two hours around midnight, every day."""

    def rate(at: float) -> float:
        hours = (at / HOUR + 1.0) % 24.0
        return base * (1.0 + 1.5 * min(hours / 2.0, 1.0)) if hours < 12.0 else base

    return rate


def line(rate):  # type: ignore[no-untyped-def]
    """Waiting in line at a rate, in multiples of the work: as in a queue, load / (1 - load)."""
    return lambda at: 1.0 / (1.0 - min(rate(at) / CAPACITY, 0.9)) - 1.0


def steady(rate: float) -> Operation:
    """The same rate at all times."""
    return Operation(rate=rate, queue=line(lambda _: rate))


def campaign(world: World, minutes: float, rate: float, times: float):  # type: ignore[no-untyped-def]
    """A rate that rises within two minutes, so long from now."""
    begins = world.now + minutes * MINUTE
    return lambda at: rate * (1.0 + (times - 1.0) * min(max((at - begins) / 120.0, 0.0), 1.0))


def blamed(world: World, service: str = "pricing") -> list[str]:
    return [s.version for s in world.ticket_for(service).suspects]


def judged(world: World, version: str = "1.1.0") -> None:
    """perfd has looked at the deploy, so that silence is a verdict."""
    (found,) = [j for j in world.judgements("pricing") if j.version == version]
    assert found.looks > 0, world.reasons()


def told(world: World, words: str) -> list[Finding]:
    """Findings that say these words, none of them opened."""
    found = [f for f in world.findings("pricing") if words in f.reason]
    assert not any(f.opened for f in found)
    return found


def pricing(world: World, *operations: Operation, **changes: object) -> Service:
    return world.service("pricing", *operations, **changes)  # type: ignore[arg-type]


# --- the shape of days ----------------------------------------------------------------------------


def test_a_deploy_in_the_daily_rush() -> None:
    """An equal build while a rush doubles traffic, and latency rises with it: no ticket."""
    world = World(seed=1)
    rate = rush(2.0)
    service = pricing(world, Operation(rate=rate, queue=line(lambda at: 1.3 * rate(at))))
    world.run(minutes=5)
    service.roll("1.1.0", over=5)
    world.run(minutes=45)
    assert world.tickets() == []
    judged(world)


def test_a_slower_deploy_in_the_daily_rush() -> None:
    """A slower build while a rush doubles traffic: one ticket, on the build."""
    world = World(seed=2)
    rate = rush(2.0)
    service = pricing(world, Operation(rate=rate, queue=line(lambda at: 1.3 * rate(at))))
    world.run(minutes=5)
    service.roll("1.1.0", over=5, slower=SLOW)
    world.run(minutes=45)
    assert blamed(world) == ["1.1.0"]


def test_a_deploy_in_the_evening() -> None:
    """A slower build while traffic and latency fall for the night: one ticket all the same."""
    world = World(seed=3, climate=Climate(drift=0.05))
    rate = daily(3.0, 0.6, peak=18.0)
    service = pricing(world, Operation(rate=rate, queue=line(rate)))
    world.run(minutes=5)
    service.roll("1.1.0", over=5, slower=SLOW)
    world.run(minutes=50)
    assert blamed(world) == ["1.1.0"]


@pytest.mark.slow
def test_a_deploy_on_monday_morning() -> None:
    """An equal build in a Monday's rush after a quiet Sunday: no ticket."""
    world = World(seed=4, history=7.1 * DAY)
    weekday = rush(1.0)

    def rate(at: float) -> float:
        return weekday(at) if int(at // DAY) % 7 == int(world.now // DAY) % 7 else 0.3

    service = pricing(world, Operation(rate=rate, queue=line(lambda at: 2.6 * rate(at))))
    world.run(minutes=5)
    service.roll("1.1.0", over=5)
    world.run(minutes=45)
    assert world.tickets() == []
    judged(world)


def nightly() -> Operation:
    """From ten minutes past midnight a backup keeps the disk busy, every night, for an hour."""
    return Operation(queue=lambda at: 0.5 if 10 <= at % DAY // MINUTE < 70 else 0.0)


def test_a_backup_of_every_night() -> None:
    """An equal build minutes before the nightly backup, which slows all: no ticket."""
    world = World(seed=21, history=1.25 * DAY)
    service = pricing(world, nightly())
    world.run(minutes=5)
    service.deploy("1.1.0")
    world.run(minutes=40)
    assert world.tickets() == []
    judged(world)


def test_a_slower_build_before_the_backup() -> None:
    """A build that is twice as slow minutes before the nightly backup: one ticket, on it."""
    world = World(seed=22, history=1.25 * DAY)
    service = pricing(world, nightly())
    world.run(minutes=5)
    service.deploy("1.1.0", slower=2.0)
    world.run(minutes=45)
    assert blamed(world) == ["1.1.0"]


# --- campaigns ------------------------------------------------------------------------------------


def test_a_campaign_right_after_an_equal_deploy() -> None:
    """Five times the traffic from minutes after a deploy, latency rises with it: no ticket."""
    world = World(seed=5)
    service = pricing(world, steady(1.7))
    world.run(minutes=5)
    service.deploy("1.1.0")
    (operation,) = service.operations
    operation.rate = campaign(world, 5, 1.7, 5.0)
    operation.queue = line(operation.rate)
    world.run(minutes=45)
    assert world.tickets() == []
    assert told(world, "times the load")


def test_a_campaign_right_after_a_slower_deploy() -> None:
    """Slower, then a campaign after twenty minutes: one ticket, by what is seen at equal load."""
    world = World(seed=6)
    service = pricing(world, steady(2.0))
    world.run(minutes=5)
    service.deploy("1.1.0", slower=SLOW)
    (operation,) = service.operations
    operation.rate = campaign(world, 20, 2.0, 4.0)
    operation.queue = line(operation.rate)
    world.run(minutes=40)
    assert blamed(world) == ["1.1.0"]


def test_a_campaign_without_a_deploy() -> None:
    """Five times the traffic and no deploy: nobody is blamed."""
    world = World(seed=7)
    service = pricing(world, steady(2.0))
    world.run(minutes=5)
    (operation,) = service.operations
    operation.rate = campaign(world, 1, 2.0, 4.0)
    operation.queue = line(operation.rate)
    world.run(minutes=30)
    assert world.tickets() == []
    assert world.deploys() == []


# --- crawlers and mixes ---------------------------------------------------------------------------


def test_a_crawler_hammers_one_operation() -> None:
    """Cheap requests hammer one operation, another gets slower: one ticket, on the other."""
    world = World(seed=8)
    robots = Operation("GET /robots", rate=0.2, latency=0.001)
    service = pricing(world, Operation(), robots)
    world.run(minutes=5)
    service.deploy("1.1.0", slower={QUOTE: SLOW})
    robots.rate = 6.0
    world.run(minutes=40)
    assert world.ticket_for("pricing").operation == QUOTE


def test_a_crawler_leaves_with_the_deploy() -> None:
    """Most requests were a crawler's cheap ones and stop: who is left is not slower, no ticket."""
    world = World(seed=9)
    quote = Operation(QUOTE, rate=1.2)
    crawler = Operation(QUOTE, rate=8.0, latency=0.002, spread=0.3)
    service = pricing(world, quote, crawler)
    world.run(minutes=5)
    service.deploy("1.1.0")
    crawler.rate = 0.0
    world.run(minutes=40)
    assert world.tickets() == []
    assert told(world, "no more slow requests than before")


def test_a_shift_between_operations() -> None:
    """More of the slow operation and less of the fast one: nothing got slower, no ticket."""
    world = World(seed=10)
    fast = Operation("GET /price", rate=3.0, latency=0.010)
    slow = Operation("POST /order", rate=0.8, latency=0.200)
    service = pricing(world, fast, slow)
    world.run(minutes=5)
    service.deploy("1.1.0")
    fast.rate, slow.rate = 1.0, 2.4
    world.run(minutes=40)
    assert world.tickets() == []
    judged(world)


def test_fewer_fast_failures() -> None:
    """A build that no longer fails fast answers more, and slower, on the mean: no ticket."""
    world = World(seed=11, history=0)
    quote = Operation(errors=0.3, failure=0.001)
    service = pricing(world, quote)
    world.run(minutes=65)
    service.deploy("1.1.0")
    quote.errors = 0.002
    world.run(minutes=40)
    assert world.tickets() == []
    assert told(world, "the mix of requests changed")


# --- failures -------------------------------------------------------------------------------------


def test_errors_that_are_fast() -> None:
    """A build that fails at once, and looks faster for it: one ticket, on the errors."""
    world = World(seed=12)
    service = pricing(world, Operation(failure=0.001))
    world.run(minutes=5)
    service.deploy("1.1.0", failing=0.1)
    world.run(minutes=40)
    assert world.ticket_for("pricing").metric == "error_rate"
    assert blamed(world) == ["1.1.0"]


def test_a_regression_behind_fast_errors() -> None:
    """A third fails at once and the rest is slower: one ticket, on the latency of answers."""
    world = World(seed=13)
    service = pricing(world, Operation(failure=0.001))
    world.run(minutes=5)
    service.deploy("1.1.0", failing=0.3, slower=SLOW)
    world.run(minutes=40)
    ticket = world.ticket_for("pricing")
    assert ticket.metric == "latency.p95"
    assert ticket.effect.ratio == pytest.approx(SLOW, rel=0.15)  # type: ignore[union-attr]


def test_load_shedding_in_a_campaign() -> None:
    """A campaign, of which half is shed by fast failures: neither latency nor errors are blamed."""
    world = World(seed=14)
    service = pricing(world, Operation(rate=1.7, failure=0.001))
    world.run(minutes=5)
    service.deploy("1.1.0")
    (operation,) = service.operations
    rate = campaign(world, 1, 1.7, 5.0)
    operation.rate = rate
    operation.errors = lambda at: max(0.002, 1.0 - 4.25 / rate(at))
    world.run(minutes=45)
    assert world.tickets() == []
    assert told(world, "times the load")


def test_clients_that_time_out_and_ask_again() -> None:
    """A slower build whose clients give up after 150 ms and ask again: one ticket, on it."""
    world = World(seed=15)
    service = pricing(world, Operation(timeout=0.15))
    world.run(minutes=5)
    service.deploy("1.1.0", slower=2.0)
    world.run(minutes=40)
    assert blamed(world) == ["1.1.0"]


def test_clients_that_time_out_as_ever() -> None:
    """Clients that give up and retry as often as before: no ticket."""
    world = World(seed=16)
    service = pricing(world, Operation(timeout=0.15))
    world.run(minutes=5)
    service.deploy("1.1.0")
    world.run(minutes=40)
    assert world.tickets() == []
    judged(world)


# --- little, and none -----------------------------------------------------------------------------


def test_traffic_stops_with_the_deploy() -> None:
    """Nothing comes any more ten minutes after a deploy: no ticket on latency, and it is said."""
    world = World(seed=17)
    service = pricing(world, Operation())
    world.run(minutes=5)
    service.deploy("1.1.0", slower=SLOW)
    world.run(minutes=10)
    service.operations[0].rate = 0.0
    world.run(minutes=40)
    assert world.tickets() == []
    (judgement,) = world.judgements("pricing")
    assert "nothing came in the last" in judgement.reason


def test_very_little_traffic() -> None:
    """Three requests a minute: no verdict before there are 300, and the count is stated."""
    world = World(seed=18)
    service = pricing(world, Operation(rate=0.05), instances=1)
    world.run(minutes=5)
    service.deploy("1.1.0", slower=2.0)
    world.run(minutes=70)
    assert world.tickets() == []
    assert told(world, "requests after the deploy, 300 needed")


def test_little_traffic_in_the_end_suffices() -> None:
    """Six requests a minute and twice the latency: a ticket once there are 300 requests."""
    world = World(seed=19)
    service = pricing(world, Operation(rate=0.1))
    world.run(minutes=5)
    service.deploy("1.1.0", slower=2.0)
    world.run(minutes=100)
    assert blamed(world) == ["1.1.0"]
