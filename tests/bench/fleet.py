"""Simulated agents: the real forward job over a store in memory, posting to a real centre."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator

from perfd.clock import SystemClock
from perfd.errors import DeliveryError
from perfd.forward.body import unwrap
from perfd.forward.settings import ForwardSettings
from perfd.forward.wire import decode
from perfd.jobs.carrier import HttpCarrier
from perfd.jobs.forward import ForwardJob
from perfd.model.agent import Agent
from perfd.model.batch import Batch
from perfd.model.histogram import Histogram
from perfd.model.partial import Receipt
from perfd.model.profile import CPU_PROFILE, PROFILE, Function, ProfileWindow, Symbols, Weight
from perfd.model.series import CPU_TIME, INSTANCE_REQUESTS, MEMORY, REQUESTS, Series
from perfd.model.window import Gauge, Window
from perfd.store.memory import MemoryStore
from perfd.store.settings import StoreSettings
from tests.fakes import CountingMeter

OPERATIONS, GAUGES, STACKS, DEPTH = 10, 8, 80, 20
PER_FLUSH = 40  # requests of one operation
FLUSH, INTERVAL = 20.0, 15.0  # seconds, as shipped
SERVICES = 20
LOST = 0.05  # of the answers
FOUR_GIB = 1 << 32


class Doubtful:
    """The real carrier; one agent in ten sends everything twice, and some answers are lost."""

    def __init__(self, url: str, twice: bool, chance: random.Random) -> None:
        self._carrier = HttpCarrier(ForwardSettings(url=url), str)
        self._twice, self._chance = twice, chance
        self.bodies = self.bytes = self.requests = 0

    async def post(self, body: bytes) -> Receipt:
        """Deliver, and count what a centre that adds up would have counted."""
        for _ in range(2 if self._twice else 1):
            receipt = await self._carrier.post(body)
            self.bodies += 1
            self.bytes += len(body)
            self.requests += requests_in(body)
        if self._chance.random() < LOST:
            raise DeliveryError("the answer was lost", retryable=True)
        return receipt

    async def close(self) -> None:
        """Release the connection."""
        await self._carrier.close()


class OneAgent:
    """An instance with its agent; `sent` requests were given to it."""

    def __init__(self, number: int, url: str) -> None:
        chance = random.Random(number)
        clock, meter = SystemClock(), CountingMeter()
        self._chance, self._clock = chance, clock
        self._store = MemoryStore(
            StoreSettings(), pace=1.0, meter=meter, writer=chance.getrandbits(62)
        )
        self.carrier = Doubtful(url, number % 10 == 0, chance)
        self._flushed = clock.now()
        self._labels = {"service": f"shop-{number % SERVICES}", "version": "1.0.0"}
        self._labels["environment"] = "prod"
        self._instance = f"pod-{number}"
        self._symbols, self._leaves = stacks(random.Random(number % SERVICES))
        self.sent = 0
        agent = Agent(0, self._instance, "bench", clock.now())
        self.job = ForwardJob(
            self._store,
            self.carrier,
            ForwardSettings(url=url),
            agent,
            pace=1.0,
            flushed=lambda: self._flushed,
            clock=clock,
            random=chance,
            meter=meter,
        )

    async def live(self, until: float) -> None:
        """Flush and forward at their own pace, and say goodbye."""
        await asyncio.sleep(self._chance.random() * INTERVAL)
        due = 0.0
        while (now := self._clock.now()) < until:
            if now >= due:
                self._store.append(Batch(tuple(self._windows(now)), tuple(self._gauges(now)),
                                         (self._profile(now),), self._symbols))  # fmt: skip
                self._flushed, due = now, now + FLUSH
            await self.job.run(now)
            await asyncio.sleep(INTERVAL)
        while not await self.job.drain(60.0):  # noqa: ASYNC110 - each turn is a request
            await asyncio.sleep(self._chance.random() * INTERVAL)
        await self.carrier.close()

    def _windows(self, now: float) -> Iterator[Window]:
        base = now // 10 * 10
        for number in range(OPERATIONS):
            of = Series.of(
                REQUESTS, **self._labels, operation=f"GET /{number}", status="2xx", phase="steady"
            )
            values = [self._chance.lognormvariate(-4, 0.5) for _ in range(PER_FLUSH)]
            self.sent += PER_FLUSH
            yield Window(of, base, 10.0, PER_FLUSH, 0, Histogram.of(values))
        of = Series.of(INSTANCE_REQUESTS, **self._labels, instance=self._instance, phase="steady")
        every = [self._chance.lognormvariate(-4, 0.5) for _ in range(PER_FLUSH * OPERATIONS)]
        yield Window(of, base, 10.0, len(every), 0, Histogram.of(every))

    def _gauges(self, now: float) -> Iterator[Gauge]:
        base = now // 10 * 10
        for name in (CPU_TIME, MEMORY):
            of = Series.of(name, **self._labels, instance=self._instance, phase="steady")
            yield Gauge.single(of, base, 10.0, self._chance.random())
        for number in range(GAUGES):
            of = Series.of(f"container.{number}", container=self._instance)
            yield Gauge.single(of, base, 10.0, self._chance.random())

    def _profile(self, now: float) -> ProfileWindow:
        of = Series.of(PROFILE, **self._labels, type=CPU_PROFILE, phase="steady")
        weights = {
            leaf: Weight(10_000_000 * self._chance.randint(1, 9), 1) for leaf in self._leaves
        }
        return ProfileWindow(of, now // 10 * 10, 10.0, "nanoseconds", weights, 20.0, 2)


class Fleet:
    """So many agents of one centre."""

    def __init__(self, count: int, address: str) -> None:
        self._agents = [OneAgent(number, f"http://{address}") for number in range(count)]

    async def live(self, seconds: float) -> None:
        """All of them, for so long."""
        until = SystemClock().now() + seconds
        await asyncio.gather(*(agent.live(until) for agent in self._agents))

    @property
    def sent(self) -> int:
        """Requests that the agents were given."""
        return sum(agent.sent for agent in self._agents)

    @property
    def added_up(self) -> int:
        """Requests in all bodies that were taken, repeated ones again."""
        return sum(agent.carrier.requests for agent in self._agents)

    @property
    def traffic(self) -> tuple[int, int]:
        """Bodies and bytes."""
        carriers = [agent.carrier for agent in self._agents]
        return sum(c.bodies for c in carriers), sum(c.bytes for c in carriers)


def requests_in(body: bytes) -> int:
    """Requests by operation in a body."""
    rows = (p.item for p in decode(unwrap(body, FOUR_GIB)).partials)
    return sum(r.count for r in rows if isinstance(r, Window) and r.series.name == REQUESTS)


def stacks(chance: random.Random) -> tuple[Symbols, list[int]]:
    """The stacks of one program."""
    functions = [Function(f"function_{n}", f"module_{n % 40}.py", n) for n in range(300)]
    symbols = Symbols()
    leaves = [symbols.intern(tuple(chance.choices(functions, k=DEPTH))) for _ in range(STACKS)]
    return symbols, leaves
