"""A whole perfd in virtual time: the daemon's own engine without doors, lock or disk."""

from __future__ import annotations

import dataclasses
import random

from perfd.clock import ManualClock
from perfd.config import Config
from perfd.engine.collecting import Collecting
from perfd.engine.judging import Judging
from perfd.engine.surroundings import Surroundings
from perfd.interfaces import Message, RequestLog, Sampler, Signal, Store, Timetable
from perfd.schedule import Job, VirtualSchedule
from tests.fakes import CountingMeter
from tests.scenarios.bodies import PROTOBUF

DELIVERY = 10.0  # seconds between two looks at the outbox, which in the daemon wakes up by itself


class Mailbox:
    """A tracker that keeps what it is told."""

    name = "console"

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def deliver(self, message: Message) -> str:
        self.messages.append(message)
        return f"mailbox:{message.ticket.id}"


class Mortal:
    """A timetable whose jobs end with the engine that added them."""

    def __init__(self, schedule: VirtualSchedule) -> None:
        self._schedule = schedule
        self.alive = True

    def every(self, seconds: float, name: str, job: Job) -> None:
        async def while_alive(now: float) -> None:
            if self.alive:
                await job(now)

        self._schedule.every(seconds, name, while_alive)


@dataclasses.dataclass
class Ground:
    """What outlives an engine."""

    clock: ManualClock
    schedule: VirtualSchedule
    meter: CountingMeter
    store: Store
    log: RequestLog
    mailbox: Mailbox


class Engine:
    """One life of perfd over the ground."""

    def __init__(self, config: Config, ground: Ground, seed: int, sampler: Sampler) -> None:
        self._ground = ground
        self._mortal: Mortal = Mortal(ground.schedule)
        timetable: Timetable = self._mortal
        around = Surroundings(
            ground.clock,
            timetable,
            ground.meter,
            random.Random(seed),
            ground.store,
            ground.log,
        )
        self.collecting = Collecting(config, around)
        self.collecting.watch(sampler)
        self.judging = Judging(
            config, around, trackers=[ground.mailbox], base_url="http://perfd:4040"
        )
        self.judging.component.load()
        timetable.every(DELIVERY, "deliver", self._deliver)

    async def open(self) -> None:
        """Replay, and take telemetry from then on."""
        await self.collecting.open()

    def kill(self) -> None:
        """Gone at once: what is not in the store or the log is lost."""
        self._mortal.alive = False
        self.collecting.intake.open = False

    async def receive(self, signal: Signal, body: bytes, media: str = PROTOBUF) -> None:
        """A body at the door, through the real decoder. Raises what a receiver would answer."""
        now = self._ground.clock.now()
        delivery = self.collecting.decoder.decode(signal, media, "", body, now)
        await self.collecting.intake.accept(delivery)

    async def _deliver(self, _now: float) -> None:
        await self.judging.component.deliver_due()
