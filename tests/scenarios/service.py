"""A service: what it serves, which builds of it run where, and how they are rolled out."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tests.scenarios.reporting import Reporting

if TYPE_CHECKING:
    from tests.scenarios.world import World

MINUTE = 60.0
Rate = float | Callable[[float], float]  # a number, or one for each time (seconds UTC)
PerOperation = float | Mapping[str, float]


@dataclass(frozen=True)
class Call:
    """A request to another service (or an uninstrumented `Database`) inside one of ours.

    `waits` is False for a message that nobody waits for; `fails` whether its errors become ours.
    """

    target: Service | Database
    operation: str
    times: int = 1
    waits: bool = True
    fails: bool = True


@dataclass
class Database:
    """Something that sends no telemetry: only its callers' client spans tell of it."""

    name: str
    latency: float = 0.003
    spread: float = 0.5
    system: str = "postgresql"


@dataclass
class Operation:
    """`latency` is the median of its own time in seconds, `spread` the sd of its logarithm.

    Own time is what the service spends itself; the time of what it calls comes on top, and `queue`
    times the own time waiting in line, which costs no CPU. A failing request takes `failure`
    seconds, or as long as any other. After `timeout` seconds a client goes away: the request ends
    there, has failed, and is sent once more. Everything may be changed while the world runs.
    """

    name: str = "POST /quote"
    rate: Rate = 2.0
    latency: float = 0.040
    spread: float = 0.5
    errors: Rate = 0.002
    calls: Sequence[Call] = ()
    queue: Rate = 0.0
    failure: float | None = None
    timeout: float | None = None

    def rate_at(self, at: float) -> float:
        """Requests per second that come from outside."""
        return _at(self.rate, at)

    def errors_at(self, at: float) -> float:
        """Share of requests that fail."""
        return _at(self.errors, at)

    def queue_at(self, at: float) -> float:
        """Time in line, in multiples of the own time."""
        return _at(self.queue, at)


@dataclass(frozen=True)
class Build:
    """One version of the program, against the operations as they are declared.

    `slower` is a factor on own time and `failing` an addend to the error rate, of all operations or
    by name; `cpu` is a factor on CPU seconds per request beyond that. With `image` the resource
    carries an image digest in place of a version.
    """

    version: str
    slower: PerOperation = 1.0
    failing: PerOperation = 0.0
    cpu: float = 1.0
    image: str = ""

    def slowness(self, operation: str) -> float:
        """The factor on an operation's own time."""
        return _of(self.slower, operation, 1.0)

    def faults(self, operation: str) -> float:
        """What is added to an operation's error rate."""
        return _of(self.failing, operation, 0.0)


@dataclass
class Instance:
    """A process. `weight` is its part of the traffic beside the others', `slower` its own fate.

    `starved` is what it takes longer because others have the cores: it spends no more CPU for that.
    """

    name: str
    host: str
    build: Build
    started: float
    restart: float = 0.0  # what this start of the program did to ln(latency)
    weight: float = 1.0
    slower: float = 1.0
    starved: float = 1.0
    skew: float = 0.0  # seconds that its host's clock is ahead
    cpu_seconds: float = 0.0
    served: int = 0


@dataclass
class Service:
    """Made by `world.service(...)`; the verbs below change who runs, now or over some minutes."""

    world: World
    name: str
    environment: str
    operations: list[Operation]
    hosts: Sequence[str]
    reporting: Reporting = field(default_factory=Reporting)
    cpu: float = 0.5  # of own time; 0 when it does not report CPU time
    # Samples per second by stack (root first) of a process, when it is profiled.
    profiled: Callable[[Instance], Mapping[tuple[str, ...], float]] | None = None

    def __post_init__(self) -> None:
        self.instances: list[Instance] = []
        self.builds: dict[str, Build] = {}
        self._numbers = itertools.count(1)
        self._versions: list[str] = []

    # --- reading ----------------------------------------------------------------------------------

    @property
    def version(self) -> str:
        """What was rolled out last."""
        return self._versions[-1]

    def operation(self, name: str) -> Operation:
        """One of its operations."""
        return next(o for o in self.operations if o.name == name)

    def weights(self) -> np.ndarray:
        """Part of the traffic of each instance."""
        weights = np.array([instance.weight for instance in self.instances])
        return np.asarray(weights / weights.sum())

    # --- rollouts ---------------------------------------------------------------------------------

    def start(self, version: str, instances: int, **changes: object) -> None:
        """Its first build."""
        build = self._build(version, changes)
        self.instances = [self._instance(build) for _ in range(instances)]

    def deploy(self, version: str, **changes: object) -> None:
        """All instances at this moment: blue/green, or recreate. `changes` as in Build."""
        build = self._build(version, changes)
        self.instances = [self._instance(build) for _ in self.instances]

    def roll(self, version: str, over: float = 5.0, **changes: object) -> None:
        """One instance after the other, evenly over so many minutes."""
        self._replace_each(self._build(version, changes), over)

    def rollback(self, over: float = 0.0) -> None:
        """Back to what ran before the last rollout."""
        self._replace_each(self._build(self._versions[-2], {}), over)

    def restart(self, over: float = 0.0) -> None:
        """New processes of the same build, under new names."""
        self._replace_each(self.instances[-1].build, over)

    def scale(self, instances: int) -> None:
        """More instances of the newest build, or fewer: the youngest go first."""
        del self.instances[instances:]
        build = self.builds[self.version]
        while len(self.instances) < instances:
            self.instances.append(self._instance(build))

    def canary(self, version: str, share: float = 0.05, **changes: object) -> None:
        """One more instance, of a new build, with a share of the traffic; the others go on."""
        instance = self._instance(self._build(version, changes))
        instance.weight = share / (1.0 - share) * sum(i.weight for i in self.instances)
        self.instances.append(instance)

    def withdraw(self) -> None:
        """The canary goes; what ran before it stays."""
        del self.instances[-1]
        self._versions.pop()

    def promote(self, over: float = 5.0) -> None:
        """The canary becomes an instance like the others, and they become of its build."""
        canary = self.instances.pop()
        canary.weight = 1.0
        self._replace_each(canary.build, over)

    # --- one by one -------------------------------------------------------------------------------

    def _replace_each(self, build: Build, over: float) -> None:
        step = over * MINUTE / max(len(self.instances), 1)
        for number, old in enumerate(list(self.instances)):
            self.world.after(number * step, lambda old=old: self._replace(old, build))

    def _replace(self, old: Instance, build: Build) -> None:
        if old in self.instances:  # a later rollout may have been faster
            self.instances[self.instances.index(old)] = self._instance(build, old)

    def _build(self, version: str, changes: Mapping[str, object]) -> Build:
        if version not in self.builds or changes:
            self.builds[version] = Build(version, **changes)  # type: ignore[arg-type]
        if not self._versions or self._versions[-1] != version:
            self._versions.append(version)
        return self.builds[version]

    def _instance(self, build: Build, old: Instance | None = None) -> Instance:
        number = next(self._numbers)
        host = old.host if old else self.hosts[number % len(self.hosts)]
        place = self.name if self.environment == "prod" else f"{self.name}-{self.environment}"
        instance = Instance(f"{place}-{number}", host, build, self.world.now)
        instance.restart = self.world.luck(self.world.weather.climate.restart_sd)
        if old:
            instance.skew = old.skew
        return instance


def _at(value: Rate, at: float) -> float:
    return value(at) if callable(value) else value


def _of(value: PerOperation, operation: str, otherwise: float) -> float:
    return value.get(operation, otherwise) if isinstance(value, Mapping) else float(value)
