"""Who waits for a slow service: from the evidence into the ticket, its body and its JSON."""

import dataclasses

import pytest

from perfd.model.evidence import CallerRow, Found
from perfd.model.ticket import Ticket
from perfd.tickets.document import impact_json
from perfd.tickets.impact import impact
from perfd.tickets.opening import pending_ticket
from perfd.tickets.sections import impact as who_is_hit
from tests.tickets.samples import FOUND, POLICY, evidence, finding

CALLERS = (CallerRow("storefront", "GET /cart", 0.080, 0.031, 7_200.0),)


def hit(callers: tuple[CallerRow, ...]) -> Ticket:
    of = finding()
    found = Found(of, dataclasses.replace(evidence(of), callers=callers))
    ticket = pending_ticket(found, "PERF-ABCDEF", POLICY, FOUND)
    return dataclasses.replace(ticket, impact=impact(found, None))


def test_callers_are_named_with_what_they_wait() -> None:
    ticket = hit(CALLERS)
    text = who_is_hit(ticket, None)
    assert "Callers wait for it: `storefront` `GET /cart` 31 ms longer each." in text
    (caller,) = impact_json(ticket.impact)["callers"]
    assert caller["service"] == "storefront"
    assert caller["operation"] == "GET /cart"
    assert caller["seconds"] == pytest.approx(0.031)
    assert caller["seconds_per_hour"] == pytest.approx(0.031 * 7_200.0)


def test_without_callers_nothing_is_said_of_them() -> None:
    ticket = hit(())
    assert "Callers wait" not in who_is_hit(ticket, None)
    assert "callers" not in impact_json(ticket.impact)
