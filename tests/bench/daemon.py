"""The whole daemon as a process: memory when idle and under load, and CPU per span with fsync.

Everything is on loopback and bounded in time. `--seconds` is the length of the long load (300 for
the figure that the README quotes).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil

from tests.bench.cgroup import Cgroup, limited

MIB = 1 << 20
LIMIT = 256 * MIB


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Perfd:
    """A real `perfd run` in a folder of its own."""

    def __init__(self, folder: Path, extra: str = "", group: Cgroup | None = None) -> None:
        self.http, self.otlp_http, self.otlp_grpc = (f"127.0.0.1:{free_port()}" for _ in range(3))
        config = folder / "perfd.yaml"
        config.write_text(
            f"listen: {{http: '{self.http}', otlp_http: '{self.otlp_http}', "
            f"otlp_grpc: '{self.otlp_grpc}'}}\ndata_dir: {folder / 'data'}\n{extra}"
        )
        self._log = (folder / "perfd.log").open("ab")
        program = [sys.executable, "-m", "perfd", "run", "--config", str(config)]
        command = group.command(program) if group else program
        self.process = psutil.Popen(command, stdout=self._log, stderr=self._log)
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        until = time.monotonic() + 30
        while time.monotonic() < until:
            if self._ready():
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise SystemExit(f"perfd did not start: {Path(self._log.name).read_text()[-2000:]}")

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.http}/readyz", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def cpu(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def rss(self) -> float:
        return float(self.process.memory_info().rss) / MIB

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)
        self._log.close()


@contextlib.contextmanager
def running(extra: str = "", group: Cgroup | None = None) -> Iterator[Perfd]:
    with tempfile.TemporaryDirectory(prefix="perfd-bench-") as folder:
        perfd = Perfd(Path(folder), extra, group)
        try:
            yield perfd
        finally:
            perfd.stop()


def load(perfd: Perfd, transport: str, rate: float, seconds: float) -> dict[str, float]:
    """Run the sender; the answer has perfd's share of a core and its greatest RSS too."""
    address = perfd.otlp_grpc if transport == "grpc" else perfd.otlp_http
    sender = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.sender", "--transport", transport,
         "--address", address, "--rate", str(rate), "--seconds", str(seconds)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    time.sleep(1.5)  # the sender builds its bodies first
    cpu, began, peak = perfd.cpu(), time.monotonic(), 0.0
    while sender.poll() is None:
        peak = max(peak, perfd.rss())
        time.sleep(0.25)
    spent, took = perfd.cpu() - cpu, time.monotonic() - began
    assert sender.stdout is not None
    told = json.loads(sender.stdout.read())
    return told | {"core": spent / took, "peak_mib": peak}


def line(name: str, result: dict[str, float]) -> str:
    return (
        f"{name:<34} {result['rate']:>9,.0f} spans/s  {result['core'] * 100:5.1f} % of a core  "
        f"p50 {result['p50_ms']:.1f} ms  p99 {result['p99_ms']:.1f} ms  "
        f"peak RSS {result['peak_mib']:.0f} MiB  failed {result['failed']:,.0f}"
    )


def main(argv: list[str]) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    args = parser.parse_args(argv)
    with limited(LIMIT) as group, running(group=group) as perfd:
        before = perfd.cpu()
        time.sleep(10)
        idle = (perfd.cpu() - before) / 10
        print(
            f"idle: RSS {perfd.rss():.0f} MiB (goal 85), {idle * 100:.2f} % of a core", flush=True
        )
        print(line("HTTP, gzip, fsync, 10,000 spans/s", load(perfd, "http", 10_000, args.seconds)))
        print("  goals: RSS 130 MiB, 15 % of a core")
        print(
            f"  {group.told() if group else 'without a cgroup: none can be made here'}", flush=True
        )
    with running() as perfd:
        print(line("HTTP, gzip, fsync, 30,000 spans/s", load(perfd, "http", 30_000, 20)))
        print("  goal: half a core", flush=True)
    with running() as perfd:
        print(line("gRPC, gzip, fsync, 30,000 spans/s", load(perfd, "grpc", 30_000, 20)))
    with running("durability: memory\n") as perfd:
        print(line("control: HTTP, durability memory", load(perfd, "http", 30_000, 20)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
