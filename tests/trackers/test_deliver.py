"""The outbox: at least once, in order, and a crash at any point loses and doubles nothing."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from random import Random

import pytest

from perfd.clock import ManualClock
from perfd.errors import DeliveryError, StoreError
from perfd.interfaces import Message
from perfd.jobs import retry
from perfd.jobs.deliver import Deliverer
from perfd.jobs.follow import Follower
from perfd.model.batch import OUTBOX, Document
from perfd.model.ticket import Reference, Verdict
from perfd.store.memory import MemoryStore
from perfd.store.settings import StoreSettings
from perfd.tickets.codec import decode
from perfd.tickets.events import Acknowledged, Closed, Muted
from perfd.tickets.outbox import OutboxEntry
from perfd.tickets.settings import ConsoleTracker, MarkdownTracker, TicketSettings
from tests.fakes import CountingMeter
from tests.tickets.samples import FOUND, T0, deploy, found

SETTINGS = TicketSettings(
    trackers=(ConsoleTracker(name="a"), MarkdownTracker(name="b", folder="unused"))
)


class Board:
    """A tracker that remembers: one note per ticket, and every key that changed it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.keys: list[str] = []
        self.events: list[str] = []
        self.calls = 0
        self.heard = asyncio.Event()
        self.problems: list[Exception] = []
        self.problems_after: list[Exception] = []

    async def deliver(self, message: Message) -> str:
        self.calls += 1
        self.heard.set()
        if self.problems:
            raise self.problems.pop(0)
        if message.key not in self.keys:
            self.keys.append(message.key)
            self.events.append(message.event)
        if self.problems_after:
            raise self.problems_after.pop(0)
        return f"https://{self.name}.example/{message.ticket.id}"


class CrashingStore(MemoryStore):
    """Fails at the n-th put, before or after it is durable; afterwards nothing works."""

    crash_at: int | None = None
    after = False
    puts = 0

    def put(self, documents: Sequence[Document]) -> None:
        self.puts += 1
        if self.crash_at is not None and self.puts >= self.crash_at:
            if self.after and self.puts == self.crash_at:
                super().put(documents)
            raise StoreError("killed")
        super().put(documents)


class World:
    def __init__(self, boards: Sequence[Board] | None = None) -> None:
        self.clock = ManualClock(FOUND)
        self.meter = CountingMeter()
        self.store = CrashingStore(StoreSettings(), pace=1.0, meter=self.meter)
        self.boards = list(boards or (Board("a"), Board("b")))
        self.start()

    def start(self) -> None:
        """A (new) life on the same store and the same trackers."""
        self.store.crash_at = None
        self.follower = Follower(
            self.store, SETTINGS, pace=1.0, base_url="http://perfd", meter=self.meter
        )
        self.deliverer = Deliverer(
            self.store, self.follower, self.boards, self.clock, Random(3), self.meter
        )
        self.deliverer.load()

    @property
    def ticket_id(self) -> str:
        return self.follower.tickets()[0].id

    def opened(self) -> None:
        self.follower.record([found()], [], FOUND)

    def outbox(self) -> list[OutboxEntry]:
        return [decode(OutboxEntry, d.body) for d in self.store.documents(OUTBOX)]


async def test_a_message_reaches_every_tracker_and_leaves_its_reference() -> None:
    world = World()
    world.opened()
    await world.deliverer.deliver_due()
    assert [b.events for b in world.boards] == [["opened"], ["opened"]]
    references = world.follower.tickets()[0].references
    assert references == tuple(
        Reference(n, f"https://{n}.example/{world.ticket_id}") for n in ("a", "b")
    )
    assert not world.deliverer.pending()
    (entry,) = world.outbox()
    assert (entry.waiting, entry.ticket, entry.body) == ((), None, "")


async def test_messages_of_a_ticket_arrive_in_order() -> None:
    world = World()
    world.opened()
    world.follower.act(world.ticket_id, Muted(), FOUND + 1)
    world.follower.record([], [deploy("1.1.1", T0 + 7200)], FOUND + 2)
    world.follower.act(world.ticket_id, Closed("wrong"), FOUND + 3)  # type: ignore[arg-type]
    await world.deliverer.deliver_due()
    assert world.boards[0].events == ["opened", "muted", "closed"]


async def test_a_tracker_that_is_down_delays_only_itself() -> None:
    world = World()
    world.boards[0].problems = [DeliveryError("down", retryable=True)] * 3
    world.opened()
    wait = await world.deliverer.deliver_due()
    assert [b.events for b in world.boards] == [[], ["opened"]]
    assert 1.0 <= wait <= 2.0
    assert world.deliverer.pending()[0].attempts["a"].error == "down"
    assert world.meter.gauges["perfd_outbox_pending", ()]() == 1
    for _ in range(3):
        world.clock.advance(await world.deliverer.deliver_due())
    await world.deliverer.deliver_due()
    assert world.boards[0].events == ["opened"]
    assert world.meter.total("perfd_tracker_deliveries", tracker="a", outcome="retry") == 3
    assert world.meter.total("perfd_tracker_deliveries", tracker="a", outcome="delivered") == 1


async def test_a_later_message_waits_for_the_one_that_failed() -> None:
    world = World()
    world.boards[0].problems = [DeliveryError("down", retryable=True)]
    world.opened()
    await world.deliverer.deliver_due()
    world.follower.act(world.ticket_id, Closed("wrong"), FOUND + 1)  # type: ignore[arg-type]
    await world.deliverer.deliver_due()
    assert world.boards[0].events == []
    world.clock.advance(2.0)
    await world.deliverer.deliver_due()
    assert world.boards[0].events == ["opened", "closed"]


