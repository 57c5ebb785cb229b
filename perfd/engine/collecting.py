"""From a body to windows in the store: the whole of an agent's work, and half of everybody else's.

It has no door: receivers are handed its `decoder` and `intake`, and so is a simulation.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from perfd.aggregate.aggregator import Aggregator
from perfd.config import Config
from perfd.engine.surroundings import MINUTE, Surroundings
from perfd.interfaces import Meter, Sampler
from perfd.jobs.flush import FlushJob
from perfd.jobs.intake import LoggedIntake
from perfd.jobs.replay import replay
from perfd.jobs.sample import SampleJob
from perfd.model.batch import Batch
from perfd.schedule import in_thread
from perfd.sources.decoders import Decoders
from perfd.sources.otlp_decode import OtlpDecoder
from perfd.sources.profile_decode import ProfileDecoder

log = logging.getLogger(__name__)

FLUSH = 20.0  # seconds at pace 1; each flush rewrites the rows of the minutes that it touches
SHORTEST_FLUSH = 0.5
SHORTEST_UPKEEP = 1.0


def _nobody(_batch: Batch) -> None:
    """Nobody counts what was flushed."""


class Collecting:
    """Decoder, intake, aggregate, flush and upkeep over a store and its log.

    `flushed` is called with every batch that is in the store.
    """

    def __init__(
        self, config: Config, around: Surroundings, *, flushed: Callable[[Batch], None] = _nobody
    ) -> None:
        self._config, self._around = config, around
        clock, meter, pace = around.clock, around.meter, config.pace
        self.decoder = decoders(config, meter)
        self.aggregate = Aggregator(
            config.aggregate, pace=pace, meter=meter, random=around.random.random
        )
        self.intake = LoggedIntake(around.log, self.aggregate, clock, meter)
        self._flush = FlushJob(self.aggregate, around.store, around.log, clock, meter, flushed)
        every = around.schedule.every
        every(max(FLUSH / pace, SHORTEST_FLUSH), "flush", self._flushing)
        every(max(MINUTE / pace, SHORTEST_UPKEEP), "maintain", in_thread(around.store.maintain))

    def watch(self, sampler: Sampler) -> None:
        """Read the resources of this machine from now on."""
        job = SampleJob(sampler, self.aggregate)
        self._around.schedule.every(
            self._config.sample.interval / self._config.pace, "sample", job.run
        )

    async def open(self) -> None:
        """Read back what a crash left, before anything new is taken."""
        around = self._around
        count = await asyncio.to_thread(
            replay,
            around.log,
            around.store,
            self.decoder,
            self.aggregate,
            self.aggregate.take,
            around.meter,
            self.intake.recent,
        )
        if count:
            log.info("read %d acknowledged items back from the request log", count)
        self.intake.open = True

    async def drain(self) -> None:
        """Take nothing more, and store what was taken."""
        self.intake.open = False
        await self._flush.drain(self._around.clock.now())

    def flushed_upto(self) -> float:
        """All that was taken before this time is in the store."""
        return self._flush.reached

    def in_flight(self, signal: str) -> float:
        """Accepted items of a signal that are not yet in the store."""
        return float(self.aggregate.in_flight.get(signal, 0) + self._flush.held(signal))

    async def _flushing(self, now: float) -> None:
        """The heartbeat of the data path: it also beats when the disk is full, which will pass."""
        try:
            await self._flush.run(now)
        finally:
            self._around.beat("flush", FLUSH)


def decoders(config: Config, meter: Meter) -> Decoders:
    """One decoder for every signal."""
    otlp = OtlpDecoder(config.otlp, meter)
    profiles = ProfileDecoder(config.profiles, meter)
    return Decoders({"traces": otlp, "metrics": otlp, "logs": otlp, "profiles": profiles})
