"""`perfd backtest --store`: what perfd itself has kept, beside whoever writes it."""

import contextlib
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from perfd.cli import main
from perfd.clock import ManualClock
from perfd.model.batch import DEPLOY, Batch, Document
from perfd.model.deploy import Deploy
from perfd.model.histogram import Histogram
from perfd.model.series import REQUESTS, STEADY, Series
from perfd.model.times import from_rfc3339
from perfd.model.window import Window
from perfd.store.settings import StoreSettings
from perfd.store.sqlite import SqliteStore
from perfd.tickets.codec import encode
from tests.commands.history import refused, report
from tests.fakes import CountingMeter

HOUR, HOURS, SINCE = 3600.0, 320, 40
END = int(time.time() // HOUR) * HOUR  # noqa: TID251 - the command reads the real clock
CHANGED = END - SINCE * HOUR
POLL = "GET /events/poll"  # its time-out was changed
CASES = {"POST /quote": (1.25, 0.01), "GET /price": (1.0, 0.05)}  # slower; more errors


def windows() -> Iterator[Window]:
    """A full minute in each hour; both operations change at one time."""
    draw = np.random.default_rng(1)
    for hour in range(HOURS):
        at = END - (HOURS - hour) * HOUR
        changed = at >= CHANGED
        for operation, (slower, failing) in CASES.items():
            values = 0.04 * np.exp(0.3 * draw.standard_normal(150) + 0.01 * draw.standard_normal())
            failed = int(draw.binomial(150, failing if changed else 0.01))
            yield window(at, operation, values * (slower if changed else 1.0), failed)
        timeout = 60.0 if changed else 30.0
        yield window(at, POLL, np.minimum(draw.exponential(60.0, 150), timeout), 0)


def window(at: float, operation: str, values: np.ndarray, failed: int) -> Window:
    series = Series.of(
        REQUESTS,
        service="pricing",
        version="1.1.0" if at >= CHANGED else "1.0.0",
        environment="prod",
        operation=operation,
        status="ok",
        phase=STEADY,
    )
    return Window(series, at, 60.0, len(values), failed, Histogram.of(values.tolist()))


def opened(folder: Path) -> SqliteStore:
    return SqliteStore(
        folder / "perfd.db", StoreSettings(), pace=1.0, clock=ManualClock(), meter=CountingMeter()
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data directory; its store stays open for writing all the while."""
    folder = tmp_path_factory.mktemp("data")
    store = opened(folder)
    store.append(Batch(tuple(windows())))
    deploy = Deploy("pricing", "prod", "1.1.0", "1.0.0", CHANGED)
    revision = store.next_revision()
    store.put([Document(DEPLOY, deploy.id, revision, deploy.at, encode(deploy))])
    yield folder
    store.close()


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, Any]:
    """What is told of all of it."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert main(["backtest", "--store", str(folder), "--walk", "--days", "14", "--json"]) == 0
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


def test_what_it_kept_is_judged(found: dict[str, Any]) -> None:
    changes = {one["series"]: one for one in found["findings"]}
    slower = changes["pricing/POST /quote latency.mean (prod)"]
    assert abs(from_rfc3339(slower["at"]) - CHANGED) <= 2 * HOUR
    assert slower["ratio"] == pytest.approx(1.25, rel=0.03)
    assert slower["deploy"]["version"] == "1.1.0"
    assert slower["counts"][0] == (HOURS - SINCE) * 150
    failing = changes["pricing/GET /price error_rate (prod)"]
    assert failing["after"] == pytest.approx(0.05, rel=0.3)
    (ticket,) = found["would_open"]
    assert ticket["service"] == "pricing"
    assert ticket["series"].startswith("pricing/POST /quote latency.")
    assert not any("GET /price latency" in name for name in changes)


def test_the_windows_around_a_change_are_asked_as_the_daemon_asks_them(
    found: dict[str, Any],
) -> None:
    (ticket,) = found["would_open"]
    assert not any(POLL in name for name in (ticket["series"], *ticket["also"]))
    reasons = {one["filter"] for one in found["held_back"] if POLL in one["series"]}
    assert "intentional wait" in reasons


def test_a_store_of_another_pace_is_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "perfd.yaml"
    config.write_text("pace: 60\n")
    assert "pace 1" in refused(capsys, "--store", folder, "--config", config)


def test_the_configured_store_is_the_default(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "perfd.yaml"
    config.write_text(f"data_dir: {folder}\n")
    found = report(capsys, "--store", "--config", config)
    assert found["series"] >= 8
    config.write_text("no_such_key: 1\n")
    assert "no_such_key" in refused(capsys, "--store", "--config", config)


def test_a_store_without_an_hour_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    opened(tmp_path).close()
    assert "nothing was measured in the last 30 days" in refused(capsys, "--store", tmp_path)
