"""A world where every pod has an agent, and the world's perfd is their centre.

A new pod is a new agent with an empty store; one that is replaced drains, and says goodbye. `cut()`
takes the network between agents and centre away, `mend()` brings it back; `crash(instance)` ends an
agent without a word.
"""

from __future__ import annotations

import random

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from perfd.engine.collecting import Collecting
from perfd.engine.forwarding import Forwarding
from perfd.engine.surroundings import Surroundings
from perfd.errors import DeliveryError
from perfd.interfaces import Signal, Timetable
from perfd.model.partial import Receipt
from perfd.store.memory import MemoryStore
from perfd.store.memory_log import MemoryLog
from perfd.web.agents import agents_now
from tests.fakes import CountingMeter
from tests.scenarios.bodies import PROTOBUF
from tests.scenarios.engine import Mortal
from tests.scenarios.service import Service
from tests.scenarios.world import World

CENTRE = 1  # the writer of the centre's store


class Road:
    """From one agent to the centre, if there is a way and the centre lives."""

    def __init__(self, world: Fleet) -> None:
        self._world = world

    async def post(self, body: bytes) -> Receipt:
        engine = self._world.engine
        if self._world.is_cut or engine is None or not engine.collecting.intake.open:
            raise DeliveryError("no way to the centre", retryable=True)
        return await engine.judging.agents.receive(body)

    async def close(self) -> None:
        """Nothing is held open."""


class OneAgent:
    """The daemon's own engine of an agent, over a store of its own."""

    def __init__(self, world: Fleet, name: str, number: int) -> None:
        ground, config = world.ground, world.config
        self._mortal = Mortal(ground.schedule)
        timetable: Timetable = self._mortal
        meter = CountingMeter()
        self.store = MemoryStore(config.store, pace=world.pace, meter=meter, writer=CENTRE + number)
        chance = random.Random(number)
        around = Surroundings(ground.clock, timetable, meter, chance, self.store, MemoryLog())
        self.collecting = Collecting(config, around)
        about = {"name": name, "version": "test"}
        self._forwarding = Forwarding(config, around, self.collecting, Road(world), **about)
        self.collecting.intake.open = True

    async def receive(self, signal: Signal, body: bytes, media: str, now: float) -> None:
        """A body at the agent's door."""
        delivery = self.collecting.decoder.decode(signal, media, "", body, now)
        await self.collecting.intake.accept(delivery)

    async def leave(self) -> None:
        """Told to stop: drains, and tells the centre the rest."""
        self._mortal.alive = False
        await self.collecting.drain()
        await self._forwarding.component.stop()

    def crash(self) -> None:
        """Gone at once."""
        self._mortal.alive = False
        self.collecting.intake.open = False


class Fleet(World):
    """See above."""

    def __init__(self, *, seed: int, **how: object) -> None:
        super().__init__(seed=seed, **how)  # type: ignore[arg-type]
        self.ground = self._ground
        self.agents: dict[str, OneAgent] = {}
        self.began = self.now
        self.is_cut = False
        self._made = 0
        self._crashed: set[str] = set()
        self._ground.schedule.every(10.0 / self.pace, "pods", self._replace_pods)

    def cut(self) -> None:
        """From now on no agent reaches the centre."""
        self.is_cut = True

    def mend(self) -> None:
        """From now on they do again."""
        self.is_cut = False

    def crash(self, instance: str) -> None:
        """An agent ends without a word, and its instance with it."""
        self.agents.pop(instance).crash()
        self._crashed.add(instance)

    def states(self) -> dict[str, str]:
        """Agents by what the centre says of them."""
        assert self.engine is not None
        states = agents_now(self.engine.judging.agents, self.now)
        return {state.agent.name: state.state for state in states}

    async def _replace_pods(self, _now: float) -> None:
        living = {i.name for service in self.services.values() for i in service.instances}
        for name in [name for name in self.agents if name not in living]:
            await self.agents.pop(name).leave()

    def _post(self, service: Service, signal: Signal, body: bytes, media: str = PROTOBUF) -> None:
        name = instance_of(body)
        if name in self._crashed:
            return
        if name not in self.agents:
            self._made += 1
            self.agents[name] = OneAgent(self, name, self._made)

        async def arrive(now: float) -> None:
            if name in self.agents:
                await self.agents[name].receive(signal, body, media, now)

        self._ground.schedule.at(self.now + service.reporting.delay, arrive)


def instance_of(body: bytes) -> str:
    """Which pod a body of spans comes from."""
    (found,) = ExportTraceServiceRequest.FromString(body).resource_spans
    pairs = {a.key: a.value.string_value for a in found.resource.attributes}
    return pairs["service.instance.id"]
