"""The job of an agent, given every answer that a centre can give."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from perfd.clock import ManualClock
from perfd.errors import BadInput, DeliveryError, TooLarge
from perfd.forward import ledger
from perfd.forward.body import unwrap
from perfd.forward.settings import ForwardSettings, RetryOnFailure
from perfd.forward.wire import decode
from perfd.jobs.announce import AgentDesk
from perfd.jobs.forward import ForwardJob
from perfd.model.agent import Agent
from perfd.model.batch import Batch
from perfd.model.deploy import Deploy
from perfd.model.histogram import Histogram
from perfd.model.partial import Receipt, Shipment
from perfd.model.profile import CPU_PROFILE, PROFILE, Function, ProfileWindow, Symbols, Weight
from perfd.model.series import REQUESTS, Series
from perfd.model.window import Window
from perfd.store.memory import MemoryStore
from perfd.store.settings import StoreSettings
from tests.fakes import CountingMeter

NOON = 1_699_999_200.0
LIMIT = 1 << 30


@dataclass
class Script:
    """Answers by a list; what is not on it is taken, as a centre with this `accepted` would."""

    answers: list[Exception | Receipt] = field(default_factory=list)
    got: list[Shipment] = field(default_factory=list)
    accepted: int = -1
    centre: int = 99

    async def post(self, body: bytes) -> Receipt:
        shipment = decode(unwrap(body, LIMIT))
        self.got.append(shipment)
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        if shipment.after <= self.accepted:
            self.accepted = max(self.accepted, shipment.upto)
        return answer or Receipt(self.accepted, self.centre)

    async def close(self) -> None:
        """Nothing is held open."""

    @property
    def counts(self) -> list[int]:
        """Requests in the bodies that held rows."""
        rows = [[p.item.count for p in s.partials if isinstance(p.item, Window)] for s in self.got]
        return [sum(found) for found in rows if found]


class World:
    """An agent's store, its clock and its road."""

    def __init__(self) -> None:
        self.clock, self.meter, self.road = ManualClock(NOON), CountingMeter(), Script()
        self.store = MemoryStore(StoreSettings(), pace=1.0, meter=self.meter, writer=7)
        self.job = self.restarted()

    def restarted(self) -> ForwardJob:
        retry = RetryOnFailure(initial_interval=1.0, max_interval=30.0)
        self.job = ForwardJob(
            self.store,
            self.road,
            ForwardSettings(url="http://centre:4040", retry_on_failure=retry),
            Agent(0, "pod-1", "1", NOON),
            pace=1.0,
            flushed=self.clock.now,
            clock=self.clock,
            random=random.Random(1),
            meter=self.meter,
        )
        return self.job

    def serve(self, count: int, minute: int = 0, series: str = "GET /") -> None:
        of = Series.of(REQUESTS, service="shop", operation=series)
        at = NOON + 60 * minute
        window = Window(of, at, 10.0, count, 0, Histogram.of([0.1] * count))
        self.store.append(Batch(windows=(window,)))

    async def run(self, seconds: float = 60.0) -> None:
        self.clock.advance(seconds)
        await self.job.run(self.clock.now())


@pytest.fixture
def world() -> World:
    return World()


async def test_a_minute_goes_once_it_is_closed_and_late_ones_go_again(world: World) -> None:
    world.serve(3)
    await world.run(70.0)
    assert world.road.counts == [], "telemetry may be 15 s late"
    await world.run(10.0)
    assert world.road.counts == [3]
    assert world.road.got[-1].agent.through == NOON + 60
    world.serve(2)
    await world.run(10.0)
    assert world.road.counts == [3, 5], "the whole minute again, with a greater revision"
    await world.run(10.0)
    assert world.road.counts == [3, 5]


async def test_an_open_minute_holds_the_cursor_but_not_the_others(world: World) -> None:
    world.serve(1, minute=2)
    world.serve(3, minute=0)
    await world.run(130.0)
    assert world.road.counts == [3]
    world.restarted()
    await world.run(80.0)
    assert world.road.counts[1:] == [4], "both again: the answer covered neither"


async def test_a_new_life_goes_on_where_the_centre_says(world: World) -> None:
    world.serve(3)
    await world.run(80.0)
    world.serve(4, minute=1)
    world.restarted()
    await world.run(60.0)
    assert world.road.counts == [3, 4]
    assert not world.road.got[-2].partials or world.road.got[-2].after >= 0


