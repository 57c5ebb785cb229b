"""`perfd backtest --prometheus` against Debian's Prometheus, on a month written into it."""

from __future__ import annotations

import contextlib
import json
import math
import random
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from perfd.model.times import from_rfc3339
from tests.e2e.daemon import free_ports
from tests.packages import require_package

pytestmark = [pytest.mark.slow, pytest.mark.needs_package]

STEP, DAY = 300, 86_400
BUCKETS = (0.02, 0.04, 0.06, 0.08, math.inf)


class Month:
    """Thirty days that end now: latency, histogram and failures change four days before."""

    def __init__(self) -> None:
        self.end = int(time.time()) // STEP * STEP
        self.start = self.end - 30 * DAY
        self.changed = self.end - 4 * DAY

    def text(self) -> str:
        return "\n".join([*self._latency(), *self._counters(), "# EOF", ""])

    def times(self) -> range:
        return range(self.start, self.end, STEP)

    def _latency(self) -> Iterator[str]:
        rng = random.Random(1)
        yield "# TYPE quote_seconds gauge"
        for name, size in (("POST /quote", 1.15), ("GET /price", 1.0)):
            for at in self.times():
                day = 1.0 + 0.05 * math.sin(at % DAY / DAY * 2 * math.pi)
                value = 0.04 * day * math.exp(rng.gauss(0.0, 0.05))
                value *= size if at >= self.changed else 1.0
                yield f'quote_seconds{{service="pricing",operation="{name}"}} {value:.6g} {at}'

    def _counters(self) -> Iterator[str]:
        rng = random.Random(2)
        failed, requests = [], []
        buckets: list[list[str]] = [[] for _ in BUCKETS]
        totals = dict.fromkeys(BUCKETS, 0)
        bad = 0
        for at in self.times():
            slower = 1.2 if at >= self.changed else 1.0
            latencies = [0.04 * slower * math.exp(rng.gauss(0.0, 0.3)) for _ in range(60)]
            for bound, lines in zip(BUCKETS, buckets, strict=True):
                totals[bound] += sum(latency <= bound for latency in latencies)
                le = "+Inf" if bound == math.inf else f"{bound}"
                lines.append(f'quotes_seconds_bucket{{job="shop",le="{le}"}} {totals[bound]} {at}')
            bad += sum(rng.random() < (0.06 if at >= self.changed else 0.01) for _ in range(60))
            failed.append(f'failed_total{{job="shop"}} {bad} {at}')
            requests.append(f'requests_total{{job="shop"}} {totals[math.inf]} {at}')
        yield "# TYPE failed counter"
        yield from failed
        yield "# TYPE requests counter"
        yield from requests
        yield "# TYPE quotes_seconds histogram"
        for lines in buckets:
            yield from lines


@contextlib.contextmanager
def prometheus(folder: Path, month: Month) -> Iterator[str]:
    """Its address, once it answers."""
    program, tool = require_package("prometheus"), require_package("prometheus", "promtool")
    (folder / "month.om").write_text(month.text())
    (folder / "empty.yml").write_text("{}")
    writing = [tool, "tsdb", "create-blocks-from", "-q", "--max-block-duration=168h"]
    subprocess.run(
        [*writing, "openmetrics", str(folder / "month.om"), str(folder / "data")],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (port,) = free_ports(1)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={folder / 'empty.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                "--storage.tsdb.retention.time=90d",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        await_ready(address)
        yield address
    finally:
        process.terminate()
        process.wait(20)


def await_ready(address: str) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/-/ready") as answer:
            if answer.status == 200:
                return
        time.sleep(0.05)
    raise AssertionError("Prometheus did not get ready")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Month]]:
    month = Month()
    with prometheus(tmp_path_factory.mktemp("prometheus"), month) as address:
        yield address, month


def backtest(address: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "perfd", "backtest", "--prometheus", address, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def report(address: str, *words: str) -> dict[str, Any]:
    done = backtest(address, *words, "--json")
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def refused(address: str, *words: str) -> str:
    done = backtest(address, *words)
    assert done.returncode == 2, done.stdout
    return done.stderr


def test_a_latency_that_grew_is_found_at_its_time(world: tuple[str, Month], tmp_path: Path) -> None:
    address, month = world
    found = report(address, "--query", "quote_seconds", "--walk", "--svg", f"{tmp_path}/")
    assert found["series"] == 2
    (ticket,) = found["would_open"]
    assert (ticket["service"], ticket["also"]) == ("pricing", [])
    assert ticket["series"] == 'pricing quote_seconds{operation="POST /quote"}'
    assert abs(from_rfc3339(ticket["at"]) - month.changed) <= 3 * 3600
    assert ticket["ratio"] == pytest.approx(1.15, rel=0.03)
    assert [file.suffix for file in tmp_path.iterdir()] == [".svg"]


def test_a_quantile_of_buckets(world: tuple[str, Month]) -> None:
    address, month = world
    query = "histogram_quantile(0.5, sum by (job, le) (rate(quotes_seconds_bucket[1h])))"
    (finding,) = report(address, "--query", query)["findings"]
    assert (finding["service"], finding["direction"]) == ("shop", "up")
    assert abs(from_rfc3339(finding["at"]) - month.changed) <= 3 * 3600


@pytest.mark.parametrize("function", ["increase", "rate"])
def test_failures_are_counted(world: tuple[str, Month], function: str) -> None:
    address, month = world
    failed, requests = (f"{function}({name}_total[5m])" for name in ("failed", "requests"))
    (finding,) = report(address, "--query", failed, "--of", requests)["findings"]
    assert (finding["status"], finding["direction"]) == ("confirmed", "up")
    assert finding["before"] == pytest.approx(0.01, rel=0.2)
    assert finding["after"] == pytest.approx(0.06, rel=0.2)
    assert abs(from_rfc3339(finding["at"]) - month.changed) <= 3 * 3600
    # 60 requests in five minutes; increase() stretches what lies between two points
    assert finding["counts"][1] == pytest.approx(4 * 288 * 60, rel=0.3)


def test_what_cannot_be_used_is_said(world: tuple[str, Month]) -> None:
    address, _ = world
    assert "rate(requests_total[5m])" in refused(address, "--query", "requests_total")
    assert "no series" in refused(address, "--query", "nowhere")
    assert "parse error" in refused(address, "--query", "rate(")
    assert "increase(" in refused(address, "--query", "quote_seconds", "--kind", "ratio")
    (port,) = free_ports(1)
    assert "does not answer" in refused(f"http://127.0.0.1:{port}", "--query", "up")
    assert "/api/v1" in refused(f"{address}/wrong", "--query", "up")


def test_points_of_five_seconds_are_asked_for_in_pieces(world: tuple[str, Month]) -> None:
    """17,280 points of a series: a server refuses more than 11,000 in one answer."""
    address, _ = world
    found = report(address, "--query", "quote_seconds", "--days", "1", "--step", "5s")
    assert found["series"] == 2
