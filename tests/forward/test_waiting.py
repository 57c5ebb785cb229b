"""For whom detection waits, and what makes it look again."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from perfd.aggregate.grid import FUTURE_SECONDS
from perfd.clock import ManualClock
from perfd.forward.body import wrap
from perfd.forward.settings import AgentSettings
from perfd.forward.wire import encode
from perfd.jobs.agents import Agents
from perfd.model.agent import Agent
from perfd.model.batch import Batch
from perfd.model.histogram import Histogram
from perfd.model.partial import Partial, Shipment
from perfd.model.series import REQUESTS, Series
from perfd.model.times import LATENESS
from perfd.model.window import Window
from perfd.store.memory import MemoryStore
from perfd.store.settings import StoreSettings
from tests.fakes import CountingMeter

NOON = 1_699_999_200.0
AGENT = Agent(7, "pod-1", "1", NOON - 900.0)
WAIT = AgentSettings().wait


class World:
    """A centre, and agents that speak when they are told to."""

    def __init__(self) -> None:
        self.clock, self.meter = ManualClock(NOON), CountingMeter()
        self.store = MemoryStore(StoreSettings(), pace=1.0, meter=self.meter)
        self.counted: list[Batch] = []
        self.open()

    def open(self) -> None:
        desk: Any = None  # no deploys are told here
        self.agents = Agents(
            self.store,
            desk,
            AgentSettings(),
            pace=1.0,
            clock=self.clock,
            meter=self.meter,
            absorbed=self.counted.append,
        )

    async def heard(self, agent: Agent, *minutes: float, after: int = -1, upto: int = 5) -> None:
        of = Series.of(REQUESTS, service="shop")
        rows = [Window(of, at, 60.0, 1, 0, Histogram.of([0.1])) for at in minutes]
        partials = tuple(Partial(after + 1 + n, row) for n, row in enumerate(rows))
        shipment = Shipment(agent, upto, 60.0, partials, after=after)
        await self.agents.receive(wrap(encode(shipment)))

    @property
    def complete(self) -> float:
        """Seconds before now up to which everything is here."""
        now = self.clock.now()
        return now - self.agents.complete(now)


@pytest.fixture
def world() -> World:
    return World()


async def test_nobody_is_waited_for_where_nobody_forwards(world: World) -> None:
    assert world.complete == 0.0


async def test_the_slowest_agent_that_lives_is_waited_for(world: World) -> None:
    await world.heard(replace(AGENT, through=NOON - 30.0))
    await world.heard(replace(AGENT, writer=8, through=NOON - 90.0))
    assert world.complete == 90.0


async def test_nobody_is_waited_for_longer_than_the_bound(world: World) -> None:
    await world.heard(replace(AGENT, through=NOON - 86_400.0))
    assert world.complete == LATENESS + WAIT


async def test_one_that_is_silent_or_was_stopped_is_not_waited_for(world: World) -> None:
    await world.heard(replace(AGENT, through=NOON - 90.0))
    await world.heard(replace(AGENT, writer=8, through=NOON - 100.0, leaving=True))
    assert world.complete == 90.0
    world.clock.advance(61.0)
    assert world.complete == 0.0


async def test_a_claim_stays_true_though_a_later_body_does_not_repeat_it(world: World) -> None:
    await world.heard(replace(AGENT, through=NOON - 30.0))
    await world.heard(replace(AGENT, through=0.0), after=5)
    assert world.complete == 30.0


async def test_a_clock_that_is_ahead_claims_no_more_than_now(world: World) -> None:
    await world.heard(replace(AGENT, through=NOON + 500.0))
    assert world.complete == 0.0


async def test_a_minute_that_comes_for_the_first_time_is_told_once(world: World) -> None:
    assert world.agents.earliest() == math.inf
    await world.heard(replace(AGENT, through=NOON - 120.0), NOON - 240.0, NOON - 180.0)
    assert world.agents.earliest() == NOON - 240.0
    assert world.agents.earliest() == math.inf


async def test_a_late_row_and_a_repeated_one_are_no_news(world: World) -> None:
    told = replace(AGENT, through=NOON - 120.0)
    await world.heard(told, NOON - 180.0)
    assert [len(batch.windows) for batch in world.counted] == [1]
    world.agents.earliest()
    await world.heard(told, NOON - 180.0)
    await world.heard(told, NOON - 180.0, after=5, upto=6)
    assert world.agents.earliest() == math.inf
    assert [len(batch.windows) for batch in world.counted] == [1, 0, 0]


async def test_what_is_known_outlives_the_centre(world: World) -> None:
    await world.heard(replace(AGENT, through=NOON - 30.0))
    world.open()
    (known,) = world.agents.agents()
    assert (known.accepted, known.seen_at) == (5, NOON)
    assert world.complete == 30.0
    world.clock.advance(8 * 86_400.0)
    assert not world.agents.agents()


async def test_what_an_agent_takes_from_a_clock_ahead_its_centre_takes_too(world: World) -> None:
    await world.heard(AGENT, NOON + FUTURE_SECONDS)
    assert [len(batch.windows) for batch in world.counted] == [1]
