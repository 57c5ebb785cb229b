"""An agent loads no detector, no page, and no gRPC before somebody speaks it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

AGENT = """
import asyncio, sys
from perfd.clock import SystemClock
from perfd.config import Config
from perfd.daemon import Daemon
from perfd.forward.settings import ForwardSettings
from perfd.config import Listen

async def life(folder):
    listen = Listen(http="127.0.0.1:0", otlp_http="127.0.0.1:0", otlp_grpc="127.0.0.1:0")
    forward = ForwardSettings(url={url!r})
    config = Config(data_dir=folder, listen=listen, forward=forward)
    daemon = Daemon(config, lambda: config)
    task = asyncio.create_task(daemon.run())
    while not daemon._supervisor.ready:
        await asyncio.sleep(0.01)
    print(*sorted(sys.modules))
    daemon._stop.set()
    assert await task == 0

asyncio.run(life(sys.argv[1]))
"""
HEAVY = (
    "perfd.detect.deploy",
    "perfd.engine.judging",
    "perfd.web.pages",
    "perfd.web.views",
    "jinja2",
    "grpc",
)


def loaded(folder: Path, url: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", AGENT.replace("{url!r}", repr(url)), str(folder)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.slow
def test_an_agent_is_light(tmp_path: Path) -> None:
    agent = loaded(tmp_path / "agent", "http://127.0.0.1:9")
    assert [name for name in HEAVY if name in agent] == []
    alone = loaded(tmp_path / "alone", "")
    assert [name for name in HEAVY if name in alone] == list(HEAVY), "the control"
