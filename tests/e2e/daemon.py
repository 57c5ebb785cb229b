"""A real `perfd run` on free ports, for tests that need the whole daemon as a process."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def free_ports(count: int) -> list[int]:
    """Ports that are free now; held together while they are chosen, so that they differ."""
    with contextlib.ExitStack() as stack:
        servers = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)
        ]
        return [int(s.getsockname()[1]) for s in servers]


class Running:
    """One daemon process and how to talk to it; `start` again continues on the same data."""

    def __init__(self, folder: Path, settings: str = "", **environment: str) -> None:
        self.folder = folder
        ports = free_ports(3)
        self.http, self.otlp_http, self.otlp_grpc = (f"127.0.0.1:{p}" for p in ports)
        self.config = folder / "perfd.yaml"
        self.configure(settings)
        self._environment = {**os.environ, **environment}
        self.process: subprocess.Popen[bytes] | None = None

    def configure(self, settings: str) -> None:
        """Write the configuration: the listen addresses, the data folder, and `settings`."""
        self.config.write_text(
            f"listen: {{http: '{self.http}', otlp_http: '{self.otlp_http}', "
            f"otlp_grpc: '{self.otlp_grpc}'}}\ndata_dir: {self.folder / 'data'}\n{settings}"
        )

    def start(self, within: float = 20.0) -> None:
        """Start and wait until it is ready."""
        with (self.folder / "perfd.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "perfd", "run", "--config", str(self.config)],
                stdout=log,
                stderr=log,
                env=self._environment,
            )
        until = time.monotonic() + within
        while time.monotonic() < until:
            if self.process.poll() is not None:
                break
            with contextlib.suppress(OSError):
                if self.get("/readyz")[0] == 200:
                    return
            time.sleep(0.02)
        raise AssertionError(f"perfd did not get ready:\n{self.log()[-3000:]}")

    def log(self) -> str:
        """What it wrote."""
        return (self.folder / "perfd.log").read_text()

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of a GET on the pages' port."""
        try:
            with urllib.request.urlopen(f"http://{self.http}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def json(self, path: str) -> Any:
        """The JSON of a GET that must succeed."""
        status, text = self.get(path)
        assert status == 200, f"{path}: {status} {text}"
        return json.loads(text)

    def metric(self, name: str, **labels: str) -> float:
        """Sum of a metric over all series that hold these labels."""
        total = 0.0
        for line in self.get("/metrics")[1].splitlines():
            series, _, value = line.rpartition(" ")
            wanted = all(f'{k}="{v}"' in series for k, v in labels.items())
            if series.split("{")[0] == name and wanted:
                total += float(value)
        return total

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        """SIGTERM and the exit code; safe when it has ended already."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


@contextlib.contextmanager
def running(folder: Path, settings: str = "", **environment: str) -> Iterator[Running]:
    """A daemon that is ready, and stopped at the end."""
    daemon = Running(folder, settings, **environment)
    daemon.start()
    try:
        yield daemon
    finally:
        daemon.stop()
