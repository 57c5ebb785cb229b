"""The life of the real process: ready, reloaded, drained, alone in its folder, told to systemd."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.daemon import Running, running
from tests.e2e.spans import export_request, post

pytestmark = pytest.mark.slow


def until(true: Callable[[], bool], what: str, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def test_what_was_acknowledged_before_sigterm_is_there_after_a_restart(tmp_path: Path) -> None:
    perfd = Running(tmp_path)
    perfd.start()
    body = export_request("shop", "/cart", 20, random.Random(1))
    assert post(perfd.otlp_http, "/v1/traces", body) == 200
    assert perfd.stop() == 0
    perfd.start()
    (shop,) = [s for s in perfd.json("/api/v1/services")["services"] if s["service"] == "shop"]
    assert shop["versions"] == ["1.0.0"]
    assert perfd.metric("perfd_replayed_items_total") == 0, "a drain leaves nothing to replay"
    assert perfd.stop() == 0


def test_a_second_daemon_on_the_same_folder_is_refused_at_once(tmp_path: Path) -> None:
    with running(tmp_path) as perfd:
        began = time.monotonic()
        second = subprocess.run(
            [sys.executable, "-m", "perfd", "run", "--config", str(perfd.config)],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert second.returncode == 1
        assert "in use by another perfd" in second.stderr
        assert time.monotonic() - began < 10


def test_a_bad_configuration_is_exit_2_with_every_problem(tmp_path: Path) -> None:
    config = tmp_path / "perfd.yaml"
    config.write_text("pace: 0\nlistn: {}\ndurability: perhaps\n")
    for command in ("run", "check"):
        done = subprocess.run(
            [sys.executable, "-m", "perfd", command, "--config", str(config)],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert done.returncode == 2
        assert f"{config}:2: listn: unknown key" in done.stderr
        assert f"{config}:3: durability: Invalid enum value 'perhaps'" in done.stderr


def test_a_taken_port_ends_it_with_exit_1(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        environment = {**os.environ, "PERFD_LISTEN__OTLP_HTTP": f"127.0.0.1:{port}"}
        perfd = Running(tmp_path)
        done = subprocess.run(
            [sys.executable, "-m", "perfd", "run", "--config", str(perfd.config)],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            env=environment,
        )
    assert done.returncode == 1
    assert str(port) in done.stderr


def test_a_bad_reload_keeps_the_old_configuration(tmp_path: Path) -> None:
    with running(tmp_path) as perfd:
        assert perfd.process is not None
        good = perfd.config.read_text()
        perfd.config.write_text(good + "pace: nonsense\n")
        perfd.process.send_signal(signal.SIGHUP)
        refused = ("perfd_config_reloads_total", "refused")
        until(lambda: perfd.metric(refused[0], outcome=refused[1]) == 1, "the reload is refused")
        assert perfd.metric("perfd_config_last_reload_successful") == 0
        assert perfd.get("/readyz")[0] == 200
        assert "the old configuration stays" in perfd.log()
        perfd.config.write_text(good + "detect: {floor: 0.07}\nstore: {hot: 3h}\n")
        perfd.process.send_signal(signal.SIGHUP)
        until(lambda: perfd.metric(refused[0], outcome="applied") == 1, "the reload is applied")
        assert "only a restart applies it: store" in perfd.log()


def test_the_service_manager_hears_of_it(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.settimeout(20)
        with running(tmp_path, "", NOTIFY_SOCKET=address, WATCHDOG_USEC="400000"):
            heard = [manager.recv(64).decode(), manager.recv(64).decode()]
        manager.settimeout(1)
        while "STOPPING=1" not in heard:
            heard.append(manager.recv(64).decode())
    assert heard[:2] == ["READY=1", "WATCHDOG=1"]


def test_doctor_and_health_tell_the_truth(tmp_path: Path) -> None:
    def perfd_says(*words: str) -> int:
        return subprocess.run(
            [sys.executable, "-m", "perfd", *words], capture_output=True, timeout=20, check=False
        ).returncode

    with running(tmp_path) as perfd:
        assert perfd_says("health", "--url", f"http://{perfd.http}") == 0
        assert perfd_says("doctor", "--config", str(perfd.config)) == 1, "its ports are taken"
    assert perfd_says("health", "--url", f"http://{perfd.http}") == 1
    assert perfd_says("doctor", "--config", str(perfd.config)) == 0
