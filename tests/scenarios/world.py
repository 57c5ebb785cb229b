"""The scenario language: services with traffic, rollouts, and time that is advanced.

A scenario is a plain test function that takes nothing, in `tests/scenarios/test_<group>.py`; the
first line of its docstring is the outcome one would want, and lands in `docs/scenarios.md` (written
by `UPDATE_DOCS=1 .venv/bin/pytest tests/test_docs.py`). It runs the whole daemon, from OTLP bodies
to tickets, in virtual time, over a store in memory, from one seed::

    def test_a_rolling_deploy_that_is_slower() -> None:
        '''A slower build that rolls out over minutes: one ticket, on it.'''
        world = World(seed=1)
        pricing = world.service("pricing")            # 3 instances of 1.0.0, a day of history
        world.run(minutes=5)                          # live now: bodies through the decoder
        pricing.roll("1.1.0", over=5, slower=1.5)     # or deploy, canary, promote, rollback, …
        world.run(minutes=45)
        assert world.ticket_for("pricing").suspects[0].version == "1.1.0"

**Time.** `run(minutes=…, hours=…)` advances it in steps of ten seconds. `after(seconds, do)` calls
`do()` later. A rollout `over` minutes happens while the world runs. History (`World(history=…)`,
seconds; 0 for none) is written at the first `run` for the services that exist by then, straight
into the store from the same latency model; after it all telemetry is sent.

**Services.** `world.service(name, Operation(…), …, version=, instances=, hosts=, environment=)`.
An `Operation` has a name, a rate (requests per second, or a function of time), a median latency of
its own time, a spread, an error rate, and `calls=[Call(other_service, "GET /x")]`, which are served
by that service and appear as client and server spans of one trace; a `Database` is a callee
without telemetry. Everything is plain data that may be changed between two runs. A `Build` says
what is different in a version: `slower=` and `failing=` (a number, or by operation), `cpu=`,
`image=`. An `Instance` has a `host`, `weight` (part of the traffic), `slower`, `skew`.

**Telemetry.** `service.reporting` (see reporting.py): sampled share and trace state, tail sampler,
metrics beside or in place of spans, without a version or an instance label, late, duplicated.
`service.profiled = lambda _: {("main", "quote"): 20.0}` pushes pprof, samples per second by
stack; `world.host("node-1").gauges[...] = …` are resources of a host (`.others = 0.7` keeps it busy
with something else, `instance.starved = 1.4` is what that does to a process);
`world.send(signal, body)` delivers any body at once.

**perfd.** `announce(service, version)` is POST /api/v1/deploys; `kill()` and `start()` are a crash
and the next life over the same store and log; `config` is the whole configuration (`World(detect=
{...})` sets sections, `pace` too).

**Reading.** `tickets(service=, state=)`, `ticket_for(service)` (exactly one, or the test fails),
`findings(…)`, `judgements(service)`, `deploys(service)`, `messages`, `meter`, `store`.

Cost: about 40 µs a span and 0.1 s per operation for a day of history. A service with two requests
per second, a day of history and fifty minutes live take 0.8 s of CPU; mark scenarios above 1.5 s
`slow`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

import msgspec
import numpy as np

from perfd.clock import ManualClock
from perfd.config import Config
from perfd.interfaces import Message, Signal
from perfd.model.batch import DEPLOY, FINDING, JUDGEMENT
from perfd.model.deploy import Deploy
from perfd.model.finding import Finding
from perfd.model.judgement import Judgement
from perfd.model.ticket import Ticket
from perfd.schedule import VirtualSchedule
from perfd.store.memory import MemoryStore
from perfd.store.memory_log import MemoryLog
from perfd.tickets.codec import decode
from tests.fakes import CountingMeter
from tests.scenarios import profiles
from tests.scenarios.bodies import PROTOBUF
from tests.scenarios.engine import Engine, Ground, Mailbox
from tests.scenarios.history import past
from tests.scenarios.machines import Host, Machines
from tests.scenarios.measurements import MetricSink
from tests.scenarios.reporting import Reporting
from tests.scenarios.service import Build, Call, Database, Instance, Operation, Service
from tests.scenarios.spans import SpanSink
from tests.scenarios.traffic import Called, Served, Traffic
from tests.scenarios.weather import Climate, Weather

__all__ = [
    "DAY", "HOUR", "MINUTE", "WEEK", "Build", "Call", "Climate", "Database", "Instance",
    "Operation", "Reporting", "Service", "World",
]  # fmt: skip

MINUTE, HOUR, DAY, WEEK = 60.0, 3600.0, 86_400.0, 604_800.0
START = 1_700_006_400.0  # 2023-11-15 00:00 UTC, a Wednesday
STEP = 10.0  # seconds between two exports of spans, divided by pace
EXPORT = 60.0  # seconds between two exports of metrics, divided by pace

T = TypeVar("T")


class World:
    """See above. Seconds UTC; `pace` divides what the daemon divides."""

    def __init__(
        self,
        *,
        seed: int,
        pace: float = 1.0,
        history: float = DAY,
        climate: Climate | None = None,
        **sections: Any,
    ) -> None:
        self.pace, self.seed = pace, seed
        # The self-test costs CPU and changes nothing; a scenario about it says how much of it.
        sections["detect"] = {"self_test": 0, **sections.get("detect", {})}
        self.config = msgspec.convert({"pace": pace, **sections}, Config)
        self._history = history
        self._rng = np.random.default_rng(seed)
        self.weather = Weather(climate or Climate(), START - history, self._rng.spawn(1)[0])
        self._traffic = Traffic(self.weather, self._rng)
        self.services: dict[str, Service] = {}
        self._spans, self._metrics = SpanSink(), MetricSink()
        self._machines = Machines(self.services.values)
        clock, self.meter = ManualClock(START), CountingMeter()
        store = MemoryStore(self.config.store, pace=pace, meter=self.meter)
        self._ground = Ground(
            clock, VirtualSchedule(clock), self.meter, store, MemoryLog(), Mailbox()
        )
        self.store = store
        schedule = self._ground.schedule
        schedule.every(STEP / pace, "traffic", self._step)
        schedule.every(EXPORT / pace, "metrics", self._export)
        self.engine: Engine | None = None

    # --- the world --------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """The time."""
        return self._ground.clock.now()

    def service(
        self,
        name: str,
        *operations: Operation,
        version: str = "1.0.0",
        instances: int = 3,
        environment: str = "prod",
        hosts: Sequence[str] = ("node-1", "node-2", "node-3"),
        reporting: Reporting | None = None,
        cpu: float = 0.5,
        **build: Any,
    ) -> Service:
        """A service that has traffic from now on; `build` as in Build."""
        service = Service(
            self,
            name,
            environment,
            list(operations) or [Operation()],
            hosts,
            reporting or Reporting(),
            cpu,
        )
        service.start(version, instances, **build)
        self.services[name if name not in self.services else f"{name} in {environment}"] = service
        return service

    def host(self, name: str) -> Host:
        """A host whose gauges are sampled from now on."""
        return self._machines.hosts.setdefault(name, Host(name))

    def luck(self, sd: float) -> float:
        """A draw from a normal distribution around 0."""
        return float(self._rng.normal(0.0, sd))

    # --- time -------------------------------------------------------------------------------------

    def run(self, *, minutes: float = 0.0, hours: float = 0.0) -> None:
        """Let everybody work for so long (divided by pace)."""
        if self.engine is None:
            self._begin()
        end = self.now + (minutes * MINUTE + hours * HOUR) / self.pace
        asyncio.run(self._ground.schedule.run_until(end))

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        """Do something later (divided by pace), or at once when that is now."""
        if seconds <= 0.0:
            do()
            return

        async def job(_now: float) -> None:
            do()

        self._ground.schedule.at(self.now + seconds / self.pace, job)

    # --- perfd ------------------------------------------------------------------------------------

    def start(self) -> None:
        """The next life of perfd over the same store and log."""
        self.engine = Engine(self.config, self._ground, self.seed, self._machines)
        asyncio.run(self.engine.open())

    def kill(self) -> None:
        """perfd is gone at once; what services send meanwhile finds nobody and is lost."""
        assert self.engine is not None
        self.engine.kill()

    def announce(
        self, service: Service, version: str, *, at: float | None = None, message: str = ""
    ) -> Deploy:
        """POST /api/v1/deploys, now; `at` is the time that the announcement names."""
        if self.engine is None:
            self._begin()
        assert self.engine is not None
        time = self.now if at is None else at
        deploy = Deploy(
            service.name, service.environment, version, "", time, "announced", message=message
        )
        return self._wait(self.engine.judging.desk.deploy(deploy))

    def send(self, signal: Signal, body: bytes, media: str = PROTOBUF) -> None:
        """Any body at the door, at once."""
        assert self.engine is not None
        self._wait(self.engine.receive(signal, body, media))

    # --- reading ----------------------------------------------------------------------------------

    def tickets(self, service: str = "", state: str = "") -> list[Ticket]:
        """Tickets, of a service, in a state."""
        assert self.engine is not None
        return [
            t
            for t in self.engine.judging.follower.tickets()
            if service in ("", t.service) and state in ("", t.state)
        ]

    def ticket_for(self, service: str) -> Ticket:
        """The only ticket of a service; fails where there is none, or another."""
        found = self.tickets(service)
        told = [(t.operation, t.metric, str(t.state)) for t in found]
        assert len(found) == 1, f"{service}: {told or self.reasons(service)}"
        return found[0]

    def findings(self, service: str = "") -> list[Finding]:
        """Findings, opened or not, oldest first."""
        return [f for f in self._documents(FINDING, Finding) if service in ("", f.service)]

    def judgements(self, service: str = "") -> list[Judgement]:
        """How far the judging of each deploy is, oldest first."""
        return [j for j in self._documents(JUDGEMENT, Judgement) if service in ("", j.service)]

    def deploys(self, service: str = "") -> list[Deploy]:
        """Deploys that perfd knows, oldest first."""
        return [d for d in self._documents(DEPLOY, Deploy) if service in ("", d.service)]

    def reasons(self, service: str = "") -> list[str]:
        """What perfd says of a service's deploys and findings: for failed asserts."""
        told = [f"{j.version}: {j.state}: {j.reason}" for j in self.judgements(service)]
        return told + [f"{f.operation} {f.metric}: {f.reason}" for f in self.findings(service)]

    @property
    def messages(self) -> list[Message]:
        """What trackers were told."""
        return self._ground.mailbox.messages

    # --- inside -----------------------------------------------------------------------------------

    def _begin(self) -> None:
        services = list(self.services.values())
        if self._history:
            began = self.now - self._history
            for instance in (i for s in services for i in s.instances):
                instance.started = began - HOUR
            for batch in past(self._traffic, services, self.now, self._history, self.pace):
                self.store.append(batch)
        self.start()

    async def _step(self, now: float) -> None:
        seconds = STEP / self.pace
        for service in self.services.values():
            self._traffic.send(service, now - seconds, seconds, _Both(self._spans, self._metrics))
        for service, body, _ in self._spans.take():
            self._post(service, "traces", body)

    async def _export(self, now: float) -> None:
        for service, body, _ in self._metrics.take(list(self.services.values()), now - 0.001):
            self._post(service, "metrics", body)
        for service in self.services.values():
            self._profile(service, now)

    def _profile(self, service: Service, now: float) -> None:
        seconds = EXPORT / self.pace
        for instance in service.instances if service.profiled else ():
            assert service.profiled is not None
            rates = service.profiled(instance).items()
            samples = {stack: int(self._rng.poisson(rate * seconds)) for stack, rate in rates}
            body = profiles.profile(service, instance, samples, now, seconds)
            self._post(service, "profiles", body, profiles.MEDIA)

    def _post(self, service: Service, signal: Signal, body: bytes, media: str = PROTOBUF) -> None:
        """On its way: arrives after the service's delay, perhaps once more, perhaps never."""
        delay = service.reporting.delay
        if service.reporting.lost and self._rng.random() < service.reporting.lost:
            return

        async def arrive(_now: float) -> None:
            if self.engine is not None and self.engine.collecting.intake.open:
                await self.engine.receive(signal, body, media)

        self._ground.schedule.at(self.now + delay, arrive)
        if service.reporting.duplicated and self._rng.random() < service.reporting.duplicated:
            self._ground.schedule.at(self.now + 2.0 * delay, arrive)

    def _documents(self, kind: str, type_: type[T]) -> list[T]:
        return [decode(type_, held.body) for held in self.store.documents(kind)]

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run(work)


class _Both:
    """Requests become spans and metrics."""

    def __init__(self, spans: SpanSink, metrics: MetricSink) -> None:
        self._sinks = spans, metrics

    def served(self, served: Served) -> None:
        for sink in self._sinks:
            sink.served(served)

    def called(self, called: Called) -> None:
        for sink in self._sinks:
            sink.called(called)
