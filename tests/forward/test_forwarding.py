"""However rows get to a centre, it ends up with the windows of a perfd that saw everything.

Two agents and a centre, each with a real SQLite store, and a road between them that loses bodies
and answers, repeats bodies and brings them late. Any of the three may be killed; the centre may be
given back an old disk, and an agent may be cut off until the hours that it has are packed.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from perfd.clock import ManualClock
from perfd.errors import DeliveryError
from perfd.forward.settings import AgentSettings, ForwardSettings
from perfd.interfaces import Store
from perfd.jobs.agents import Agents
from perfd.jobs.forward import ForwardJob
from perfd.model.agent import Agent
from perfd.model.batch import Batch
from perfd.model.deploy import Deploy
from perfd.model.partial import Receipt
from perfd.model.profile import ProfileWindow, Symbols, Weight
from perfd.model.series import CPU_TIME, REQUESTS, Series
from perfd.store.memory import MemoryStore
from perfd.store.settings import Retention, StoreSettings
from perfd.store.sqlite import SqliteStore
from tests.fakes import CountingMeter
from tests.forward.forwarded import gauges, profiles, windows

NOON = 1_699_999_200.0
DAY = 86_400.0
SETTINGS = StoreSettings(keep_stacks=1.0, retention=Retention(exemplars=14 * DAY))
FATES = ("taken", "taken", "lost", "unanswered", "twice", "late")
GIB = 1 << 30
AGES = st.sampled_from([0, 1, 2, 60])  # in base windows: mostly the same few minutes again
WAITS = st.sampled_from([0.0, 20.0, 60.0])


class Nobody:
    """A desk that is told of no deploy."""

    async def deploy(self, deploy: Deploy) -> Deploy:
        raise AssertionError(deploy)

    async def act(self, *_: object, **__: object) -> None:
        raise AssertionError


class Centre:
    """A perfd that takes what is forwarded; `restart` keeps its disk, `restore` brings an old."""

    def __init__(self, folder: Path, clock: ManualClock, meter: CountingMeter) -> None:
        self._folder, self._clock, self._meter = folder, clock, meter
        folder.mkdir()
        self.open()

    def open(self) -> None:
        path = self._folder / "perfd.db"
        self.store = SqliteStore(path, SETTINGS, pace=1.0, clock=self._clock, meter=self._meter)
        desk: object = Nobody()
        self.agents = Agents(
            self.store,
            desk,  # type: ignore[arg-type]
            AgentSettings(),
            pace=1.0,
            clock=self._clock,
            meter=self._meter,
        )

    def restart(self) -> None:
        self.store.close()
        self.open()

    def save(self) -> None:
        self.store.close()
        shutil.copytree(self._folder, self._folder.with_name("saved"), dirs_exist_ok=True)
        self.open()

    def restore(self) -> None:
        self.store.close()
        shutil.rmtree(self._folder)
        shutil.copytree(self._folder.with_name("saved"), self._folder)
        self.open()


class Road:
    """What becomes of each body is drawn; late ones arrive when `catch_up` says so."""

    def __init__(self, centre: Centre) -> None:
        self._centre = centre
        self.fates: list[str] = []
        self.late: list[bytes] = []

    async def post(self, body: bytes) -> Receipt:
        fate = self.fates.pop() if self.fates else "taken"
        if fate == "late":
            self.late.append(body)
        if fate in {"late", "lost"}:
            raise DeliveryError(fate, retryable=True)
        receipt = await self._centre.agents.receive(body)
        if fate == "unanswered":
            raise DeliveryError(fate, retryable=True)
        return await self._centre.agents.receive(body) if fate == "twice" else receipt

    async def close(self) -> None:
        """Nothing is held open."""

    async def catch_up(self, order: random.Random) -> None:
        bodies, self.late = self.late, []
        order.shuffle(bodies)
        for body in bodies:
            await self._centre.agents.receive(body)


class OneAgent:
    """A store and the job over it; a crash loses the job's memory and nothing else."""

    def __init__(
        self, name: str, folder: Path, road: Road, clock: ManualClock, meter: CountingMeter
    ) -> None:
        self._name, self._folder, self._road = name, folder, road
        self._clock, self._meter = clock, meter
        folder.mkdir()
        self.open()

    def open(self) -> None:
        path, clock = self._folder / "perfd.db", self._clock
        self.store = SqliteStore(
            path, SETTINGS, pace=1.0, clock=clock, meter=self._meter, outbox=GIB
        )
        self.job = ForwardJob(
            self.store,
            self._road,
            ForwardSettings(url="http://centre:4040"),
            Agent(0, self._name, "1", NOON),
            pace=1.0,
            flushed=clock.now,
            clock=clock,
            random=random.Random(1),
            meter=self._meter,
        )

    def crash(self) -> None:
        self.store.close()
        self.open()


