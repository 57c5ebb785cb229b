"""A service with traffic, deploys, and time that is advanced: minutes into a real store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from perfd.detect.settings import DetectSettings
from perfd.jobs.detect import DetectJob
from perfd.model.batch import BUDGET, DEPLOY, JUDGEMENT, Batch, Document
from perfd.model.budget import Budget
from perfd.model.deploy import Deploy
from perfd.model.evidence import Found
from perfd.model.finding import Finding
from perfd.model.histogram import Histogram
from perfd.model.judgement import Judgement
from perfd.model.series import (
    CPU_SHARE,
    CPU_TIME,
    CPU_WAIT,
    HOST_CPU,
    HOST_STEAL,
    INSTANCE_REQUESTS,
    REQUESTS,
    STEADY,
    WARMUP,
    Series,
)
from perfd.model.times import LATENESS
from perfd.model.window import Gauge, Window
from perfd.store.memory import MemoryStore
from perfd.store.settings import StoreSettings
from perfd.tickets.codec import decode, document
from tests.fakes import CountingMeter

START = 1_700_000_040.0  # on a minute
CORES = 2  # of a host


@dataclass
class Version:
    """How one version of an operation behaves; latency in seconds, `rate` requests a minute."""

    name: str
    rate: float = 45.0
    latency: float = 0.02
    spread: float = 0.5
    errors: float = 0.0
    operation: str = "POST /quote"
    service: str = "pricing"
    instance: str = ""
    cpu: float = 0.6  # of the latency
    phase: str = STEADY
    status: str = "ok"
    host: str = ""  # "" where nobody samples it
    waits: float | None = None  # for a core, of the latency; None where the kernel does not say


@dataclass
class World:
    """Writes windows minute by minute, and runs the detection job after each."""

    pace: float = 1.0
    seed: int = 7
    settings: DetectSettings = field(default_factory=DetectSettings)

    def __post_init__(self) -> None:
        self.meter = CountingMeter()
        self.store = MemoryStore(StoreSettings(), pace=self.pace, meter=self.meter)
        self.rng = np.random.default_rng(self.seed)
        self.width = 60.0 / self.pace
        self.minute = 0
        self.findings: dict[str, Finding] = {}
        self.found: list[Found] = []
        self.restart()

    def restart(self) -> None:
        """A new process over the same store."""
        self.job = DetectJob(self.store, self._record, self.settings, self.pace, self.meter)

    @property
    def now(self) -> float:
        return START + self.minute * self.width

    def run(
        self,
        minutes: int,
        *versions: Version,
        detect: bool = True,
        others: Mapping[str, float] | None = None,
        stolen: Mapping[str, float] | None = None,
    ) -> None:
        """Let these versions serve for some minutes.

        `others` is by host the share of its cores that is used beside these versions, `stolen` the
        share of the time that its hypervisor gave away.
        """
        for _ in range(minutes):
            batch = [part for version in versions for part in self._minute(version)]
            batch += self._hosts(batch, others or {})
            for host, share in (stolen or {}).items():
                series = Series.of(HOST_STEAL, host=host)
                batch.append(Gauge.single(series, self.now, self.width, share))
            windows = tuple(p for p in batch if isinstance(p, Window))
            gauges = tuple(p for p in batch if isinstance(p, Gauge))
            self.store.append(Batch(windows, gauges))
            self.minute += 1
            if detect:
                self.look()

    def look(self) -> None:
        """Run the job as late as telemetry may be."""
        self.job.run(self.now + LATENESS)

    def announce(self, deploy: Deploy) -> None:
        self.store.put([document(deploy, deploy.id, self.store.next_revision(), deploy.at)])

    @property
    def deploys(self) -> list[Deploy]:
        return [decode(Deploy, d.body) for d in self.store.documents(DEPLOY)]

    @property
    def judgements(self) -> list[Judgement]:
        return [decode(Judgement, d.body) for d in self.store.documents(JUDGEMENT)]

    @property
    def budgets(self) -> list[Budget]:
        return [decode(Budget, d.body) for d in self.store.documents(BUDGET)]

    @property
    def opened(self) -> list[Finding]:
        return [f for f in self.findings.values() if f.opened]

    def _record(self, found: Iterable[Found], deploys: Iterable[Deploy], now: float) -> None:
        self.found += found
        self.findings |= {f.finding.id: f.finding for f in found}
        documents: list[Document] = [
            document(d, d.id, self.store.next_revision(), d.at) for d in deploys
        ]
        self.store.put(documents)

    def _minute(self, version: Version) -> list[Window | Gauge]:
        n = int(self.rng.poisson(version.rate))
        if n == 0:
            return []
        latencies = np.exp(self.rng.normal(np.log(version.latency), version.spread, n))
        failed = int(self.rng.binomial(n, version.errors))
        held = Histogram.of(latencies.tolist())
        place = {"service": version.service, "version": version.name, "environment": "test"}
        instance = version.instance or f"{version.name}-1"
        red = Series.of(
            REQUESTS,
            **place,
            operation=version.operation,
            status=version.status,
            phase=version.phase,
        )
        per_instance = Series.of(INSTANCE_REQUESTS, **place, instance=instance, phase=version.phase)
        cpu = Series.of(CPU_TIME, **place, instance=instance, phase=version.phase)
        seconds = version.cpu * held.total
        seat = {**place, "instance": instance, "host": version.host}
        seated = [(CPU_SHARE, seconds / self.width / CORES)] if version.host else []
        if version.waits is not None:
            seated.append((CPU_WAIT, version.waits * held.total))
        return [
            *(Gauge.single(Series.of(n, **seat), self.now, self.width, v) for n, v in seated),
            Window(red, self.now, self.width, n, failed, held),
            Window(per_instance, self.now, self.width, n, failed, held),
            Gauge.single(cpu, self.now, self.width, seconds),
        ]

    def _hosts(
        self, batch: Iterable[Window | Gauge], others: Mapping[str, float]
    ) -> Iterator[Gauge]:
        shares = [p for p in batch if isinstance(p, Gauge) and p.series.name == CPU_SHARE]
        for host, beside in others.items():
            own = sum(g.total for g in shares if g.series.label["host"] == host)
            series = Series.of(HOST_CPU, host=host)
            yield Gauge.single(series, self.now, self.width, min(beside + own, 1.0))


__all__ = ["START", "WARMUP", "Version", "World"]
