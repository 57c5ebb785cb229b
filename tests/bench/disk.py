"""Bytes on disk per day, the cost of writing them, and how long detection's questions take.

    python -m tests.bench.disk [--hours 6] [--versions sequential|parallel] [--calls 3]

The workload: 25 services with 20 series each (500), three versions of each service in a day, and
40 profile streams of 300 stacks. Requests arrive at random around a rate of its own per series
(log-normal, median 60 a minute), latencies are log-normal. Everything is flushed every 10 s.

`sequential`: one version at a time, each for a third of the simulated time, with a canary phase of
two minutes. `parallel`: all three versions take a third of the traffic all the time, which is three
times as many rows.

`--calls`: the same once more with calls to so many targets by each operation, of which a quarter of
the requests is put together (own time, and sums per target); 0 leaves that run out.
"""

from __future__ import annotations

import argparse
import math
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from perfd.clock import ManualClock
from perfd.model.batch import Batch
from perfd.model.histogram import Histogram
from perfd.model.profile import CPU_PROFILE, PROFILE, Function, ProfileWindow, Symbols, Weight
from perfd.model.series import CALLS, OWN_TIME, REQUESTS, Series
from perfd.model.window import Window
from perfd.store.settings import StoreSettings
from perfd.store.sqlite import SqliteStore
from tests.fakes import CountingMeter

START = 1_699_999_200.0
FLUSH = 10.0
SERVICES, OPERATIONS, STREAMS, STACKS = 25, 20, 40, 300
VERSIONS = ("1.0.0", "1.1.0", "1.2.0")
TOGETHER = 0.25  # of the requests, those that are put together with their calls
MIB = 1024 * 1024