async def test_a_centre_that_lost_its_disk_is_told_everything(world: World) -> None:
    world.serve(3)
    await world.run(80.0)
    world.road.accepted, world.road.centre = -1, 100
    await world.run(15.0)
    await world.run(15.0)
    assert world.road.counts == [3, 3]


async def test_failures_are_waited_out_longer_each_time(world: World) -> None:
    world.serve(3)
    world.road.answers = [DeliveryError("down", retryable=True)] * 6
    tries = []
    for _ in range(200):
        before = len(world.road.got)
        await world.run(1.0)
        if len(world.road.got) > before:
            tries.append(world.clock.now() - NOON)
    assert world.road.counts == [3]
    waits = [b - a for a, b in pairwise(tries[:6])]
    assert waits[0] <= 2
    assert waits == sorted(waits)
    assert max(waits) <= 31
    assert world.meter.total("perfd_forward_failures") == 6


async def test_retry_after_is_honoured(world: World) -> None:
    world.serve(3)
    world.road.answers = [DeliveryError("busy", retryable=True, retry_after=20.0)]
    await world.run(80.0)
    await world.run(19.0)
    assert len(world.road.got) == 1
    await world.run(2.0)
    assert world.road.counts == [3]


async def test_what_is_too_large_goes_in_halves(world: World) -> None:
    for number in range(8):
        world.serve(number + 1, series=f"{number}")
    hello = Receipt(-1, 99)
    world.road.answers = [hello, TooLarge("8"), TooLarge("4")]
    await world.run(80.0)
    assert sum(world.road.counts) == 36 + 36 + 10
    assert world.road.counts[-1] == 26
    assert world.store.waiting(world.road.accepted) == 0
    assert not world.meter.total("perfd_dropped_items")


async def test_what_is_never_taken_is_given_up_and_counted(world: World) -> None:
    world.serve(3)
    world.road.answers = [Receipt(-1, 99), BadInput("no")]
    await world.run(80.0)
    world.serve(4, minute=1)
    await world.run(60.0)
    assert world.road.counts == [3, 4]
    assert world.meter.total("perfd_dropped_items", stage="forward", reason="rejected") == 1
    assert world.road.got[-1].agent.dropped == 1


async def test_bodies_have_a_size_and_end_where_the_next_begins(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "BODY_SIZE", 300)
    for number in range(9):
        world.serve(1, series=f"{number}")
    await world.run(80.0)
    bodies = [s for s in world.road.got if s.partials]
    assert len(bodies) > 2
    for one, following in pairwise(bodies):
        assert one.upto < following.partials[0].revision


async def test_symbols_are_told_once_and_anew_to_another_centre(world: World) -> None:
    symbols = Symbols()
    leaf = symbols.intern((Function("main", "m.py"), Function("work", "w.py")))
    of = Series.of(PROFILE, service="shop", type=CPU_PROFILE)

    def profiled(minute: int) -> None:
        at = NOON + 60 * minute
        window = ProfileWindow(of, at, 10.0, "nanoseconds", {leaf: Weight(3, 1)}, 10.0, 1)
        world.store.append(Batch(profiles=(window,), symbols=symbols))

    profiled(0)
    await world.run(80.0)
    profiled(1)
    await world.run(60.0)
    told = [len(s.symbols.nodes) for s in world.road.got if s.partials]
    assert told == [2, 0]
    world.road.accepted, world.road.centre = -1, 100
    await world.run(15.0)
    await world.run(15.0)
    assert [len(s.symbols.nodes) for s in world.road.got if s.partials][2:] == [2]


async def test_a_deploy_that_is_announced_is_told_until_it_was_taken(world: World) -> None:
    deploy = Deploy("shop", "prod", "1.1.0", "", NOON, "announced")
    await AgentDesk(world.store).deploy(deploy)
    world.road.answers = [DeliveryError("down", retryable=True)]
    await world.run(15.0)
    await world.run(15.0)
    await world.run(15.0)
    assert [s.deploys for s in world.road.got][:2] == [(deploy,), (deploy,)]
    assert all(not s.deploys for s in world.road.got[2:])


async def test_the_last_words_hold_what_is_open(world: World) -> None:
    world.serve(3)
    world.clock.advance(5.0)
    await world.job.drain()
    assert world.road.counts == [3]
    assert world.road.got[-1].agent.leaving
    assert world.store.waiting(world.road.accepted) == 0
