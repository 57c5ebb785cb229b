"""The scan as a job: what it opens, what it keeps, and what a restart changes (nothing)."""

from dataclasses import replace

import numpy as np

from perfd.model.batch import OUTBOX, SCAN
from tests.jobs.scan_world import DAY, HOUR, ScanWorld, Shop

SLOW = {"GET /quote": 1.3}


def test_a_step_without_a_deploy_is_one_ticket_that_says_what_when_and_by_how_much() -> None:
    shop = Shop("shop")
    world = ScanWorld(shop, seed=1)
    world.run(9)
    began = world.now
    shop.slower = dict(SLOW)
    world.run(36)
    (ticket,) = world.tickets()
    assert (ticket.operation, ticket.trigger, str(ticket.state)) == ("GET /quote", "scan", "open")
    assert ticket.change_ci[0] <= began <= ticket.change_ci[1]
    assert abs(ticket.change_at - began) <= 2 * HOUR
    assert ticket.effect is not None
    assert 1.25 < (ticket.effect.ratio or 0.0) < 1.35
    assert ticket.suspects == ()


def test_a_transient_of_ten_hours_is_none() -> None:
    shop = Shop("shop")
    world = ScanWorld(shop, seed=2)
    world.run(9)
    shop.slower = dict(SLOW)
    world.run(10)
    shop.slower = {}
    world.run(48)
    assert world.tickets() == [], world.told


def test_a_new_service_is_in_shadow() -> None:
    shop = Shop("shop")
    world = ScanWorld(shop, seed=3, history=4.0 * DAY)
    shop.slower = dict(SLOW)
    world.run(36)
    assert world.tickets() == []
    reasons = [f.reason for f in world.findings() if f.reason.startswith("shadow: would have")]
    assert any("judged after 7.0" in reason for reason in reasons), world.told


def test_what_came_back_went_away() -> None:
    shop = Shop("shop")
    world = ScanWorld(shop, seed=4)
    shop.slower = dict(SLOW)
    world.run(36)
    (ticket,) = world.tickets()
    assert str(ticket.state) == "open"
    shop.slower = {}
    world.run(36)
    (ticket,) = world.tickets()
    assert (str(ticket.state), str(ticket.resolution)) == ("closed", "went_away"), world.told


def test_a_restart_changes_nothing() -> None:
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


def test_an_evaluation_that_is_made_again_repeats_nothing() -> None:
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


def test_hours_without_perfd_confirm_nothing() -> None:
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


def test_a_day_and_a_weekend_are_no_change() -> None:
    def shape(at: float) -> float:
        weekend = (at // DAY + 3) % 7 >= 5
        return (1.0 + 0.25 * np.sin(2 * np.pi * at / DAY)) * (0.8 if weekend else 1.0)

    world = ScanWorld(Shop("shop", shape=shape), seed=8, history=11.0 * DAY)
    world.run(5 * 24)
    assert world.tickets() == [], world.told


def test_errors_that_rise_are_a_ticket() -> None:
    shop = Shop("shop")
    world = ScanWorld(shop, seed=9)
    shop.failing = {"POST /order": 0.02}
    world.run(36)
    (ticket,) = world.tickets()
    assert (ticket.operation, ticket.metric) == ("POST /order", "error_rate")
    assert ticket.after is not None
    assert 0.015 < ticket.after.value < 0.025


def test_a_fix_is_verified_by_a_day_and_what_fixes_nothing_is_not() -> None:
    shop = Shop("shop")
    world = ScanWorld(shop, seed=10)
    shop.slower = dict(SLOW)
    world.run(30)
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


def test_a_change_that_came_with_a_deploy_names_it_with_a_probability() -> None:
    shop = Shop("shop")
    world = ScanWorld(shop, seed=11)
    world.run(5)
    world.deploy(shop, "1.1.0")
    shop.slower = dict(SLOW)
    world.run(30)
    (ticket,) = world.tickets()
    (suspect,) = ticket.suspects
    assert (suspect.version, suspect.previous) == ("1.1.0", "1.0.0")
    assert 0.5 < suspect.probability <= 0.9


def test_memory_that_stepped_up_is_a_ticket_and_its_fix_is_verified() -> None:
    shop = Shop("shop")
    world = ScanWorld(shop, seed=12)
    shop.memory = 1.5 * shop.memory
    world.run(30)
    (ticket,) = world.tickets()
    assert (ticket.metric, ticket.unit, ticket.operation) == ("memory", "By", "")
    world.deploy(shop, "1.0.1")
    shop.memory = shop.memory / 1.5
    world.run(28)
    (ticket,) = world.tickets()
    assert str(ticket.state) == "verified", ticket.verification.text
