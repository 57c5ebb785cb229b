"""Services whose windows go straight into the store, by the hour, and the scan that looks at them.

An hour holds 800 requests of each operation, log-normal around a median that wanders (AR(1), 1 %);
`slower` is what the test changes. A world like this is days in seconds, which live telemetry is not
(two seconds of CPU an hour); `World` shows that the daemon runs the same jobs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from perfd.detect.settings import DetectSettings
from perfd.interfaces import Store
from perfd.jobs.detect import DetectJob
from perfd.jobs.follow import Follower
from perfd.jobs.scan import ScanJob
from perfd.jobs.verify import VerifyJob
from perfd.model.batch import FINDING, Batch
from perfd.model.deploy import Deploy
from perfd.model.finding import Finding
from perfd.model.series import CPU_TIME, INSTANCE_REQUESTS, LINKS, MEMORY, REQUESTS, STEADY, Series
from perfd.model.ticket import Ticket
from perfd.model.window import Gauge, Window
from perfd.store.memory import MemoryStore
from perfd.store.settings import StoreSettings
from perfd.tickets.codec import decode
from perfd.tickets.settings import TicketSettings
from tests.fakes import CountingMeter
from tests.scenarios.history import histogram

HOUR, DAY = 3600.0, 86_400.0
MONDAY = 1_700_438_400.0  # 2023-11-20 00:00 UTC


@dataclass
class Shop:
    """One service; `slower` by operation and `failing` may be changed between two runs."""

    name: str
    operations: tuple[str, ...] = ("GET /quote", "POST /order")
    requests: int = 800  # an hour, of each operation
    version: str = "1.0.0"
    slower: dict[str, float] = field(default_factory=dict)
    failing: dict[str, float] = field(default_factory=dict)
    cpu: float = 0.5  # seconds of it for each second of latency
    shape: Callable[[float], float] = lambda _: 1.0
    born: float = 0.0
    level: float = 0.0
    memory: float = 2e8  # bytes of each instance


class ScanWorld:
    """Time is advanced by `run`; every hour the jobs look."""

    def __init__(
        self,
        *shops: Shop,
        seed: int,
        history: float = 8.0 * DAY,
        parts: int = 1,  # windows of an hour; deploys are judged by more
        store: Store | None = None,
        **detect: object,
    ) -> None:
        self.meter = CountingMeter()
        self.store = store or MemoryStore(StoreSettings(), pace=1.0, meter=self.meter)
        self.settings = DetectSettings(**detect)  # type: ignore[arg-type]
        self.shops = list(shops)
        self.now, self._parts = MONDAY, parts
        self._rng = np.random.default_rng(seed)
        self.begin()
        hours = round(history / HOUR)
        self.now -= hours * HOUR
        for _ in range(hours):
            self._hour()

    def begin(self) -> None:
        """A life of perfd begins over the store as it is."""
        self.follower = Follower(
            self.store, TicketSettings(), pace=1.0, base_url="http://perfd", meter=self.meter
        )
        self.detect = DetectJob(self.store, self.follower.record, self.settings, 1.0, self.meter)
        self.job = ScanJob(
            self.store,
            self.follower,
            self.settings,
            1.0,
            self.meter,
            self.detect.budgets,
        )
        self.verify = VerifyJob(self.store, self.follower, pace=1.0)

    def run(self, hours: int, *, silent: bool = False) -> None:
        """Hours of traffic and of perfd's jobs; `silent` is an hour in which perfd is down."""
        for _ in range(hours):
            if silent:
                self.now += HOUR
                continue
            self._hour()
            self.look()

    def look(self) -> None:
        """What the jobs do a minute after the hour."""
        at = self.now + 60.0
        if self._parts > 1:
            self.detect.run(at)
        self.job.run(at)
        self.verify.run(at)
        self.follower.tick(at)

    def deploy(self, shop: Shop, version: str) -> Deploy:
        """Another version from now on."""
        told = Deploy(shop.name, "prod", version, shop.version, self.now)
        shop.version = version
        self.follower.record([], [told], self.now)
        return told

    def link(self, caller: Shop, callee: Shop) -> None:
        """The caller was seen calling the callee."""
        place = {"service": caller.name, "environment": "prod"}
        series = Series.of(LINKS, **place, peer=callee.name, callee=callee.name)
        self.store.append(Batch((Window(series, self.now, 60.0, 1, 0),)))

    def findings(self, service: str = "shop") -> list[Finding]:
        """All that is kept."""
        held = [decode(Finding, document.body) for document in self.store.documents(FINDING)]
        return [found for found in held if found.service == service]

    def tickets(self) -> list[Ticket]:
        """All tickets."""
        return list(self.follower.tickets())

    @property
    def told(self) -> list[str]:
        """For failed asserts."""
        return [
            f"{f.operation} {f.metric} {f.status} {f.opened}: {f.reason}"
            for shop in self.shops
            for f in self.findings(shop.name)
        ]

    def _hour(self) -> None:
        for shop in self.shops:
            shop.level = 0.6 * shop.level + float(self._rng.normal(0.0, 0.008))
            if self.now >= shop.born:
                for part in range(self._parts):
                    self._part(shop, self.now + part * HOUR / self._parts)
        self.now += HOUR

    def _part(self, shop: Shop, at: float) -> None:
        place = {"service": shop.name, "version": shop.version, "environment": "prod"}
        windows: list[Window] = []
        spent = 0.0
        for operation in shop.operations:
            values = self._values(shop, operation, at)
            spent += shop.cpu * float(values.sum())
            failed = int(self._rng.binomial(len(values), shop.failing.get(operation, 0.002)))
            for status, chosen in (("5xx", values[:failed]), ("2xx", values[failed:])):
                if len(chosen):
                    labels = {**place, "operation": operation, "status": status, "phase": STEADY}
                    errors = len(chosen) if status == "5xx" else 0
                    windows.append(_window(REQUESTS, labels, at, chosen, errors))
            for number in range(2):
                labels = {**place, "instance": f"pod-{number}", "phase": STEADY}
                windows.append(_window(INSTANCE_REQUESTS, labels, at, values[number::2], 0))
        cpu = Series.of(CPU_TIME, **place, instance="pod-0", phase=STEADY)
        used = shop.memory * float(np.exp(self._rng.normal(0.0, 0.01)))
        memory = Series.of(MEMORY, **place, instance="pod-0")
        gauges = Gauge.single(cpu, at, 60.0, spent), Gauge.single(memory, at, 60.0, used)
        self.store.append(Batch(tuple(windows), gauges))

    def _values(self, shop: Shop, operation: str, at: float) -> np.ndarray:
        middle = 0.04 * shop.slower.get(operation, 1.0) * shop.shape(at) * np.exp(shop.level)
        count = int(self._rng.poisson(shop.requests / self._parts * shop.shape(at)))
        return np.asarray(middle * np.exp(self._rng.normal(0.0, 0.4, count)))


def _window(
    name: str, labels: dict[str, str], at: float, values: np.ndarray, errors: int
) -> Window:
    return Window(Series.of(name, **labels), at, 60.0, len(values), errors, histogram(values))