class Workload:
    """Seeded traffic; the time it takes to make it is kept apart from the store's."""

    def __init__(self, hours: float, parallel: bool, calls: int) -> None:
        self.chance = np.random.default_rng(7)
        self.seconds = hours * 3600
        self.parallel = parallel
        count = SERVICES * OPERATIONS
        self.rate = 60 * np.exp(self.chance.normal(0, 1, count)) / 60
        self.mean = np.log(0.03) + self.chance.normal(0, 1, count)
        self.spread = self.chance.uniform(0.25, 0.7, count)
        self.series = {v: [_series(i, v) for i in range(count)] for v in VERSIONS}
        self.calls = calls
        self.symbols = Symbols()
        self.stacks = [self._stacks(i) for i in range(STREAMS)]
        self.shares = [self.chance.dirichlet(np.full(STACKS, 0.3)) for _ in range(STREAMS)]

    def batches(self) -> Iterator[Batch]:
        for position, at in enumerate(np.arange(START, START + self.seconds, FLUSH)):
            windows = [w for v, share in self._live(at) for w in self._windows(at, v, share)]
            version = self._live(at)[-1][0]
            profiles = tuple(self._profile(i, at, version) for i in range(STREAMS))
            symbols = self.symbols if at == START else Symbols()
            yield Batch(tuple(windows), (), profiles, symbols, log_position=position)

    def _live(self, at: float) -> list[tuple[str, float]]:
        if self.parallel:
            return [(v, 1 / 3) for v in VERSIONS]
        place = (at - START) / self.seconds * len(VERSIONS)
        current = int(place)
        canary = (place - current) * self.seconds / len(VERSIONS) < 120 and current
        if canary:
            return [(VERSIONS[current - 1], 0.9), (VERSIONS[current], 0.1)]
        return [(VERSIONS[current], 1.0)]

    def _windows(self, at: float, version: str, share: float) -> Iterator[Window]:
        counts = self.chance.poisson(self.rate * FLUSH * share)
        for i in np.flatnonzero(counts):
            values = np.exp(self.chance.normal(self.mean[i], self.spread[i], counts[i]))
            series = self.series[version][i]
            yield Window(series, at, FLUSH, int(counts[i]), 0, _histogram(values))
            if self.calls and (taken := int(self.chance.binomial(counts[i], TOGETHER))):
                yield from self._edges(series, at, values[:taken])

    def _edges(self, series: Series, at: float, values: np.ndarray) -> Iterator[Window]:
        """Half of the time is their own, the rest is waited for."""
        labels = {k: v for k, v in series.labels if k not in {"status", "phase"}}
        n, seconds = len(values), float(values.sum()) / 2.0
        yield Window(Series.of(OWN_TIME, **labels), at, FLUSH, n, 0, _sums(n, seconds))
        for call in range(self.calls):
            of = Series.of(CALLS, **labels, peer=f"service-{call}", call="GET")
            yield Window(of, at, FLUSH, n, 0, _sums(n, seconds / self.calls))

    def _stacks(self, stream: int) -> list[int]:
        """Stacks that branch off one another, as those of a program do; some 25 frames deep."""
        names = [f"package{stream}.module{f % 40}.function{f}" for f in range(400)]
        functions = [Function(name, f"{name}.py") for name in names]
        paths = [tuple(functions[:20])]
        leaves: set[int] = set()
        while len(leaves) < STACKS:
            path = paths[self.chance.integers(len(paths))]
            branch = self.chance.integers(len(path) // 2, len(path) + 1)
            added = self.chance.integers(20, 400, self.chance.integers(1, 9))
            paths.append((*path[:branch], *(functions[f] for f in added))[:60])
            leaves.add(self.symbols.intern(paths[-1]))
        return sorted(leaves)

    def _profile(self, i: int, at: float, version: str) -> ProfileWindow:
        of = Series.of(PROFILE, service=f"service-{i}", version=version, type=CPU_PROFILE)
        hits = self.chance.multinomial(1000, self.shares[i])
        seen = np.flatnonzero(hits)
        weights = {self.stacks[i][n]: Weight(int(hits[n]) * 10_000_000, int(hits[n])) for n in seen}
        return ProfileWindow(of, at, FLUSH, "nanoseconds", weights, FLUSH, 1)


def _series(i: int, version: str) -> Series:
    return Series.of(
        REQUESTS, service=f"service-{i // OPERATIONS}", version=version, environment="prod",
        operation=f"GET /resource/{i % OPERATIONS}", status="2xx", phase="steady",
    )  # fmt: skip


def _histogram(values: np.ndarray) -> Histogram:
    logs = np.log(values)
    index, count = np.unique(np.ceil(logs * (32 / math.log(2))).astype(int) - 1, return_counts=True)
    buckets = dict(zip(index.tolist(), count.tolist(), strict=True))
    n = len(values)
    return Histogram(buckets, 0, n, float(values.sum()), float(logs.sum()), float((logs**2).sum()))


def _sums(count: int, seconds: float) -> Histogram:
    return Histogram({}, count, count, round(seconds * 2**20) / 2**20)


def fill(store: SqliteStore, work: Workload) -> dict[str, float]:
    """CPU seconds of appends and of maintenance, and the longest of each."""
    cost = {"append": 0.0, "append longest": 0.0, "maintain": 0.0, "maintain longest": 0.0}
    at = START
    for batch in work.batches():
        at += FLUSH
        _timed(cost, "append", lambda batch=batch: store.append(batch))
        if (at - START) % 60 == 0:
            _timed(cost, "maintain", lambda at=at: store.maintain(at))
    return cost


def _timed(cost: dict[str, float], what: str, call: Callable[[], None]) -> None:
    cpu, wall = time.process_time(), time.perf_counter()
    call()
    cost[what] += time.process_time() - cpu
    cost[f"{what} longest"] = max(cost[f"{what} longest"], time.perf_counter() - wall)


def tables(store: SqliteStore) -> dict[str, int]:
    """Bytes by table."""
    with store._database.reading() as connection:
        rows = connection.execute(
            "SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC"
        )
        return dict(rows.fetchall())


def body_bytes(store: SqliteStore, kind: str) -> tuple[int, int]:
    """Chunks of a kind and the bytes of their bodies."""
    with store._database.reading() as connection:
        (row,) = connection.execute(f"SELECT count(*), sum(length(body)) FROM {kind}_chunk")
    return row[0], row[1] or 0


def questions(store: SqliteStore, end: float) -> Iterator[tuple[str, float, int]]:
    one = dict(_series(3, VERSIONS[-1]).label)
    service = {"service": "service-0"}
    quarter = end - 6 * 3600
    asks: dict[str, Callable[[], object]] = {
        "one series, 7 d, hourly": lambda: store.windows(REQUESTS, one, end - 7 * 86400, end, 3600),
        "one series, 6 h, minutes": lambda: store.windows(REQUESTS, one, quarter, end),
        "one service, 2 h, minutes": lambda: store.windows(REQUESTS, service, end - 7200, end),
        "one service, 6 h, minutes": lambda: store.windows(REQUESTS, service, quarter, end),
        "one service, 6 h, hourly": lambda: store.windows(REQUESTS, service, quarter, end, 3600),
        "all series, 1 h, hourly": lambda: store.windows(REQUESTS, {}, end - 3600, end, 3600),
        "all series, 1 h, minutes": lambda: store.windows(REQUESTS, {}, end - 3600, end),
        "all series, 6 h, hourly": lambda: store.windows(REQUESTS, {}, quarter, end, 3600),
        "one profile, 6 h": lambda: store.profiles(service, quarter, end),
        "all symbols of a profile": lambda: store.symbols(
            {n for w in store.profiles(service, end - 600, end) for n in w.weights}
        ),
    }  # fmt: skip
    for name, ask in asks.items():
        taken = []
        for _ in range(3):
            began = time.perf_counter()
            answer = ask()
            taken.append(time.perf_counter() - began)
        size = len(answer) if hasattr(answer, "__len__") else len(answer.nodes)  # type: ignore[attr-defined]
        yield name, sorted(taken)[1], size


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--hours", type=float, default=6)
    parser.add_argument("--versions", choices=("sequential", "parallel"), default="sequential")
    parser.add_argument("--calls", type=int, default=3, help="targets of each operation")
    arguments = parser.parse_args(argv)
    for calls in sorted({0, arguments.calls}):
        print(f"{calls or 'no'} calls by each operation, {arguments.versions}", flush=True)
        measure(arguments.hours, arguments.versions == "parallel", calls)
    return 0


def measure(hours: float, parallel: bool, calls: int) -> None:
    """One workload into a store of its own."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "perfd.db"
        clock = ManualClock(START)
        store = SqliteStore(path, StoreSettings(), pace=1.0, clock=clock, meter=CountingMeter())
        work = Workload(hours, parallel, calls)
        cost = fill(store, work)
        print(f"peak RSS {peak():.0f} MiB while writing, with the generator")
        report(store, hours, cost)
        print(f"peak RSS {peak():.0f} MiB after the questions")


def report(store: SqliteStore, hours: float, cost: dict[str, float]) -> None:
    sizes = tables(store)
    packed = hours - 3  # two hours are hot, and the hour that is filling
    print(f"after {hours:g} h: {store.size() / MIB:.1f} MiB")
    for name, size in list(sizes.items())[:8]:
        print(f"  {name:16} {size / MIB:7.2f} MiB")
    chunks = sum(size for name, size in sizes.items() if name.endswith("_chunk") or name == "hour")
    for kind in ("window", "profile"):
        count, body = body_bytes(store, kind)
        if count:
            print(f"  {count} {kind} chunks of {body / count:.0f} bytes on average")
    fixed = sum(sizes.values()) - chunks
    with store._database.reading() as connection:
        (packed,) = connection.execute("SELECT count(DISTINCT hour) FROM hour").fetchone()
    per_day = chunks / packed * 24 if packed else math.nan
    print(f"{packed} packed hours: {per_day / MIB:.1f} MiB a day, so {14 * per_day / MIB:.0f} MiB")
    print(f"  at retention (14 d); {fixed / MIB:.1f} MiB do not grow (hot minutes, symbols)")
    for what in ("append", "maintain"):
        cpu = cost[what] / (hours * 60)
        print(
            f"{what}: {cpu * 1000:.1f} ms CPU a minute = {cpu / 60:.3%} of a core, "
            f"longest {cost[f'{what} longest'] * 1000:.0f} ms"
        )
    for name, seconds, size in questions(store, START + hours * 3600):
        print(f"  {name:28} {seconds * 1000:8.1f} ms  {size} rows")


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
