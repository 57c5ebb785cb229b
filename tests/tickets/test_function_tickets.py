"""Tickets about a function: what they are called, and when there is none of its own."""

from __future__ import annotations

from typing import Any

from perfd.jobs.follow import Follower
from perfd.model.evidence import Found
from perfd.model.finding import Effect, Estimate
from perfd.model.profile import PROFILE
from perfd.model.series import Series
from perfd.store.memory import MemoryStore
from perfd.store.settings import StoreSettings
from perfd.tickets.settings import TicketSettings
from tests.fakes import CountingMeter
from tests.tickets.samples import T0, evidence, finding, found

HOUR = 3600.0


def rising(name: str, at: float, **changes: Any) -> Found:
    """A function of pricing whose share doubled, found by the scan."""
    labels = {"service": "pricing", "environment": "prod", "resource": name, "of": "self"}
    sides = (
        Estimate(0.05, (0.049, 0.051), 1_000_000, at - 100 * HOUR, at, "1.1.0"),
        Estimate(0.10, (0.099, 0.101), 200_000, at, at + 24 * HOUR, "1.1.0"),
    )
    what = finding(
        **{
            "trigger": "scan", "series": Series.of(PROFILE, **labels), "operation": "",
            "metric": "share", "unit": "share", "change_at": at,
            "change_ci": (at - HOUR, at + HOUR), "before": sides[0], "after": sides[1],
            "effect": Effect(2.0, (1.9, 2.1), 0.05), "version": "", "previous": "", **changes,
        }
    )  # fmt: skip
    return Found(what, evidence(what))


def follower() -> Follower:
    meter = CountingMeter()
    store = MemoryStore(StoreSettings(), pace=1.0, meter=meter)
    return Follower(store, TicketSettings(), pace=1.0, base_url="http://perfd", meter=meter)


def test_what_a_deploy_did_is_told_by_the_ticket_of_the_deploy() -> None:
    follow = follower()
    follow.record([found()], [], T0)
    follow.record([rising("Tax.rate", follow.tickets()[0].change_at)], [], T0 + 20 * HOUR)
    (ticket,) = follow.tickets()
    assert len(ticket.finding_ids) == 2
    assert ticket.metric == "latency.p95"


def test_two_functions_at_two_times_are_two_tickets() -> None:
    follow = follower()
    follow.record([rising("Tax.rate", T0)], [], T0 + 20 * HOUR)
    follow.record([rising("Cart.sum", T0 + 48 * HOUR)], [], T0 + 70 * HOUR)
    assert len(follow.tickets()) == 2


def test_nobody_is_said_to_be_hit_by_samples() -> None:
    follow = follower()
    follow.record([rising("Tax.rate", T0)], [], T0 + 20 * HOUR)
    (ticket,) = follow.tickets()
    assert ticket.impact is None
    assert ticket.verification.rule is not None
    assert "share of CPU of Tax.rate" in ticket.verification.rule.text
    assert "samples of a version" in ticket.verification.rule.text
