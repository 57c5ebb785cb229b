"""An agent's half beside collecting: from its store to the centre, every few seconds."""

from __future__ import annotations

from collections.abc import Sequence

from perfd.config import Config
from perfd.engine.collecting import Collecting
from perfd.engine.surroundings import Surroundings
from perfd.interfaces import Component, Tracker
from perfd.jobs.announce import AgentDesk
from perfd.jobs.forward import Carrier, ForwardJob
from perfd.model.agent import Agent
from perfd.supervise import Part, nothing

SHORTEST = 0.5  # seconds between two runs, whatever the pace


class Forwarding:
    """Forwards what `collecting` stores; `desk` takes deploys that are announced here."""

    agents: None = None  # nobody forwards to an agent

    def __init__(
        self,
        config: Config,
        around: Surroundings,
        collecting: Collecting,
        carrier: Carrier,
        *,
        name: str,
        version: str,
    ) -> None:
        self._carrier = carrier
        self.desk = AgentDesk(around.store)
        self._job = ForwardJob(
            around.store,
            carrier,
            config.forward,
            Agent(around.store.writer, name, version, around.clock.now()),
            pace=config.pace,
            flushed=collecting.flushed_upto,
            clock=around.clock,
            random=around.random,
            meter=around.meter,
        )
        every = max(config.forward.interval / config.pace, SHORTEST)
        around.schedule.every(every, "forward", self._job.run)

    @property
    def component(self) -> Component:
        """What has a life of its own."""
        return Part("forward", nothing, self._drain)

    def configure(self, config: Config, trackers: Sequence[Tracker]) -> None:
        """Detection and tickets are the centre's; nothing of an agent changes while it runs."""

    async def _drain(self) -> None:
        """Send what is left, once everything is in the store, and say goodbye."""
        await self._job.drain()
        await self._carrier.close()
