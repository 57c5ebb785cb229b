"""`perfd detect tune` beside a running perfd: it reads a copy, prints, and changes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from perfd.cli import main
from perfd.clock import SystemClock
from perfd.model.batch import Batch
from perfd.model.histogram import Histogram
from perfd.model.series import REQUESTS, STEADY, Series
from perfd.model.window import Window
from perfd.store.open import open_store
from perfd.store.settings import StoreSettings
from tests.fakes import CountingMeter

ABOUT = Series.of(
    REQUESTS, service="pricing", version="1.0.0", environment="prod", operation="GET /",
    status="2xx", phase=STEADY,
)  # fmt: skip


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "perfd.yaml"
    file.write_text(f"data_dir: {tmp_path / 'data'}\n")
    return file


def test_it_reads_beside_a_running_daemon(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = SystemClock()
    running = open_store(
        tmp_path / "data", StoreSettings(), pace=1.0, clock=clock, meter=CountingMeter()
    )
    start = clock.now() // 60 * 60 - 6600.0
    held = Histogram.of([0.02, 0.021, 0.019] * 10)
    minutes = (start + 60.0 * i for i in range(108))
    running.append(Batch(tuple(Window(ABOUT, at, 60.0, 30, 0, held) for at in minutes)))
    before = running.next_revision()
    args = ["detect", "tune", "--config", str(config), "--days", "0.08", "--moments", "6"]
    assert main([*args, "--copies", "1", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    (place,) = document["services"]
    assert (place["service"], place["environment"]) == ("pricing", "prod")
    assert place["deploys"]["judged"] + place["deploys"]["skipped"] == 6
    assert place["deploys"]["judged"] > 0
    assert place["deploys"]["opened"]["k"] == 0
    assert (document["settings"], document["yaml"]) == ([], "")
    assert running.next_revision() == before + 1
    running.close()


def test_what_cannot_be_read_is_wrong_usage(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["detect", "tune", "--config", str(config)]) == 2
    assert "there is no store" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [["--days", "0"], ["--moments", "-1"], []])
def test_wrong_options_are_refused(wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["detect", *(["tune", *wrong] if wrong else [])])
    assert refused.value.code == 2
