"""Agents and a centre: what an idle agent costs, and what 200 agents cost the centre.

The idle agent is a real process as shipped; gRPC is loaded with its first connection. The 200 are
simulated in one process by the agent's own job over stores in memory, and post to a real centre;
each is a sidecar of one instance: ten operations, its gauges and a CPU profile, 20 services of ten
instances. Every tenth of them sends each body twice, and one answer in twenty is lost. The control
is a centre that adds up whatever it is sent: it would have counted too much, while the real one has
exactly as many requests on its disk as the agents were given.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from perfd.clock import SystemClock
from perfd.model.series import REQUESTS
from perfd.store.settings import StoreSettings
from perfd.store.sqlite import SqliteStore
from tests.bench.fleet import Fleet
from tests.e2e.daemon import Running
from tests.fakes import CountingMeter

MIB = 1 << 20
RSS_GOAL, CPU_GOAL = 70.0, 1.0  # MiB, % of a core


class Cost:
    """CPU and RSS of a process since `begin`."""

    def __init__(self, perfd: Running) -> None:
        assert perfd.process is not None
        self._process = psutil.Process(perfd.process.pid)
        self.peak = 0.0
        self.begin()

    def begin(self) -> None:
        self._cpu, self._at = self._spent(), time.monotonic()

    @property
    def core(self) -> float:
        """Per cent of a core."""
        return (self._spent() - self._cpu) / (time.monotonic() - self._at) * 100

    @property
    def rss(self) -> float:
        found = float(self._process.memory_info().rss) / MIB
        self.peak = max(self.peak, found)
        return found

    def _spent(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)


@contextlib.contextmanager
def perfd(settings: str = "") -> Iterator[Running]:
    with tempfile.TemporaryDirectory(prefix="perfd-bench-") as folder:
        made = Running(Path(folder), settings)
        made.start(60)
        try:
            yield made
        finally:
            made.stop()


def idle(settle: float, seconds: float) -> bool:
    """What an idle agent costs as shipped, and after gRPC was used; whether the first is light."""
    with perfd() as centre, perfd(f"forward: {{url: 'http://{centre.http}'}}\n") as agent:
        time.sleep(settle)
        light = _idle(agent, seconds, "as shipped")
        print(f"  goals: RSS {RSS_GOAL:g} MiB, {CPU_GOAL:g} % of a core", flush=True)
        host, _, port = agent.otlp_grpc.rpartition(":")
        socket.create_connection((host, int(port))).close()
        time.sleep(5)
        _idle(agent, seconds, "after gRPC was used")
    return light


def _idle(agent: Running, seconds: float, name: str) -> bool:
    cost = Cost(agent)
    time.sleep(seconds)
    core, rss = cost.core, cost.rss
    print(f"idle agent, {name:<20} RSS {rss:5.1f} MiB  {core:.2f} % of a core", flush=True)
    return rss <= RSS_GOAL and core <= CPU_GOAL


def watch(centre: Running, cost: Cost, ended: threading.Event, lags: list[float]) -> None:
    """Look at the centre every few seconds while the agents live."""
    while not ended.wait(5.0):
        cost.rss  # noqa: B018 - remembers the peak
        lags += [a["lag"] for a in centre.json("/api/v1/agents")["agents"] if a["lag"]]


def crowd(count: int, seconds: float) -> bool:
    """What many agents cost a centre; whether it counted exactly."""
    logging.getLogger("perfd").setLevel(logging.ERROR)  # lost answers are meant to be
    with perfd() as centre:
        fleet, ended, lags = Fleet(count, centre.http), threading.Event(), [0.0]
        cost = Cost(centre)
        looks = threading.Thread(target=watch, args=(centre, cost, ended, lags))
        looks.start()
        asyncio.run(fleet.live(seconds))
        core, size = cost.core, centre.metric("perfd_store_size_bytes")
        ended.set()
        looks.join()
        bodies, sent = fleet.traffic
        assert centre.stop() == 0
        stored = requests_on_disk(centre.folder / "data" / "perfd.db")
    late = f"p50 {_at(lags, 0.5):.0f} s  p99 {_at(lags, 0.99):.0f} s  max {max(lags):.0f} s"
    kib = sent / max(bodies, 1) / 1024
    print(f"{count} agents, {seconds:.0f} s: the centre takes {core:.1f} % of a core")
    print(f"  peak RSS {cost.peak:.0f} MiB  store {size / MIB:.0f} MiB  lag {late}")
    print(f"  {bodies} bodies of {kib:.1f} KiB")
    print(f"  requests: {fleet.sent:,} given to agents, {stored:,} on the centre's disk")
    print(f"control: {fleet.added_up:,} in all bodies taken; a centre that adds up has those")
    return stored == fleet.sent < fleet.added_up


def requests_on_disk(path: Path) -> int:
    clock, meter = SystemClock(), CountingMeter()
    store = SqliteStore(path, StoreSettings(), pace=1.0, clock=clock, meter=meter)
    try:
        return sum(w.count for w in store.windows(REQUESTS, {}, 0.0, 2e9 * 2))
    finally:
        store.close()


def _at(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[int(share * (len(ordered) - 1))]


def main(argv: list[str]) -> int:
    """Print the table; 1 when a figure is outside its goal or the counts are not equal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=240, help="life of the 200")
    parser.add_argument("--idle", type=float, default=60, help="seconds of each idle agent")
    args = parser.parse_args(argv)
    light = idle(settle=20, seconds=args.idle)
    exact = crowd(args.agents, args.seconds)
    print("the centre's counts are exactly the agents'" if exact else "WRONG: counts differ")
    return 0 if light and exact else 1


if __name__ == "__main__":
    import sys

    raise SystemExit(main(sys.argv[1:]))
