"""Whole tickets as people see them. `UPDATE_GOLDEN=1 pytest tests/tickets` writes them anew."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from perfd.model.evidence import Evidence
from perfd.model.finding import Effect
from perfd.model.ticket import Impact, Ticket, Verdict
from perfd.tickets.compose import LONGEST_BODY, body_of, title_of
from perfd.tickets.events import Acknowledged, Deployed, Judged, Muted, Seen
from perfd.tickets.follow import step
from perfd.tickets.verify import verdict
from tests.tickets.samples import AFTER, BEFORE, FOUND, POLICY, T0, deploy, estimate, found

GOLDEN = Path(__file__).parents[1] / "golden" / "tickets"
Case = tuple[Ticket, Evidence | None]


def opened() -> Case:
    of = found()
    ticket, _ = step(None, Seen(of), POLICY, FOUND)
    impact = Impact(16_246.0, 0.62, 178.7, 92.6)
    return dataclasses.replace(ticket, impact=impact), of.evidence


def judged(value: float, half: float, *, claimed: bool = False) -> Case:
    ticket, proof = opened()
    claims = (ticket.id,) if claimed else ()
    ticket, _ = step(ticket, Deployed(deploy("1.1.1", T0 + 7200, claims=claims)), POLICY, FOUND)
    told = verdict(ticket.verification.rule, ticket, estimate(value, half), (), T0 + 9000)
    return step(ticket, Judged(told), POLICY, T0 + 9000)[0], proof


def provisional() -> Case:
    of = found(provisional=True, p_value=0.0004)
    ticket, _ = step(None, Seen(of), POLICY, FOUND)
    bare = dataclasses.replace(of.evidence, hotspots=(), calls=(), exemplars_after=())
    return dataclasses.replace(ticket, hotspots=(), exemplars=()), bare


def errors() -> Case:
    of = found(
        metric="error_rate",
        unit="1",
        before=dataclasses.replace(BEFORE, value=0.0, ci=(0.0, 0.0001)),
        after=dataclasses.replace(AFTER, value=0.021, ci=(0.018, 0.0245)),
        effect=Effect(None, None, 0.021),
    )
    return step(None, Seen(of), POLICY, FOUND)[0], None


def joined() -> Case:
    ticket, proof = opened()
    ticket, _ = step(ticket, Seen(found(operation="GET /list")), POLICY, FOUND + 60)
    ticket, _ = step(ticket, Acknowledged("ada"), POLICY, FOUND + 120)
    return step(ticket, Muted(FOUND + 86_400, "after the fair"), POLICY, FOUND + 180)[0], proof


CASES = {
    "open": opened,
    "verified": lambda: judged(0.0415, 0.001),
    "partial": lambda: judged(0.058, 0.002),
    "failed": lambda: judged(0.072, 0.002, claimed=True),
    "inconclusive": lambda: judged(0.049, 0.003),
    "provisional": provisional,
    "errors": errors,
    "joined-and-muted": joined,
}


def texts() -> Iterator[tuple[str, str]]:
    for name, case in CASES.items():
        ticket, proof = case()
        body = body_of(ticket, proof, "https://perfd.example")
        yield name, f"{title_of(ticket)}\n\n{body}"


@pytest.mark.parametrize(("name", "text"), texts(), ids=list(CASES))
def test_a_ticket_reads_as_it_should(name: str, text: str) -> None:
    file = GOLDEN / f"{name}.md"
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def test_no_golden_ticket_is_forgotten() -> None:
    assert {file.stem for file in GOLDEN.glob("*.md")} == set(CASES)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("verified", Verdict.VERIFIED),
        ("partial", Verdict.PARTIAL),
        ("failed", Verdict.FAILED),
        ("inconclusive", Verdict.INCONCLUSIVE),
    ],
)
def test_the_golden_verdicts_are_what_their_names_say(name: str, expected: Verdict) -> None:
    assert CASES[name]()[0].verification.verdict is expected


def test_a_body_never_outgrows_a_tracker() -> None:
    ticket, proof = opened()
    long = "x" * 5_000
    hotspot = dataclasses.replace(ticket.hotspots[0], function=long, file=long)
    rows = tuple(dataclasses.replace(c, verdict="y " * 5_000) for c in ticket.ruled_out)
    ticket = dataclasses.replace(ticket, hotspots=(hotspot,) * 20, ruled_out=rows * 300)
    body = body_of(ticket, proof, "https://perfd.example")
    assert len(body.encode()) <= LONGEST_BODY
    assert body.rstrip().endswith("```")
    assert "**Status.**" in body
