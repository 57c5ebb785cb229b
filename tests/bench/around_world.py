"""A service around a change that a scan found: what happened is known, what it looks like is drawn.

Windows of an hour, by operation, status class and (all operations together) instance, of the week
before the change and of some hours after it. Sizes and rows are in around.toml.
"""

from __future__ import annotations

import math
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from perfd.detect import measures
from perfd.detect.around.case import Change, ScanCase
from perfd.detect.host_readings import HostReadings
from perfd.detect.scan.table import LEVEL, Subject
from perfd.detect.settings import DetectSettings
from perfd.model.histogram import Histogram
from perfd.model.series import CPU_SHARE, INSTANCE_REQUESTS, REQUESTS, STEADY, Series
from perfd.model.window import Gauge, Window
from tests.bench.requests import Array, Mode, draw

CORPUS: dict[str, Any] = tomllib.loads((Path(__file__).parent / "around.toml").read_text())
SERVICE = CORPUS["service"]
HOUR = 3600.0
CHANGED = 1_700_006_400.0  # 2023-11-15 00:00 UTC
WEEK = 168
PLACE = {"service": "shop", "environment": "test"}
LAW = (Mode(1.0, 0.0, SERVICE["spread"]),)


@dataclass
class Part:
    """Requests an hour, and their ln(latency), of one operation, status class and instance."""

    operation: int
    status: str
    instance: int
    rate: Array
    level: Array


def simulate(row: dict[str, Any], seed: int) -> ScanCase:
    """One change; everything follows from the seed."""
    return _Service(row, np.random.default_rng(seed)).case()


