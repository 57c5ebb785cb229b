"""Simulated deploys: what the detection benchmark is measured on.

One service is watched for a day; a new version rolls out and changes one operation by a true
effect, which may be none. Everything follows from one seed. What it is composed of:

- latencies: log-normal with sd 0.8 (or a heavy Pareto tail, or hits and misses of a cache);
- traffic: Poisson, each operation with its own rate;
- window effects of minutes: sd 2 %, AR(1) with 0.7, half of their variance common to all;
- a daily cycle whose steepest slope is 2 % an hour, at a random hour of it;
- a rolling deploy over five minutes: one instance after the other, both versions side by side;
- cold starts: a new instance is 50 % slower, fading with a time constant of 15 s, so that some of
  it is left after the warm-up that perfd knows of (20 s);
- errors: 1 % of the requests, in bursts: ln(rate) has sd 0.5 from minute to minute, AR(1) with
  0.7, half of its variance common to all operations;
- CPU: each minute's seconds follow the latencies of its requests but not the effect of the deploy
  on them, with 1 % of noise.

Written and committed before the thresholds it judges; tuning uses other seeds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from perfd.detect.case import DeployCase
from perfd.detect.settings import DetectSettings
from perfd.model.deploy import Deploy
from perfd.model.series import CPU_TIME, INSTANCE_REQUESTS, REQUESTS, STEADY, WARMUP, Series
from perfd.model.window import Gauge, Window
from tests.bench.requests import LOG_NORMAL, Array, Mode, draw

MINUTE = 60.0
DAY = 1440  # minutes
FINE = 120  # minutes before the deploy that the store holds as minutes
DEPLOYED = 1_700_000_040.0  # on a minute
STEP = 5  # minutes
WARM_UP = 20.0  # seconds
COOLING = 15.0  # seconds in which a cold start fades to a third
CPU_SHARE = 0.6  # of the latency


@dataclass(frozen=True)
class Weather:
    """What varies although nothing changed. Effects are on the log scale."""

    law: tuple[Mode, ...] = LOG_NORMAL
    hits_sd: float = 0.0  # of the logit of the first mode's share, from minute to minute
    window_sd: float = 0.02
    correlation: float = 0.7  # from minute to minute, of all window effects
    shared: float = 0.5  # of the variance of window effects, the part common to all operations
    drift: float = 0.02  # steepest slope of the daily cycle, per hour
    drift_differs: bool = False  # each operation with its own factor, 0 to 2
    restart_sd: float = 0.01  # between two starts of the same program
    cold: float = 0.5
    error_rate: float = 0.01
    error_sd: float = 0.5
    missing: float = 0.0  # share of the minutes of which nothing arrived


@dataclass(frozen=True)
class Shape:
    """A service and its deploy; what changes is the operation `slow` and, with `cpu`, the service.

    `canary` is the new version's share of the traffic where it stays beside the old one.
    """

    rates: tuple[float, ...] = (1000.0, 500.0, 250.0, 100.0, 50.0, 20.0, 10.0, 5.0)
    slow: int = 0
    effect: float = 1.0  # on latencies
    errors: float = 1.0  # on the rate of errors
    cpu: float = 1.0
    instances: int = 4
    after: int = 36  # minutes of data after the deploy
    history: int = DAY  # minutes before it
    rolling: int = 5  # minutes of mixture
    canary: float = 1.0
    recheck: bool = False  # whether there is an hour of data of the day after, too
    weather: Weather = field(default_factory=Weather)


class Slot(NamedTuple):
    """Windows that every operation has: a version's and phase's part of an interval's requests.

    `minute` is counted from the deploy, `part` in minutes of the operation's whole traffic, and
    `cold` is how much slower instances are on average that have just been started.
    """

    minute: int
    width: int
    version: int
    phase: str
    part: float
    cold: float


def zipf(operations: int, first: float, last: float) -> tuple[float, ...]:
    """Requests per minute of each operation, by rank to the power that leads from first to last."""
    power = math.log(first / last) / math.log(operations)
    return tuple(first * rank**-power for rank in range(1, operations + 1))


def simulate(shape: Shape, seed: int, settings: DetectSettings | None = None) -> DeployCase:
    """One deploy as the detection job would read it from the store at its last look."""
    return _Simulation(shape, np.random.default_rng(seed)).case(settings or DetectSettings())


class _Simulation:
    """Minutes are counted from the deploy; the baseline is at negative minutes."""

    def __init__(self, shape: Shape, rng: np.random.Generator) -> None:
        self._shape = shape
        self._rng = rng
        self._weather = weather = shape.weather
        self._first = -shape.history
        self._minutes = (DAY + 5 if shape.recheck else shape.after) + shape.history
        arrived = rng.random(self._minutes) >= weather.missing
        self._slots = list(_slots(shape, arrived))
        self._restart = rng.normal(0.0, weather.restart_sd, (2, shape.instances)).mean(axis=1)
        self._level = self._effects(weather.window_sd) + self._daily()
        sd = weather.error_sd
        self._failing = weather.error_rate * np.exp(self._effects(sd) - 0.5 * sd * sd)
        self._hits = self._effects(weather.hits_sd)
        self._spent = np.zeros(len(self._slots))

    def case(self, settings: DetectSettings) -> DeployCase:
        windows = [w for number in range(len(self._shape.rates)) for w in self._operation(number)]
        gauges = list(self._gauges())
        return DeployCase(
            deploy=Deploy("shop", "test", "2", "1", DEPLOYED),
            settings=settings,
            pace=1.0,
            width=MINUTE,
            end=DEPLOYED + (self._minutes + self._first) * MINUTE,
            looks=0,
            opened="",
            requests=tuple(w for w in windows if w.width == MINUTE),
            history=tuple(w for w in windows if w.width > MINUTE),
            instances=tuple(_instances(self._shape)),
            cpu=tuple(g for g in gauges if g.width == MINUTE),
            cpu_history=tuple(g for g in gauges if g.width > MINUTE),
        )

    # --- effects, minute by minute and operation by operation -------------------------------------

    def _effects(self, sd: float) -> Array:
        """AR(1) series of all operations, with a part that they share."""
        weather, operations = self._weather, len(self._shape.rates)
        rho = weather.correlation
        series = self._rng.standard_normal((self._minutes, operations + 1))
        series[1:] *= math.sqrt(1.0 - rho * rho)
        for minute in range(1, self._minutes):
            series[minute] += rho * series[minute - 1]
        own, common = math.sqrt(1.0 - weather.shared), math.sqrt(weather.shared)
        return np.asarray(sd * (own * series[:, 1:] + common * series[:, :1]))

    def _daily(self) -> Array:
        operations = len(self._shape.rates)
        amplitude = np.full(operations, self._weather.drift * 24.0 / (2.0 * math.pi))
        if self._weather.drift_differs:
            amplitude *= self._rng.uniform(0.0, 2.0, operations)
        hours = (np.arange(self._minutes) + self._first) / 60.0
        phase = self._rng.uniform(0.0, 2.0 * math.pi)
        return np.outer(np.sin(2.0 * math.pi * hours / 24.0 + phase), amplitude)

    def _of_slots(self, minutes: Array) -> Array:
        """The mean over each slot; inside five minutes it differs too little to be seen."""
        sums = np.concatenate([[0.0], np.cumsum(minutes)])
        begin = np.array([s.minute for s in self._slots]) - self._first
        width = np.array([s.width for s in self._slots])
        return np.asarray((sums[begin + width] - sums[begin]) / width)

    # --- windows ----------------------------------------------------------------------------------

    def _operation(self, number: int) -> Iterator[Window]:
        """Windows of one operation: each slot's requests that succeeded, and those that failed."""
        shape, slow = self._shape, number == self._shape.slow
        new = np.array([s.version for s in self._slots])
        level = math.log(0.005 * (1.0 + number)) + self._of_slots(self._level[:, number])
        level += self._restart[new] + np.array([s.cold for s in self._slots])
        level += new * (math.log(shape.effect) if slow else 0.0)
        failing = self._of_slots(self._failing[:, number]) * (shape.errors if slow else 1.0) ** new
        requests = shape.rates[number] * np.array([s.part for s in self._slots])
        first = self._first_mode(number)
        for status, share in (("ok", 1.0 - failing), ("error", failing)):
            drawn = draw(self._rng, requests * share, level, shape.weather.law, first)
            for place, (slot, held) in enumerate(zip(self._slots, drawn, strict=True)):
                if held.count:
                    faster = shape.effect if slow and slot.version else 1.0
                    self._spent[place] += CPU_SHARE * held.total / faster
                    series = _series(slot, f"GET /{number}", status)
                    start, width = DEPLOYED + slot.minute * MINUTE, slot.width * MINUTE
                    errors = held.count if status == "error" else 0
                    yield Window(series, start, width, held.count, errors, held)

    def _first_mode(self, number: int) -> Array:
        """The share of the first mode in each slot."""
        share = self._weather.law[0].share
        if share >= 1.0:
            return np.ones(len(self._slots))
        logit = math.log(share / (1.0 - share)) + self._of_slots(self._hits[:, number])
        return np.asarray(1.0 / (1.0 + np.exp(-logit)))

    def _gauges(self) -> Iterator[Gauge]:
        """CPU seconds of the versions, as accurate as a process's clock."""
        noise = np.exp(self._rng.normal(0.0, 0.01, len(self._slots)))
        for slot, spent, error in zip(self._slots, self._spent, noise, strict=True):
            if spent > 0.0:
                seconds = spent * error * (self._shape.cpu if slot.version else 1.0)
                start, width = DEPLOYED + slot.minute * MINUTE, slot.width * MINUTE
                yield Gauge.single(_cpu_series(slot), start, width, float(seconds))


