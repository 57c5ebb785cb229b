"""The pricing regression of the design, as a finding with its proof."""

from __future__ import annotations

import dataclasses
from typing import Any

from perfd.model.deploy import Deploy
from perfd.model.evidence import CallRow, Change, Evidence, Found, Hotspot, MetricRow
from perfd.model.exemplar import SLOWEST, Exemplar
from perfd.model.finding import REGRESSED, Check, Effect, Estimate, Finding
from perfd.model.histogram import Histogram
from perfd.model.series import REQUESTS, Series
from perfd.model.ticket import Ticket
from perfd.tickets.policy import Policy
from perfd.tickets.settings import TicketSettings

T0 = 1_779_631_320.0  # 24 May 2026, 14:02 UTC: 1.1.0 takes traffic
FOUND = T0 + 1800.0
POLICY = Policy.of(TicketSettings(), 1.0)

BEFORE = Estimate(0.0412, (0.0402, 0.0422), 51_234, T0 - 3600, T0, "1.0.0")
AFTER = Estimate(0.0721, (0.0698, 0.0752), 8_123, T0, T0 + 1800, "1.1.0")
EFFECT = Effect(1.75, (1.69, 1.83), 0.0309)


def finding(**changes: Any) -> Finding:
    operation = changes.get("operation", "POST /quote")
    service = changes.get("service", "pricing")
    sample = Finding(
        kind="regression",
        trigger="deploy",
        status=REGRESSED,
        series=Series.of(REQUESTS, service=service, environment="prod", operation=operation),
        service=service,
        environment="prod",
        operation=operation,
        metric="latency.p95",
        unit="s",
        change_at=T0,
        change_ci=(T0 - 60, T0 + 60),
        found_at=FOUND,
        before=BEFORE,
        after=AFTER,
        effect=EFFECT,
        p_value=1e-9,
        opened=True,
        reason="",
        version="1.1.0",
        previous="1.0.0",
        checks=(
            Check("traffic mix", True, "the same operations in the same shares"),
            Check("cold start", True, "the first 50 requests of each instance are left out"),
            Check("effect floor", True, "+75 % is above the floor of 5 %"),
        ),
    )
    return dataclasses.replace(sample, **changes)


def evidence(of: Finding) -> Evidence:
    rows = (
        MetricRow("latency.p95", "s", BEFORE, AFTER, EFFECT, True, True),
        MetricRow(
            "latency.mean",
            "s",
            _side(0.0180, 0.0002, BEFORE),
            _side(0.0290, 0.0003, AFTER),
            Effect(1.61, (1.58, 1.64), 0.011),
            True,
            False,
        ),
        MetricRow(
            "cpu_per_request",
            "s",
            _side(0.0061, 0.0001, BEFORE),
            _side(0.0118, 0.0002, AFTER),
            Effect(1.93, (1.88, 1.99), 0.0057),
            True,
            False,
        ),
        MetricRow(
            "error_rate",
            "1",
            _side(0.0002, 0.0001, BEFORE),
            _side(0.0002, 0.0001, AFTER),
            Effect(1.0, (0.5, 2.0), 0.0),
            False,
            False,
            mde=3.0,
        ),
    )
    hotspot = Hotspot(
        "shop.pricing.apply_rules",
        "shop/pricing.py",
        48,
        "process_cpu:cpu",
        "changed",
        Change(0.03, 0.31, 0.28, (0.25, 0.31)),
        Change(0.05, 0.35, 0.30, (0.27, 0.33)),
        Change(0.0004, 0.0061, 0.0057, (0.0052, 0.0062)),
        1210,
        1530,
    )
    return Evidence(
        finding_id=of.id,
        rows=rows,
        histogram_before=Histogram.of([0.02, 0.04]),
        histogram_after=Histogram.of([0.03, 0.07]),
        timeline=(),
        hotspots=(hotspot,),
        flame=(),
        calls=(CallRow("SELECT price FROM rule", "client", 12.0, 41.0, 0.002, 0.0061),),
        exemplars_before=(),
        exemplars_after=(
            Exemplar(SLOWEST, 0.110, "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa", T0, 0.110),
        ),
        resources=(),
        checks=of.checks,
        rule=None,
        profile_coverage_before=0.98,
        profile_coverage_after=0.97,
    )


def found(**changes: Any) -> Found:
    what = finding(**changes)
    return Found(what, evidence(what))


def deploy(version: str, at: float, **changes: Any) -> Deploy:
    return dataclasses.replace(Deploy("pricing", "prod", version, "1.1.0", at), **changes)


def estimate(value: float, half: float, count: int = 5_000, seconds: float = 1800.0) -> Estimate:
    """The fix's side, two hours after the regression."""
    start = T0 + 7200
    return Estimate(value, (value - half, value + half), count, start, start + seconds, "1.1.1")


def events_of(ticket: Ticket) -> list[str]:
    return [entry.event for entry in ticket.history]


def _side(value: float, half: float, like: Estimate) -> Estimate:
    return dataclasses.replace(like, value=value, ci=(value - half, value + half))