class _Service:
    """Hours are counted from the change."""

    def __init__(self, row: dict[str, Any], rng: np.random.Generator) -> None:
        self._row, self._rng = row, rng
        self._after = int(rng.integers(SERVICE["after"][0], SERVICE["after"][1] + 1))
        weeks = 2 if row["kind"] == "week" else 1
        self._hours = np.arange(-weeks * WEEK, self._after)
        self._since = self._hours >= 0
        self._instances = int(rng.integers(SERVICE["instances"][0], SERVICE["instances"][1] + 1))
        self._size, self._beside = self._draw_size(), self._draw_size()
        self._crawling = rng.uniform(*SERVICE["crawler"])

    def case(self) -> ScanCase:
        parts = list(self._parts())
        requests, instances = self._windows(parts)
        subject = self._row["subject"]
        operation = f"GET /{subject}" if subject >= 0 else ""
        series = Series.of(REQUESTS, **PLACE, operation=operation)
        about = Subject("shop", "test", operation, measures.LATENCY_MEAN, "s", series, LEVEL)
        after = CHANGED, CHANGED + self._after * HOUR
        shift = _as_scanned(requests, operation)
        change = Change(about, CHANGED, (CHANGED, CHANGED), shift, after[1])
        earlier = tuple(w for w in requests if w.start < after[1] - WEEK * HOUR)
        return ScanCase(
            change,
            DetectSettings(),
            1.0,
            HOUR,
            (CHANGED - WEEK * HOUR, CHANGED),
            after,
            requests=tuple(w for w in requests if w.start >= CHANGED - WEEK * HOUR),
            instances=tuple(w for w in instances if w.start >= CHANGED - WEEK * HOUR),
            hosts=HostReadings(self._hosts()),
            earlier={7.0: earlier},
        )

    def _draw_size(self) -> float:
        """ln(1 + size), the size log-uniform."""
        low, high = SERVICE["size"]
        return math.log1p(math.exp(self._rng.uniform(math.log(low), math.log(high))))

    # --- who asks for what, and how long it takes -------------------------------------------------

    def _parts(self) -> Iterator[Part]:
        kind, subject = self._row["kind"], self._row["subject"]
        rates, levels = self._happened(*self._usual())
        refused = [np.full(len(self._hours), SERVICE["refused"]) for _ in rates]
        if kind == "status":
            fewer = self._size / math.log(5.0)
            refused[subject] = np.clip(refused[subject] - fewer * self._since, 0.0, 1.0)
        own = self._rng.normal(0.0, SERVICE["instance_sd"], self._instances)
        for number, (rate, level) in enumerate(zip(rates, levels, strict=True)):
            for instance in range(self._instances):
                mine = level + own[instance] + self._bad(instance)
                share = rate / self._instances
                yield Part(number, "ok", instance, share * (1.0 - refused[number]), mine)
                fast = mine - math.log(5.0)
                yield Part(number, "4xx", instance, share * refused[number], fast)
                if kind in ("leaves", "comes") and number == subject:
                    yield self._crawler(number, instance, share, mine)

    def _happened(self, rates: list[Array], levels: list[Array]) -> tuple[list[Array], list[Array]]:
        """What the code did, and what else did."""
        kind, subject = self._row["kind"], self._row["subject"]
        if self._row.get("beside"):
            for number in range(len(rates)) if subject < 0 else [subject]:
                levels[number] = levels[number] + self._beside * self._since
        if kind == "operations":
            rates = self._mixed(rates)
        if kind == "load":
            rates, levels = self._loaded(rates, levels)
        if kind == "traffic":
            times = self._rng.uniform(*self._row["times"])
            rates = [rate * np.where(self._since, times, 1.0) for rate in rates]
        if kind == "week":
            custom = (self._hours % WEEK) < self._after
            levels[subject] = levels[subject] + self._size * custom
        return rates, levels

    def _usual(self) -> tuple[list[Array], list[Array]]:
        rng, hours = self._rng, self._hours
        effects = self._effects(len(SERVICE["operations"]))
        turn = 2.0 * math.pi * hours / 24.0
        rates, levels = [], []
        for number, rate in enumerate(SERVICE["operations"]):
            phase = rng.uniform(0.0, 2.0 * math.pi)
            rates.append(rate * (1.0 + SERVICE["day"] * np.sin(turn + phase)))
            daily = SERVICE["daily_latency"] * np.sin(turn + rng.uniform(0.0, 2.0 * math.pi))
            levels.append(math.log(SERVICE["latencies"][number]) + daily + effects[:, number])
        return rates, levels

    def _effects(self, operations: int) -> Array:
        """AR(1), half of the variance shared."""
        rho = SERVICE["correlation"]
        series = self._rng.standard_normal((len(self._hours), operations + 1))
        series[1:] *= math.sqrt(1.0 - rho * rho)
        for hour in range(1, len(series)):
            series[hour] += rho * series[hour - 1]
        return np.asarray(SERVICE["window_sd"] * (series[:, 1:] + series[:, :1]) / math.sqrt(2.0))

    def _mixed(self, rates: list[Array]) -> list[Array]:
        """More of the slowest operation in place of the others, until the mean is as asked."""
        logs = np.log(np.array(SERVICE["latencies"]))
        shares = np.array(SERVICE["operations"], dtype=float)
        shares /= shares.sum()
        slowest = int(logs.argmax())
        more = self._size / (logs[slowest] - float(shares @ logs))
        factors = np.full(len(shares), 1.0 - more)
        factors[slowest] += more / shares[slowest]
        return [r * np.where(self._since, f, 1.0) for r, f in zip(rates, factors, strict=True)]

    def _loaded(self, rates: list[Array], levels: list[Array]) -> tuple[list[Array], list[Array]]:
        """Requests queue for what is 40 % busy on average, and then more."""
        usual = SERVICE["utilisation"]
        times = (1.0 - (1.0 - usual) * math.exp(-self._size)) / usual
        rates = [rate * np.where(self._since, times, 1.0) for rate in rates]
        busy = usual * sum(rates) / sum(SERVICE["operations"])
        return rates, [level - np.log1p(-np.minimum(busy, 0.95)) for level in levels]

    def _bad(self, instance: int) -> Array:
        kind = self._row["kind"]
        few = {"instance": 1, "host": 2}.get(kind, 0)
        slower = self._size * self._instances / max(few, 1)
        return np.where(self._since & (instance < few), slower, 0.0)

    def _crawler(self, number: int, instance: int, share: Array, level: Array) -> Part:
        part = self._crawling / (1.0 - self._crawling)
        leaves = self._row["kind"] == "leaves"
        there = ~self._since if leaves else self._since
        times = SERVICE["crawler_cheap"] if leaves else SERVICE["crawler_dear"]
        return Part(number, "ok", instance, share * part * there, level + math.log(times))

    # --- windows ----------------------------------------------------------------------------------

    def _windows(self, parts: list[Part]) -> tuple[list[Window], list[Window]]:
        """The same requests by operation and status class, and by instance."""
        requests: defaultdict[tuple[int, str, int], Histogram] = defaultdict(Histogram)
        instances: defaultdict[tuple[int, int], Histogram] = defaultdict(Histogram)
        ones = np.ones(len(self._hours))
        for part in parts:
            drawn = draw(self._rng, part.rate, part.level, LAW, ones)
            for hour, held in zip(self._hours.tolist(), drawn, strict=True):
                if held.count:
                    key = part.operation, part.status, hour
                    requests[key] = requests[key].merge(held)
                    at = part.instance, hour
                    instances[at] = instances[at].merge(held)
        by_operation = [
            _window(
                Series.of(REQUESTS, **PLACE, version="1", operation=f"GET /{operation}",
                          status=status, phase=STEADY),
                hour,
                held,
            )
            for (operation, status, hour), held in requests.items()
        ]  # fmt: skip
        by_instance = [
            _window(
                Series.of(INSTANCE_REQUESTS, **PLACE, version="1", instance=f"i-{instance}",
                          phase=STEADY),
                hour,
                held,
            )
            for (instance, hour), held in instances.items()
        ]  # fmt: skip
        return by_operation, by_instance

    def _hosts(self) -> Iterator[Gauge]:
        """Two instances to a host."""
        for instance in range(self._instances):
            labels = {"instance": f"i-{instance}", "host": f"node-{instance // 2}"}
            series = Series.of(CPU_SHARE, **PLACE, version="1", **labels)
            yield Gauge.single(series, CHANGED, HOUR, 0.2)


def _window(series: Series, hour: int, held: Histogram) -> Window:
    return Window(series, CHANGED + hour * HOUR, HOUR, held.count, 0, held)


def _as_scanned(requests: list[Window], operation: str) -> float:
    """What a scan sees: one number an hour, less what is usual at that hour of the day."""
    sums: defaultdict[float, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for window in requests:
        if operation in ("", window.series.label["operation"]):
            sums[window.start][0] += window.histogram.log_total
            sums[window.start][1] += window.histogram.count
    levels = {at: total / count for at, (total, count) in sums.items()}
    usual: defaultdict[int, list[float]] = defaultdict(list)
    for at, level in levels.items():
        if CHANGED - WEEK * HOUR <= at < CHANGED:
            usual[int(at // HOUR) % 24].append(level)
    rest = [
        level - float(np.mean(usual[int(at // HOUR) % 24]))
        for at, level in levels.items()
        if at >= CHANGED
    ]
    return float(np.mean(rest))
