"""The follower: one transaction a turn, one ticket a change, nothing lost when a write fails."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from perfd.clock import ManualClock
from perfd.errors import BadInput, Conflict, NotFound, StoreError
from perfd.interfaces import Store
from perfd.jobs.desk import TicketDesk
from perfd.jobs.follow import Follower
from perfd.model.batch import EVIDENCE, FINDING, OUTBOX, TICKET, Document
from perfd.model.evidence import Evidence, Found
from perfd.model.finding import Finding
from perfd.model.ticket import State
from perfd.store.memory import MemoryStore
from perfd.store.settings import StoreSettings
from perfd.tickets.codec import decode
from perfd.tickets.outbox import OutboxEntry
from perfd.tickets.settings import TicketSettings
from tests.fakes import CountingMeter
from tests.tickets.samples import FOUND, T0, deploy, finding, found


class FailingStore(MemoryStore):
    """Says no to a put when told to."""

    failing = False

    def put(self, documents: Sequence[Document]) -> None:
        if self.failing:
            raise StoreError("the disk is full")
        super().put(documents)


@pytest.fixture
def meter() -> CountingMeter:
    return CountingMeter()


@pytest.fixture
def store(meter: CountingMeter) -> FailingStore:
    return FailingStore(StoreSettings(), pace=1.0, meter=meter)


@pytest.fixture
def follower(store: FailingStore, meter: CountingMeter) -> Follower:
    return followed(store, meter)


def followed(store: Store, meter: CountingMeter, **settings: object) -> Follower:
    chosen = TicketSettings(**settings)  # type: ignore[arg-type]
    return Follower(store, chosen, pace=1.0, base_url="http://perfd:4040", meter=meter)


def messages(store: Store) -> list[OutboxEntry]:
    return [decode(OutboxEntry, d.body) for d in store.documents(OUTBOX)]


def test_a_finding_opens_a_ticket_with_its_evidence_and_one_message(
    follower: Follower, store: FailingStore, meter: CountingMeter
) -> None:
    follower.record([found()], [deploy("1.1.0", T0, commit="a41c")], FOUND)
    (ticket,) = follower.tickets()
    assert ticket.state is State.OPEN
    assert ticket.suspects[0].commit == "a41c"
    proof = decode(Evidence, store.documents(EVIDENCE)[0].body)
    assert proof.rule == ticket.verification.rule is not None
    assert [(m.event, m.ticket) for m in messages(store)] == [("opened", ticket)]
    assert meter.total("perfd_tickets", kind="regression", outcome="opened") == 1


def test_callers_join_the_ticket_of_the_greatest_cost(follower: Follower) -> None:
    slight = found(operation="GET /health", effect=finding().effect, after=None)
    follower.record([slight, found()], [], FOUND)
    (ticket,) = follower.tickets()
    assert ticket.operation == "POST /quote"
    assert len(ticket.finding_ids) == 2


def test_another_service_is_another_ticket(follower: Follower) -> None:
    follower.record([found(), found(service="checkout")], [], FOUND)
    assert {t.service for t in follower.tickets()} == {"pricing", "checkout"}


def test_without_evidence_no_ticket(follower: Follower, store: FailingStore) -> None:
    follower.record([Found(finding())], [], FOUND)
    assert not follower.tickets()
    stored = decode(Finding, store.documents(FINDING)[0].body)
    assert not stored.opened
    assert "evidence" in stored.reason


def test_the_quota_turns_a_ticket_into_a_finding(store: FailingStore, meter: CountingMeter) -> None:
    follower = followed(store, meter, quota=1)
    follower.record([found()], [], FOUND)
    later = T0 + 20_000
    other = {"change_at": later, "change_ci": (later, later), "version": "1.4.0"}
    over = found(operation="GET /b", **other)
    follower.record([over], [], FOUND + 20_000)
    assert len(follower.tickets()) == 1
    left = decode(Finding, stored(store, over).body)
    assert left.reason == "pricing has opened 1 tickets within a day (the quota)"
    assert stored(store, over, EVIDENCE)
    assert meter.total("perfd_tickets", outcome="over_quota") == 1
    follower.record([over], [], FOUND + 90_000)  # the look a day later finds it once more
    assert [t.operation for t in follower.tickets() if t.opened_at > FOUND] == ["GET /b"]


def stored(store: FailingStore, one: Found, kind: str = FINDING) -> Document:
    document = store.document(kind, one.finding.id)
    assert document is not None
    return document


def test_a_ticket_that_was_dropped_takes_nothing_of_the_quota(
    store: FailingStore, meter: CountingMeter
) -> None:
    follower = followed(store, meter, quota=1, hold_for=600.0)
    first = found()
    follower.record([first], [], FOUND)
    gone = replace(first.finding, opened=False, reason="went away")
    follower.record([Found(gone)], [], FOUND + 60)
    follower.record([found(service="pricing", operation="GET /b", version="1.4.0")], [], FOUND + 90)
    assert [t.state for t in follower.tickets() if t.operation == "GET /b"] == [State.PENDING]


def test_a_known_deploy_is_not_news_a_second_time(follower: Follower) -> None:
    follower.record([found()], [], FOUND)
    fix = deploy("1.1.1", T0 + 7200)
    follower.record([], [fix], FOUND + 7200)
    first = follower.tickets()[0]
    assert first.state is State.VERIFYING
    follower.record([], [fix], FOUND + 9000)
    assert follower.tickets()[0] == first


def test_a_fix_that_was_deployed_before_the_ticket_opened_is_judged_at_once(
    follower: Follower,
) -> None:
    follower.record([], [deploy("1.1.0", T0), deploy("1.1.1", T0 + 1700)], T0 + 1700)
    follower.record([found()], [], FOUND)
    (ticket,) = follower.tickets()
    assert (ticket.state, ticket.verification.version) == (State.VERIFYING, "1.1.1")


def test_an_announcement_and_the_traffic_are_one_deploy(follower: Follower) -> None:
    follower.record([found()], [], FOUND)
    name = follower.tickets()[0].id
    seen = follower.announce(deploy("1.1.1", T0 + 7200), FOUND)
    told = follower.announce(
        deploy("1.1.1", T0 + 7500, message=f"Fix quotes\n\nPerf-Ticket: {name}\n"), FOUND
    )
    assert told.id == seen.id
    assert told.claims == (name,)
    assert follower.ticket(name).verification.claimed


def test_a_failed_write_changes_nothing(
    follower: Follower, store: FailingStore, meter: CountingMeter
) -> None:
    store.failing = True
    with pytest.raises(StoreError):
        follower.record([found()], [], FOUND)
    assert not follower.tickets()
    assert meter.total("perfd_tickets") == 0
    store.failing = False
    follower.record([found()], [], FOUND)
    assert len(messages(store)) == 1


def test_a_restart_takes_up_where_it_was(
    follower: Follower, store: FailingStore, meter: CountingMeter
) -> None:
    follower.record([found()], [deploy("1.1.1", T0 + 1700)], FOUND)
    again = followed(store, meter)
    assert again.tickets() == follower.tickets()
    again.record([found()], [deploy("1.1.1", T0 + 1700)], FOUND + 60)
    assert len(store.documents(TICKET)) == 1
    assert len(messages(store)) == 1


async def test_the_desk_acts(follower: Follower) -> None:
    clock = ManualClock(FOUND)
    desk = TicketDesk(follower, clock)
    await asyncio.to_thread(follower.record, [found()], [], FOUND)
    name = follower.tickets()[0].id
    assert (await desk.act(name, "ack", actor="ada")).acknowledged_at == FOUND
    assert (await desk.act(name, "mute", actor="ada", seconds=60)).muted_until == FOUND + 60
    clock.advance(60)
    follower.tick(clock.now())
    assert follower.ticket(name).state is State.OPEN
    claimed = await desk.act(name, "fix", actor="ada", version="1.1.1", text="rules compiled once")
    assert claimed.verification.promised == "1.1.1"
    await desk.deploy(deploy("1.1.1", FOUND + 100, previous=""))
    assert follower.ticket(name).verification.claimed
    closed = await desk.act(name, "close", actor="ada", resolution="wont_fix")
    assert closed.history[-1].actor == "ada"
    assert (await desk.act(name, "reopen", actor="ada")).state is State.OPEN


@pytest.mark.parametrize(
    ("action", "details", "error"),
    [
        ("unmute", {}, Conflict),
        ("reopen", {}, Conflict),
        ("fix", {"version": "1.1.0"}, Conflict),
        ("close", {"resolution": "tired"}, BadInput),
        ("mute", {"seconds": -1}, BadInput),
        ("mute", {"seconds": "long"}, BadInput),
        ("close", {"resolution": "wrong", "text": "x" * 5000}, BadInput),
        ("burn", {}, BadInput),
    ],
)
async def test_senseless_wishes_change_nothing(
    follower: Follower, action: str, details: dict[str, object], error: type[Exception]
) -> None:
    desk = TicketDesk(follower, ManualClock(FOUND))
    follower.record([found()], [], FOUND)
    before = follower.tickets()
    with pytest.raises(error):
        await desk.act(before[0].id, action, actor="ada", **details)  # type: ignore[arg-type]
    assert follower.tickets() == before


async def test_an_unknown_ticket_is_not_found(follower: Follower) -> None:
    with pytest.raises(NotFound):
        await TicketDesk(follower, ManualClock()).act("PERF-NOSUCH", "ack", actor="ada")
