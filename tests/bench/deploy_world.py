"""Simulated deploys: what the detection benchmark is measured on.

One service is watched for a day; a new version rolls out over five minutes and makes one operation
slower by a true effect, which may be none. What makes it hard is in `Weather`. Everything follows
from one seed. Written and committed before the thresholds it judges; tuning uses other seeds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from perfd.detect.case import DeployCase
from perfd.detect.settings import DetectSettings
from perfd.model.deploy import Deploy
from perfd.model.histogram import BUCKETS_PER_OCTAVE, Histogram
from perfd.model.series import CPU_TIME, INSTANCE_REQUESTS, REQUESTS, STEADY, WARMUP, Series
from perfd.model.window import Gauge, Window

MINUTE = 60.0
DAY = 1440  # minutes
DEPLOYED = 1_700_000_040.0  # on a minute
BUCKET = math.log(2.0) / BUCKETS_PER_OCTAVE
STEP = 5  # minutes
FEW = 60  # below, requests are drawn one by one; above, by the bucket

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Weather:
    """What varies although nothing changed. Effects are on the log scale."""

    spread: float = 0.8  # sd of ln(latency) of single requests
    window_sd: float = 0.02
    correlation: float = 0.7  # from minute to minute
    shared: float = 0.5  # of the variance of window effects, the part common to all operations
    drift: float = 0.02  # steepest slope of the daily cycle, per hour
    drift_differs: bool = False  # each operation with its own factor, 0 to 2
    restart_sd: float = 0.01  # between two starts of the same program
    cold: float = 0.5  # a new instance is slower by this, fading within a minute
    error_rate: float = 0.01
    error_burst: float = 0.5  # sd of ln(error rate) between windows


@dataclass(frozen=True)
class Shape:
    """A service and its deploy."""

    rates: tuple[float, ...] = (1000.0, 500.0, 250.0, 100.0, 50.0, 20.0, 10.0, 5.0)
    slow: int = 0  # the operation that gets slower
    effect: float = 1.0
    instances: int = 4
    after: int = 36  # minutes of data after the deploy
    history: bool = True
    rolling: int = 5  # minutes of mixture
    weather: Weather = field(default_factory=Weather)


def zipf(operations: int, first: float, last: float) -> tuple[float, ...]:
    """Requests per minute of each operation, by rank to the power that leads from first to last."""
    power = math.log(first / last) / math.log(operations)
    return tuple(first * rank**-power for rank in range(1, operations + 1))


def simulate(shape: Shape, seed: int, settings: DetectSettings | None = None) -> DeployCase:
    """One deploy as the detection job would read it from the store at its first look."""
    return _Simulation(shape, np.random.default_rng(seed)).case(settings or DetectSettings())


class _Simulation:
    """Minutes are counted from the deploy; the baseline is at negative minutes."""

    def __init__(self, shape: Shape, rng: np.random.Generator) -> None:
        self._shape = shape
        self._rng = rng
        self._weather = shape.weather
        self._first = -DAY if shape.history else -75
        minutes = shape.after - self._first
        self._shared = self._effects(minutes, self._weather.shared)
        self._phase = rng.uniform(0.0, 2.0 * math.pi)
        self._restart = rng.normal(0.0, self._weather.restart_sd, (2, shape.instances)).mean(axis=1)
        self._cpu = np.zeros((2, minutes))
        self._cpu_past: dict[int, float] = {}

    def case(self, settings: DetectSettings) -> DeployCase:
        requests: list[Window] = []
        history: list[Window] = []
        for number, rate in enumerate(self._shape.rates):
            level = self._operation(number)
            requests += self._fine(number, rate, level)
            if self._shape.history:
                history += self._coarse(number, rate, level)
        deploy = Deploy("shop", "test", "2", "1", DEPLOYED)
        end = DEPLOYED + self._shape.after * MINUTE
        return DeployCase(
            deploy=deploy,
            settings=settings,
            pace=1.0,
            width=MINUTE,
            end=end,
            looks=0,
            opened="",
            requests=tuple(requests),
            history=tuple(history),
            instances=tuple(self._instances()),
            cpu=tuple(self._gauges()),
            cpu_history=tuple(self._past_gauges()),
        )

    # --- effects ----------------------------------------------------------------------------------

    def _effects(self, minutes: int, part: float) -> Array:
        """An AR(1) series with the part's share of the variance of window effects."""
        sd = self._weather.window_sd * math.sqrt(part)
        rho = self._weather.correlation
        steps = self._rng.normal(0.0, sd * math.sqrt(1.0 - rho * rho), minutes)
        steps[0] = self._rng.normal(0.0, sd)
        series = np.empty(minutes)
        value = 0.0
        for i, step in enumerate(steps):
            value = rho * value + step
            series[i] = value
        return series

    def _operation(self, number: int) -> Array:
        """Mean ln(latency) of an operation, minute by minute, in the old version."""
        minutes = self._shape.after - self._first
        amplitude = self._weather.drift * 24.0 / (2.0 * math.pi)
        if self._weather.drift_differs:
            amplitude *= self._rng.uniform(0.0, 2.0)
        hours = (np.arange(minutes) + self._first) / 60.0
        daily = amplitude * np.sin(2.0 * math.pi * hours / 24.0 + self._phase)
        own = self._effects(minutes, 1.0 - self._weather.shared)
        base = math.log(0.005 * (1.0 + number))
        return np.asarray(base + daily + own + self._shared)

    def _version_effect(self, number: int, version: int) -> float:
        slower = math.log(self._shape.effect) if version and number == self._shape.slow else 0.0
        return float(self._restart[version]) + slower

    def _share(self, minute: int) -> float:
        """Of the traffic that the new version has."""
        return min(max((minute + 1) / self._shape.rolling, 0.0), 1.0) if minute >= 0 else 0.0

    # --- windows ----------------------------------------------------------------------------------

    def _fine(self, number: int, rate: float, level: Array) -> list[Window]:
        windows: list[Window] = []
        for minute in range(max(self._first, -120), self._shape.after):
            share = self._share(minute)
            for version, part in ((0, 1.0 - share), (1, share)):
                if part > 0.0:
                    windows += self._minute(number, version, minute, rate * part, level)
        return windows

    def _minute(
        self, number: int, version: int, minute: int, rate: float, level: Array
    ) -> list[Window]:
        """One minute of one version: cold instances have their own phase."""
        at = level[minute - self._first] + self._version_effect(number, version)
        fresh = version == 1 and minute < self._shape.rolling
        cold = 0.3 / (minute + 1) if fresh else 0.0  # of a rolling deploy's requests
        count = int(self._rng.poisson(rate))
        warming = int(self._rng.binomial(count, cold))
        after_warmup = 0.1 * self._weather.cold * math.exp(-minute) if version else 0.0
        found = []
        for phase, n, extra in (
            (WARMUP, warming, self._weather.cold),
            (STEADY, count - warming, after_warmup),
        ):
            if n:
                held = self._histogram(n, at + extra)
                found.append(self._window(number, version, minute, phase, n, held))
                self._cpu[version, minute - self._first] += 0.6 * held.total
        return found

    def _window(
        self, number: int, version: int, minute: int, phase: str, n: int, held: Histogram
    ) -> Window:
        series = Series.of(
            REQUESTS,
            service="shop",
            version=str(version + 1),
            environment="test",
            operation=f"GET /{number}",
            status="ok",
            phase=phase,
        )
        return Window(series, DEPLOYED + minute * MINUTE, MINUTE, n, self._errors(n), held)

    def _coarse(self, number: int, rate: float, level: Array) -> list[Window]:
        """Steps of five minutes of the old version, from a day before to two hours before."""
        found = []
        for first in range(self._first, -120, STEP):
            place = slice(first - self._first, first - self._first + STEP)
            n = int(self._rng.poisson(rate * STEP))
            # The mean of the minutes' effects: their differences hardly widen a spread of 0.8.
            held = self._histogram(n, float(level[place].mean()) + self._version_effect(number, 0))
            if held.count:
                fine = self._window(number, 0, first, STEADY, held.count, held)
                found.append(replace(fine, width=STEP * MINUTE))
                self._cpu_past[first] = self._cpu_past.get(first, 0.0) + 0.6 * held.total
        return found

    def _errors(self, n: int) -> int:
        sd = self._weather.error_burst
        burst = math.exp(self._rng.normal(-0.5 * sd * sd, sd))
        return int(self._rng.binomial(n, min(self._weather.error_rate * burst, 1.0)))

    def _histogram(self, n: int, at: float) -> Histogram:
        if n <= FEW:
            values = np.exp(self._rng.normal(at, self._weather.spread, n))
            return Histogram.of(values.tolist())
        return self._by_bucket(n, at)

    def _by_bucket(self, n: int, at: float) -> Histogram:
        """The same law, drawn as counts of buckets."""
        spread = self._weather.spread
        low = math.floor((at - 5.0 * spread) / BUCKET)
        edges = (np.arange(low, low + int(10.0 * spread / BUCKET) + 2)) * BUCKET
        below = _normal_below((edges - at) / spread)
        shares = np.diff(below)
        counts = self._rng.multinomial(n, shares / shares.sum())
        middle = (edges[:-1] + edges[1:]) / 2.0
        kept = np.nonzero(counts)[0]
        return Histogram(
            {low + int(i): int(counts[i]) for i in kept},
            0,
            n,
            float(counts @ np.exp(middle)),
            float(counts @ middle),
            float(counts @ (middle * middle)),
        )

    # --- the rest of what the store holds ---------------------------------------------------------

    def _past_gauges(self) -> list[Gauge]:
        noise = self._rng.normal(0.0, 0.005, len(self._cpu_past))
        return [
            Gauge.single(
                _cpu_series(0), DEPLOYED + first * MINUTE, STEP * MINUTE, spent * math.exp(error)
            )
            for (first, spent), error in zip(self._cpu_past.items(), noise, strict=True)
        ]

    def _gauges(self) -> list[Gauge]:
        found = []
        for version in (0, 1):
            series = _cpu_series(version)
            for column in np.nonzero(self._cpu[version])[0]:
                start = DEPLOYED + (int(column) + self._first) * MINUTE
                spent = float(self._cpu[version, column]) * math.exp(self._rng.normal(0.0, 0.01))
                found.append(Gauge.single(series, start, MINUTE, spent))
        return found

    def _instances(self) -> list[Window]:
        """That there are several; what each did is not told apart here."""
        return [
            Window(
                Series.of(
                    INSTANCE_REQUESTS,
                    service="shop",
                    version=str(version + 1),
                    environment="test",
                    instance=f"{version + 1}-{i}",
                    phase=STEADY,
                ),
                DEPLOYED,
                MINUTE,
                1,
                0,
            )
            for version in (0, 1)
            for i in range(self._shape.instances)
        ]


def _cpu_series(version: int) -> Series:
    return Series.of(
        CPU_TIME,
        service="shop",
        version=str(version + 1),
        environment="test",
        instance="all",
        phase=STEADY,
    )


_ERF = np.vectorize(math.erf, otypes=[float])


def _normal_below(z: Array) -> Array:
    return np.asarray(0.5 * (1.0 + _ERF(z / math.sqrt(2.0))))