async def test_updates_that_were_overtaken_are_not_sent() -> None:
    world = World()
    world.boards[0].problems = [DeliveryError("down", retryable=True)]
    world.opened()
    await world.deliverer.deliver_due()
    world.follower.act(world.ticket_id, Acknowledged("ada"), FOUND + 1)
    world.follower.act(world.ticket_id, Closed("wrong"), FOUND + 2)  # type: ignore[arg-type]
    world.clock.advance(2.0)
    await world.deliverer.deliver_due()
    assert world.boards[0].events == ["opened", "closed"]
    assert world.meter.total("perfd_tracker_deliveries", outcome="superseded") >= 1


async def test_what_is_refused_for_good_is_not_asked_again() -> None:
    world = World()
    world.boards[0].problems = [DeliveryError("no such project", retryable=False)]
    world.opened()
    await world.deliverer.deliver_due()
    world.clock.advance(90_000)
    await world.deliverer.deliver_due()
    assert world.boards[0].calls == 1
    assert world.outbox()[0].attempts["a"].error == "no such project"


async def test_a_fault_of_a_tracker_is_its_own() -> None:
    world = World()
    world.boards[0].problems = [ZeroDivisionError("a bug")]
    world.opened()
    await world.deliverer.deliver_due()
    assert world.boards[1].events == ["opened"]
    assert "ZeroDivisionError" in world.deliverer.pending()[0].attempts["a"].error


async def test_retry_after_is_honoured() -> None:
    world = World()
    world.boards[0].problems = [DeliveryError("busy", retryable=True, retry_after=300.0)]
    world.opened()
    await world.deliverer.deliver_due()
    world.clock.advance(299)
    await world.deliverer.deliver_due()
    assert world.boards[0].calls == 1
    world.clock.advance(1)
    await world.deliverer.deliver_due()
    assert world.boards[0].events == ["opened"]


async def test_a_week_later_it_is_no_news() -> None:
    world = World()
    world.opened()
    world.boards[0].problems = [DeliveryError("down", retryable=True)]
    world.clock.advance(8 * 86_400)
    await world.deliverer.deliver_due()
    assert not world.deliverer.pending()
    assert world.meter.total("perfd_tracker_deliveries", tracker="a", outcome="expired") == 1


async def test_a_tracker_that_was_removed_holds_nothing_up() -> None:
    world = World([Board("a")])
    world.opened()
    await world.deliverer.deliver_due()
    assert not world.deliverer.pending()


def test_waits_grow_are_jittered_and_end() -> None:
    random = Random(1)
    waits = [retry.wait(tries, None, random) for tries in range(30)]
    assert all(w <= retry.LONGEST_WAIT for w in waits)
    assert all(w >= retry.LONGEST_WAIT / 2 for w in waits[10:])
    assert retry.wait(0, None, Random(1)) != retry.wait(0, None, Random(2))


# --- crashes --------------------------------------------------------------------------------------

LIFE: Sequence[Callable[[World], object]] = (
    lambda w: w.follower.record([found()], [], FOUND),
    lambda w: w.follower.record([], [deploy("1.1.1", T0 + 7200)], FOUND + 7200),
    lambda w: w.follower.judge(w.ticket_id, _verdict(w), FOUND + 9000),
)


def _verdict(world: World) -> object:
    verification = world.follower.tickets()[0].verification
    return type(verification)(
        rule=verification.rule,
        version=verification.version,
        since=verification.since,
        verdict=Verdict.VERIFIED,
        text="back",
    )


async def live(world: World) -> int:
    """The whole life of a ticket, beginning anew after each crash; returns how often it crashed."""
    crashes = 0
    for act in LIFE:
        for do in (act, None):
            try:
                if do is not None:
                    do(world)
                else:
                    await world.deliverer.deliver_due()
            except StoreError:
                crashes += 1
                world.start()
                act(world)
                await world.deliverer.deliver_due()
    return crashes


@pytest.mark.parametrize(("crash_at", "after"), itertools.product(range(1, 10), (False, True)))
async def test_a_crash_at_any_write_loses_and_doubles_nothing(crash_at: int, after: bool) -> None:
    world = World()
    world.store.crash_at, world.store.after = crash_at, after
    assert await live(world) == 1
    for board in world.boards:
        assert board.events == ["opened", "updated", "verified"]
    assert len(world.follower.tickets()) == 1
    assert not world.deliverer.pending()


async def test_nine_writes_are_all_there_are() -> None:
    """The range above covers every put of a life."""
    world = World()
    assert await live(world) == 0
    assert world.store.puts == 9


# --- the component --------------------------------------------------------------------------------


async def test_it_delivers_what_comes_and_stops() -> None:
    world = World()
    world.opened()
    await world.deliverer.start()
    await hears(world.boards[0], ["opened"])
    await asyncio.to_thread(
        world.follower.act,
        world.ticket_id,
        Closed("wrong"),
        FOUND + 1,  # type: ignore[arg-type]
    )
    await hears(world.boards[1], ["opened", "closed"])
    await world.deliverer.stop()
    await world.deliverer.stop()


async def hears(board: Board, events: list[str]) -> None:
    async with asyncio.timeout(2.0):
        while board.events != events:
            board.heard.clear()
            await board.heard.wait()
