"""The share of a ticket's function, measured under the version that may have fixed it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from perfd.jobs.function_share import FunctionShares
from perfd.model.finding import Finding
from perfd.model.profile import PROFILE
from perfd.model.series import Series
from perfd.model.ticket import State, Ticket
from perfd.store.memory import MemoryStore
from perfd.store.settings import StoreSettings
from perfd.tickets.codec import document
from tests.fakes import CountingMeter
from tests.scenarios.past_profiles import put_profiles

NOON = 1_700_049_600.0
HOUR = 3600.0


def finding(of: str) -> Finding:
    labels = {"service": "pricing", "resource": "rate", "file": "/srv/tax.py", "of": of}
    return Finding(
        kind="regression", trigger="scan", status="confirmed",
        series=Series.of(PROFILE, **labels), service="pricing", environment="prod", operation="",
        metric="share", unit="share", change_at=NOON, change_ci=(NOON, NOON), found_at=NOON,
        before=None, after=None, effect=None, p_value=None, opened=True, reason="",
    )  # fmt: skip


def ticket(found: Finding) -> Ticket:
    return Ticket(
        id="PERF-AAAAAA", fingerprint="f", state=State.VERIFYING, kind="regression",
        trigger="scan", provisional=False, service="pricing", environment="prod", operation="",
        metric="share", unit="share", before=None, after=None, effect=None, change_at=NOON,
        change_ci=(NOON, NOON), suspects=(), hotspots=(), exemplars=(), ruled_out=(),
        opened_at=NOON, last_seen=NOON, finding_ids=(found.id,),
    )  # fmt: skip


def measured(of: str, hours: int, version: str = "1.1.0"):  # type: ignore[no-untyped-def]
    store = MemoryStore(StoreSettings(), pace=1.0, meter=CountingMeter())
    stacks = {
        ("/srv/app.py:main",): 900.0,
        ("/srv/app.py:main", "/srv/tax.py:rate"): 60.0,
        ("/srv/app.py:main", "/srv/tax.py:rate", "/srv/tax.py:look"): 40.0,
    }
    put_profiles(store, "pricing", hours, NOON, lambda _: stacks, 1, "1.1.0")
    found = finding(of)
    store.put([document(found, found.id, store.next_revision(), NOON)])
    return FunctionShares(store, 1.0).measure(
        ticket(found), version, NOON - hours * HOUR, NOON + 30.0
    )


@pytest.mark.parametrize(("of", "share"), [("self", 0.06), ("total", 0.10)])
def test_a_share_of_a_day_with_its_interval(of: str, share: float) -> None:
    found = measured(of, 24)
    assert found.ci[0] < share < found.ci[1]
    assert found.count == pytest.approx(24_000, rel=0.05)
    assert (found.ci[1] - found.ci[0]) / share < 0.25


def test_no_share_of_another_version_and_none_of_two_hours() -> None:
    assert measured("self", 24, "1.2.0") is None
    assert measured("self", 2) is None


def test_a_ticket_whose_finding_is_gone_is_not_measured() -> None:
    store = MemoryStore(StoreSettings(), pace=1.0, meter=CountingMeter())
    lost = replace(ticket(finding("self")), finding_ids=("gone",))
    assert FunctionShares(store, 1.0).measure(lost, "", NOON - 24 * HOUR, NOON) is None
