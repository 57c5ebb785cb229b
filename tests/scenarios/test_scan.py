"""Changes that no deploy announced: what the scan opens, and what it keeps to itself."""

from dataclasses import replace

import numpy as np
import pytest

from perfd.model.batch import OUTBOX, SCAN
from tests.scenarios.scan_world import DAY, HOUR, MONDAY, ScanWorld, Shop

SLOW = {"GET /quote": 1.4}


def test_a_step_without_a_deploy() -> None:
    """A dependency got slower at nine: one ticket, with operation, time and ratio."""
    shop = Shop("shop")
    world = ScanWorld(shop, seed=1)
    world.run(9)
    began = world.now
    shop.slower = dict(SLOW)
    world.run(36)
    (ticket,) = world.tickets()
    assert (ticket.operation, ticket.trigger, str(ticket.state)) == ("GET /quote", "scan", "open")
    assert ticket.change_ci[0] <= began <= ticket.change_ci[1]
    assert abs(ticket.change_at - began) <= 4 * HOUR
    assert ticket.effect is not None
    assert 1.33 < (ticket.effect.ratio or 0.0) < 1.47
    assert ticket.suspects == ()


def test_a_transient_of_ten_hours() -> None:
    """Slow for ten hours and well again: no ticket."""
    shop = Shop("shop")
    world = ScanWorld(shop, seed=2)
    world.run(9)
    shop.slower = dict(SLOW)
    world.run(10)
    shop.slower = {}
    world.run(48)
    assert world.tickets() == [], world.told


def test_a_new_service() -> None:
    """A service of four days: what would be opened is a finding in shadow."""
    shop = Shop("shop")
    world = ScanWorld(shop, seed=3, history=4.0 * DAY)
    shop.slower = dict(SLOW)
    world.run(36)
    assert world.tickets() == []
    reasons = [f.reason for f in world.findings() if f.reason.startswith("shadow: would have")]
    assert any("judged after 7.0" in reason for reason in reasons), world.told


@pytest.mark.slow
def test_a_change_that_goes_back() -> None:
    """The level is back after a day and a half: the ticket is closed, it went away."""
    shop = Shop("shop")
    world = ScanWorld(shop, seed=4)
    shop.slower = dict(SLOW)
    world.run(36)
    (ticket,) = world.tickets()
    assert str(ticket.state) == "open"
    shop.slower = {}
    world.run(72)
    (ticket,) = world.tickets()
    assert (str(ticket.state), str(ticket.resolution)) == ("closed", "went_away"), world.told


@pytest.mark.slow
def test_restarts_between_scans() -> None:
    """perfd starts anew every hour: the same ticket, at the same time, with the same numbers."""
    told = []
    for restarts in (False, True):
        shop = Shop("shop")
        world = ScanWorld(shop, seed=5)
        shop.slower = dict(SLOW)
        for _ in range(40):
            world.run(1)
            if restarts:
                world.begin()
        (ticket,) = world.tickets()
        told.append((ticket.id, ticket.change_at, ticket.before, ticket.after, ticket.opened_at))
    assert told[0] == told[1]


def test_a_crash_within_a_scan() -> None:
    """A crash after the ticket was written: the scan is made again and repeats nothing."""
    shop = Shop("shop")
    world = ScanWorld(shop, seed=6)
    shop.slower = dict(SLOW)
    while not world.tickets():
        remembered = world.store.documents(SCAN)
        world.run(1)
    before, findings, messages = world.tickets(), world.findings(), world.store.documents(OUTBOX)
    for held in remembered:  # as if it had crashed before these were replaced
        world.store.put([replace(held, revision=world.store.next_revision())])
    world.begin()
    world.look()
    assert world.tickets() == before
    assert world.findings() == findings
    assert world.store.documents(OUTBOX) == messages


def test_hours_without_perfd() -> None:
    """perfd was down for a day: that day confirms nothing, what comes after it does."""
    shop = Shop("shop")
    world = ScanWorld(shop, seed=7)
    shop.slower = dict(SLOW)
    world.run(12)
    suspected = [f for f in world.findings() if f.status == "suspected"]
    assert suspected
    world.run(30, silent=True)
    world.look()
    assert world.tickets() == []
    world.run(18)
    assert len(world.tickets()) == 1, world.told


