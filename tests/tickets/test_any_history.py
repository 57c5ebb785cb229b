"""Whatever detectors, pipelines, people and time do: no ticket is lost, none is double."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfd.errors import Conflict
from perfd.jobs.follow import Follower
from perfd.model.batch import OUTBOX
from perfd.model.ticket import Resolution, Verdict
from perfd.store.memory import MemoryStore
from perfd.store.settings import StoreSettings
from perfd.tickets.codec import decode
from perfd.tickets.events import Acknowledged, Closed, FixClaimed, Muted, Reopened, Unmuted
from perfd.tickets.outbox import OutboxEntry
from perfd.tickets.settings import TicketSettings
from tests.fakes import CountingMeter
from tests.tickets.samples import T0, deploy, found

SERVICES = ("pricing", "checkout")
OPERATIONS = ("POST /quote", "GET /list", "")
VERSIONS = ("1.0.0", "1.1.0", "1.1.1")
WISHES = (
    Acknowledged(),
    Closed(Resolution.WRONG),
    FixClaimed("1.1.1"),
    Muted(),
    Unmuted(),
    Reopened(),
)
turn = st.tuples(
    st.sampled_from(("find", "find", "deploy", "judge", "wish", "tick", "restart")),
    st.integers(0, 1),
    st.integers(0, 2),
    st.integers(0, 2),
    st.integers(0, 5),
    st.floats(1.0, 30_000.0),
)
Turn = tuple[str, int, int, int, int, float]


class Life:
    def __init__(self, hold_for: float) -> None:
        self.now = T0
        self.meter = CountingMeter()
        self.store = MemoryStore(StoreSettings(), pace=1.0, meter=self.meter)
        self.settings = TicketSettings(hold_for=hold_for, quota=1_000)
        self.restart()

    def restart(self) -> None:
        self.follower = Follower(
            self.store, self.settings, pace=1.0, base_url="http://p", meter=self.meter
        )

    def take(self, turn: Turn) -> None:
        kind, service, operation, version, wish, wait = turn
        self.now += wait
        act: dict[str, Any] = {
            "find": lambda: self.find(SERVICES[service], OPERATIONS[operation], VERSIONS[version]),
            "deploy": lambda: self.deploy(SERVICES[service], VERSIONS[version]),
            "judge": lambda: self.judge(wish),
            "wish": lambda: self.wish(wish),
            "tick": lambda: self.follower.tick(self.now),
            "restart": self.restart,
        }
        act[kind]()

    def find(self, service: str, operation: str, version: str) -> None:
        one = found(
            service=service,
            operation=operation,
            version=version,
            change_at=self.now - 1800,
            change_ci=(self.now - 1860, self.now - 1740),
            found_at=self.now,
        )
        self.follower.record([one], [], self.now)

    def deploy(self, service: str, version: str) -> None:
        told = dataclasses.replace(deploy(version, self.now), service=service)
        self.follower.record([], [told], self.now)

    def judge(self, choice: int) -> None:
        for ticket in self.follower.tickets():
            verdict = [*Verdict, None, None][choice]
            told = dataclasses.replace(ticket.verification, verdict=verdict, text="numbers")
            self.follower.judge(ticket.id, told, self.now)

    def wish(self, choice: int) -> None:
        for ticket in self.follower.tickets():
            try:
                self.follower.act(ticket.id, WISHES[choice], self.now)
            except Conflict:
                continue

    def check(self, before: Sequence[str]) -> None:
        tickets = self.follower.tickets()
        assert set(before) <= {t.id for t in tickets}, "a ticket was lost"
        assert len({t.fingerprint for t in tickets}) == len(tickets), "a ticket is double"
        stored = Follower(
            self.store, self.settings, pace=1.0, base_url="http://p", meter=self.meter
        )
        assert stored.tickets() == tickets, "memory and store differ"

    def check_messages(self) -> None:
        entries = [decode(OutboxEntry, d.body) for d in self.store.documents(OUTBOX)]
        for ticket in self.follower.tickets():
            told = [
                e.event for e in sorted(entries, key=lambda e: e.key) if e.ticket_id == ticket.id
            ]
            assert told.count("opened") <= 1
            assert not told or told[0] == "opened"


def live(hold_for: float, turns: Sequence[Turn]) -> None:
    life = Life(hold_for)
    known: list[str] = []
    for one in turns:
        life.take(one)
        life.check(known)
        known = [t.id for t in life.follower.tickets()]
    life.check_messages()


histories = given(hold_for=st.sampled_from([0.0, 600.0]), turns=st.lists(turn, max_size=15))


@settings(max_examples=12, deadline=None)
@histories
def test_no_ticket_is_lost_and_none_is_double(hold_for: float, turns: list[Turn]) -> None:
    live(hold_for, turns)


@pytest.mark.soak
@pytest.mark.slow
@settings(max_examples=1_500, deadline=None)
@histories
def test_in_thousands_of_histories(hold_for: float, turns: list[Turn]) -> None:
    live(hold_for, turns)