class Forwarding(RuleBasedStateMachine):
    """Two agents, one centre, and one perfd that saw it all."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="perfd-test-")
        self.clock, self.meter, self.alone_meter = (
            ManualClock(NOON),
            CountingMeter(),
            CountingMeter(),
        )
        self.alone = MemoryStore(SETTINGS, pace=1.0, meter=self.alone_meter)
        place = Path(self.folder.name)
        self.centre = Centre(place / "centre", self.clock, self.meter)
        self.centre.save()
        self.road = Road(self.centre)
        self.two = [
            OneAgent(name, place / name, self.road, self.clock, self.meter) for name in ("a", "b")
        ]
        self.robbed = False  # of what it had, and nobody knows yet

    @rule(data=st.data(), agent=st.integers(0, 1), age=AGES, count=st.integers(1, 4))
    def telemetry(self, data: st.DataObject, agent: int, age: int, count: int) -> None:
        at = self.clock.now() - 10.0 * age
        stacks = [data.draw(profiles(at)) for _ in range(count)]
        symbols = Symbols()
        symbols.update(found for _, found in stacks)
        batch = Batch(
            tuple(data.draw(windows(at)) for _ in range(count)),
            tuple(data.draw(gauges(at)) for _ in range(count)),
            tuple(profile for profile, _ in stacks),
            symbols,
        )
        self.alone.append(batch)
        self.two[agent].store.append(batch)

    @rule(agent=st.integers(0, 1), fates=st.lists(st.sampled_from(FATES), max_size=4), wait=WAITS)
    def forward(self, agent: int, fates: list[str], wait: float) -> None:
        self.road.fates = list(fates)
        self.clock.advance(wait)
        asyncio.run(self.two[agent].job.run(self.clock.now()))

    @rule(seed=st.integers(0, 99))
    def late_bodies_arrive(self, seed: int) -> None:
        asyncio.run(self.road.catch_up(random.Random(seed)))

    @rule(agent=st.integers(0, 1))
    def an_agent_crashes(self, agent: int) -> None:
        self.two[agent].crash()

    @rule()
    def the_centre_crashes(self) -> None:
        self.centre.restart()

    @rule(minutes=st.sampled_from([1, 1, 240]))
    def time_passes(self, minutes: int) -> None:
        if minutes > 60 and self.robbed:
            self.all_get_through()  # within hours; what an agent let go meanwhile is nowhere
        self.clock.advance(60.0 * minutes)
        for _ in range(12):
            self.centre.store.maintain(self.clock.now())
        for agent in self.two:
            agent.store.maintain(self.clock.now())

    @rule()
    def the_centre_is_given_an_old_disk(self) -> None:
        """Sound as long as the agents still have what it lost: before anything was let go."""
        if self.clock.now() < NOON + 3600.0:
            self.centre.restore()
            self.robbed = True

    def teardown(self) -> None:
        if not hasattr(self, "folder"):
            return
        self.end()
        self.centre.store.close()
        for agent in self.two:
            agent.store.close()
        self.folder.cleanup()

    def all_get_through(self) -> None:
        """The road is good for once."""
        self.road.fates = []
        self.clock.advance(120.0)
        asyncio.run(self.road.catch_up(random.Random(1)))
        for _ in range(2):
            for agent in self.two:
                self.clock.advance(60.0)
                asyncio.run(agent.job.run(self.clock.now()))
        self.robbed = False

    def end(self) -> None:
        """Everything gets through at last, and the centre has what the one perfd has."""
        self.all_get_through()
        assert everything(self.centre.store) == everything(self.alone)
        if not self.meter.total("perfd_dropped_items", reason="packed"):
            assert weights(self.centre.store) == weights(self.alone)
        assert not self.meter.total("perfd_store_corruptions")
        assert not self.meter.total("perfd_dropped_items", stage="forward")


def everything(store: Store) -> list[object]:
    asked = {"service": "shop"}, 0.0, 2 * NOON
    found: list[object] = [
        *store.windows(REQUESTS, *asked),
        *store.gauges(CPU_TIME, *asked),
        *store.exemplars(REQUESTS, *asked),
    ]
    return found


def weights(store: Store) -> dict[tuple[Series, float], object]:
    """Profiles by ten minutes, with their stacks in words."""
    merged: dict[tuple[Series, float], ProfileWindow] = {}
    for window in store.profiles({"service": "shop"}, 0, 2 * NOON):
        place = window.series, window.start // 600
        held = merged.get(place)
        merged[place] = window if held is None else held.merge(window)
    symbols = store.symbols({node for w in merged.values() for node in w.weights})
    return {
        place: (
            window.duration,
            window.uploads,
            {symbols.stack(n): w for n, w in window.weights.items() if w != Weight(0, 0)},
        )
        for place, window in merged.items()
    }


PHASES = (Phase.explicit, Phase.reuse, Phase.generate)


class TestForwarding(Forwarding.TestCase):  # type: ignore[misc, name-defined]
    settings = settings(
        max_examples=2,
        stateful_step_count=8,
        deadline=None,
        phases=PHASES,
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.slow
class TestForwardingAtLength(Forwarding.TestCase):  # type: ignore[misc, name-defined]
    settings = settings(
        max_examples=80,
        stateful_step_count=25,
        deadline=None,
        phases=PHASES,
        suppress_health_check=list(HealthCheck),
    )