# --- the roll-out ---------------------------------------------------------------------------------


def _slots(shape: Shape, arrived: np.ndarray) -> Iterator[Slot]:
    first = -shape.history
    for minute in range(first, min(-FINE, -STEP), STEP):
        share = float(arrived[minute - first : minute - first + STEP].mean())
        yield Slot(minute, STEP, 0, STEADY, STEP * share, 0.0)
    later = range(DAY - 60, DAY + 5) if shape.recheck else ()
    for minute in (*range(max(first, -FINE), shape.after), *later):
        if arrived[minute - first]:
            yield from _minute(shape, minute)


def _minute(shape: Shape, minute: int) -> Iterator[Slot]:
    """Both versions in one minute; those that are just started have a phase of their own."""
    each = shape.canary / shape.instances
    warm = Slot(minute, 1, 1, WARMUP, 0.0, 0.0)
    steady = Slot(minute, 1, 1, STEADY, 0.0, 0.0)
    for number in range(shape.instances):
        age = (minute + 1.0) * MINUTE - shape.rolling * MINUTE * number / shape.instances
        if age > 0.0:
            began = max(age - MINUTE, 0.0)
            warm = _with(warm, each, began, min(age, WARM_UP), shape.weather.cold)
            steady = _with(steady, each, max(began, WARM_UP), age, shape.weather.cold)
    old = Slot(minute, 1, 0, STEADY, 1.0 - warm.part - steady.part, 0.0)
    yield from (slot for slot in (old, warm, steady) if slot.part > 1e-9)


