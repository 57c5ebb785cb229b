"""Histories to backtest, and the command as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from perfd.cli import main

START = 1_700_006_400.0  # a Wednesday's midnight
HOUR = 3600.0
CELLS = 360
CHANGED = 300

Values = np.ndarray


def noise(seed: int, cells: int = CELLS) -> Values:
    draw = np.random.default_rng(seed)
    hours = np.arange(cells)
    return np.exp(0.01 * draw.standard_normal(cells)) * (1 + 0.05 * np.sin(hours * np.pi / 12))


def stepped(seed: int, size: float, at: int = CHANGED) -> Values:
    return noise(seed) * np.where(np.arange(CELLS) >= at, 1 + size, 1.0)


def write(path: Path, series: dict[str, Values], width: float = HOUR) -> Path:
    rows = [
        f"{name},{START + at * width},{value}"
        for name, values in series.items()
        for at, value in enumerate(values)
    ]
    np.random.default_rng(0).shuffle(rows)  # unsorted rows are fine
    path.write_text("\n".join(["series,time,value", *rows]) + "\n", "utf-8")
    return path


def report(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, Any]:
    assert main(["backtest", *map(str, words), "--json"]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert main(["backtest", *map(str, words)]) == 2
    return capsys.readouterr().err
