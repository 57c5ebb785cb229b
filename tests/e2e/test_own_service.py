"""Somebody else's service, known only by its telemetry, gets its ticket and its verdict."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.daemon import Running, running

WORKER = Path(__file__).with_name("worker.py")


@contextlib.contextmanager
def worker(perfd: Running, version: str) -> Iterator[None]:
    """The queue worker of one version, sending until the block ends."""
    environment = {
        **os.environ,
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{perfd.otlp_http}",
        "PYROSCOPE_SERVER_ADDRESS": f"http://{perfd.http}",
    }
    process = subprocess.Popen([sys.executable, str(WORKER), version, "600"], env=environment)
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


def wait_for(
    look: Callable[[], list[dict[str, Any]]], seconds: float, what: str
) -> list[dict[str, Any]]:
    """Poll until `look` finds something."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.5)
    raise AssertionError(f"{what} within {seconds:.0f} s")


@pytest.mark.soak
@pytest.mark.slow
def test_a_stranger_gets_its_ticket_and_its_verdict(tmp_path: Path) -> None:
    folder = tmp_path / "tickets"
    settings = (
        "pace: 60\ntickets:\n  trackers:\n"
        f"    - {{type: markdown, folder: '{folder}'}}\n    - {{type: console}}\n"
    )
    with running(tmp_path, settings) as perfd:

        def tickets(*states: str) -> list[dict[str, Any]]:
            listed = perfd.json("/api/v1/tickets")["tickets"]
            return [t for t in listed if t["state"] in states]

        with worker(perfd, "1.0.0"):
            time.sleep(100)  # 60 minutes of baseline at pace 60, after 20 s of warm-up
        assert tickets("pending", "open") == []
        with worker(perfd, "1.1.0"):
            (ticket,) = wait_for(lambda: tickets("open"), 120, "a ticket opens")
        assert (ticket["service"], ticket["operation"]) == ("orders", "process orders")
        assert ticket["suspects"][0]["version"] == "1.1.0"
        assert ticket["effect"]["ratio"] > 1.3
        with worker(perfd, "1.1.1"):
            wait_for(lambda: tickets("verified"), 150, "the fix is verified")
        assert len(perfd.json("/api/v1/tickets")["tickets"]) == 1
        text = (folder / f"{ticket['id']}.md").read_text()
        assert "verified" in text
        assert "1.1.0" in text
    assert perfd.process is not None
    assert perfd.process.returncode == 0