def _with(slot: Slot, share: float, since: float, until: float, cold: float) -> Slot:
    """The slot with one more instance, from one age to another, in seconds."""
    if until <= since:
        return slot
    part = share * (until - since) / MINUTE
    extra = cold * COOLING * (math.exp(-since / COOLING) - math.exp(-until / COOLING))
    together = slot.part + part
    mean = (slot.cold * slot.part + extra / (until - since) * part) / together
    return slot._replace(part=together, cold=mean)


# --- series ---------------------------------------------------------------------------------------

_KNOWN: dict[tuple[str, str, str, int], Series] = {}


def _series(slot: Slot, operation: str, status: str) -> Series:
    key = (operation, status, slot.phase, slot.version)
    if key not in _KNOWN:
        labels = {"operation": operation, "status": status, "phase": slot.phase}
        _KNOWN[key] = Series.of(REQUESTS, **_of_version(slot.version), **labels)
    return _KNOWN[key]


def _cpu_series(slot: Slot) -> Series:
    return Series.of(CPU_TIME, **_of_version(slot.version), instance="all", phase=slot.phase)


def _instances(shape: Shape) -> Iterator[Window]:
    """That there are several; what each did is not told apart here."""
    for version in (0, 1):
        for number in range(shape.instances):
            labels = {"instance": f"{version + 1}-{number}", "phase": STEADY}
            series = Series.of(INSTANCE_REQUESTS, **_of_version(version), **labels)
            yield Window(series, DEPLOYED, MINUTE, 1, 0)


def _of_version(version: int) -> dict[str, str]:
    return {"service": "shop", "version": str(version + 1), "environment": "test"}