@pytest.mark.slow
def test_days_and_weekends() -> None:
    """Slower by day than by night, and quiet weekends: no ticket."""

    def shape(at: float) -> float:
        weekend = (at // DAY + 3) % 7 >= 5
        return (1.0 + 0.25 * np.sin(2 * np.pi * at / DAY)) * (0.8 if weekend else 1.0)

    world = ScanWorld(Shop("shop", shape=shape), seed=8, history=11.0 * DAY)
    world.run(5 * 24)
    assert world.tickets() == [], world.told


def test_errors_that_rise_by_themselves() -> None:
    """Failures from 0.2 to 2 % without a deploy: a ticket on the error rate of that operation."""
    shop = Shop("shop")
    world = ScanWorld(shop, seed=9)
    shop.failing = {"POST /order": 0.02}
    world.run(36)
    (ticket,) = world.tickets()
    assert (ticket.operation, ticket.metric) == ("POST /order", "error_rate")
    assert ticket.after is not None
    assert 0.015 < ticket.after.value < 0.025


@pytest.mark.slow
def test_fixes_of_a_change_that_no_deploy_brought() -> None:
    """What fixes nothing sends it back to open, what does verifies it, each by a day."""
    shop = Shop("shop")
    world = ScanWorld(shop, seed=10)
    shop.slower = dict(SLOW)
    world.run(36)
    (ticket,) = world.tickets()
    rule = ticket.verification.rule
    assert rule is not None
    assert rule.min_seconds == DAY
    world.deploy(shop, "1.0.1")
    world.run(26)
    (ticket,) = world.tickets()
    assert str(ticket.state) == "open"
    assert "no better" in ticket.verification.text
    world.deploy(shop, "1.0.2")
    shop.slower = {}
    world.run(20)
    assert str(world.tickets()[0].state) == "verifying"
    world.run(8)
    (ticket,) = world.tickets()
    assert str(ticket.state) == "verified", ticket.verification.text


def test_a_change_beside_a_deploy_that_was_not_judged() -> None:
    """A deploy just before it, too thin to be judged itself: the suspect, at most 90 % sure."""
    shop = Shop("shop")
    world = ScanWorld(shop, seed=11)
    world.run(5)
    world.deploy(shop, "1.1.0")
    shop.slower = dict(SLOW)
    world.run(36)
    (ticket,) = world.tickets()
    (suspect,) = ticket.suspects
    assert (suspect.version, suspect.previous) == ("1.1.0", "1.0.0")
    assert 0.5 < suspect.probability <= 0.9


@pytest.mark.slow
def test_memory_that_stepped_up() -> None:
    """Half as much memory again: a ticket on it, verified when a deploy gives it back."""
    shop = Shop("shop")
    world = ScanWorld(shop, seed=12)
    shop.memory = 1.5 * shop.memory
    world.run(36)
    (ticket,) = world.tickets()
    assert (ticket.metric, ticket.unit, ticket.operation) == ("memory", "By", "")
    world.deploy(shop, "1.0.1")
    shop.memory = shop.memory / 1.5
    world.run(28)
    (ticket,) = world.tickets()
    assert str(ticket.state) == "verified", ticket.verification.text


@pytest.mark.slow
def test_a_deploy_and_the_scan_after_it() -> None:
    """A slower deploy gets its ticket within the hour; the scan that sees it too opens no other."""
    shop = Shop("shop")
    world = ScanWorld(shop, seed=13, parts=4)
    world.run(4)
    shop.version = "1.1.0"
    shop.slower = dict.fromkeys(shop.operations, 1.4)
    world.run(3)
    assert [t.trigger for t in world.tickets()] == ["deploy"], world.told
    world.run(33)
    assert [t.trigger for t in world.tickets()] == ["deploy"], world.told
    scanned = [f for f in world.findings() if f.trigger == "scan" and f.status == "confirmed"]
    assert scanned
    assert all(f.reason.startswith("part of ") or f.opened for f in scanned), world.told


def test_two_operations_at_once() -> None:
    """Two operations got slower: one ticket, on the one that lost most; the other joins it."""
    shop = Shop("shop")
    world = ScanWorld(shop, seed=14)
    shop.slower = {"GET /quote": 1.2, "POST /order": 1.5}
    world.run(36)
    (ticket,) = world.tickets()
    assert ticket.operation == "POST /order"
    told = {f.operation for f in world.findings() if f.opened or f.reason.startswith("part of ")}
    assert told >= {"GET /quote", "POST /order"}, world.told


def test_a_callee_that_got_slower() -> None:
    """A callee got slower, and who calls it waits: one ticket, on the callee."""
    caller, callee = Shop("checkout"), Shop("pricing")
    world = ScanWorld(caller, callee, seed=17)
    world.link(caller, callee)
    caller.slower = callee.slower = dict.fromkeys(caller.operations, 1.4)
    world.run(36)
    assert [t.service for t in world.tickets()] == ["pricing"], world.told
    (ticket,) = world.tickets()
    reasons = [f.reason for f in world.findings("checkout")]
    assert any(r.startswith(f"part of {ticket.id}, which is about pricing") for r in reasons)


def test_an_improvement() -> None:
    """Everything got faster by itself: findings that say so, and no ticket."""
    shop = Shop("shop")
    world = ScanWorld(shop, seed=15)
    shop.slower = dict.fromkeys(shop.operations, 0.7)
    world.run(36)
    assert world.tickets() == []
    assert any(f.reason.startswith("an improvement: ") for f in world.findings()), world.told


def test_what_an_evaluation_is_counted_as() -> None:
    """Every scan counts itself, the series that it judged, and those that are too young."""
    world = ScanWorld(Shop("shop"), Shop("young", born=MONDAY - DAY), seed=16)
    world.run(7)
    assert world.meter.total("perfd_scan_evaluations", outcome="made") >= 2
    assert world.meter.total("perfd_scan_evaluations", outcome="failed") == 0
    assert world.meter.total("perfd_scan_series", state="judged") > 0
    assert world.meter.total("perfd_scan_series", state="too_short") > 0
