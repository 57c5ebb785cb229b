"""Windows, labels and their account; no public series is needed."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

from tests.bench.histories import TUNING, histories
from tests.bench.public_found import CLEAR, Label, account, findings
from tests.bench.public_series import Public

MONDAY = 345_600.0
NAMES = {*CLEAR, "burst", "meander", "dubious"}


def series(cells: int, changed: int = 0) -> Public:
    draw = np.random.default_rng(3)
    values = np.exp(0.02 * draw.standard_normal(cells))
    values[changed:] *= 1.3 if changed else 1.0
    return Public("made", MONDAY, values)


def test_windows_cover_a_series_and_end_with_it() -> None:
    assert [(w.start, w.stop) for w in series(600).windows] == [(0, 336), (168, 504), (264, 600)]
    assert [(w.start, w.stop) for w in series(100).windows] == [(0, 100)]


def test_a_label_names_an_hour() -> None:
    one = series(100)
    assert one.time(30) == "1970-01-06T06Z"
    assert one.cell("1970-01-06T06Z") == 30


def test_a_found_step_is_counted_once_and_a_missed_one_is_named() -> None:
    one = series(500, changed=300)
    told = [Label("made", 305, "step"), Label("made", 450, "step"), Label("other", 300, "burst")]
    seen = findings([one], told)
    result = account(seen, told)
    assert [found.name for found in seen] == ["step"]
    assert (result.precision, result.recall) == (1.0, 0.5)
    assert result.missed == (Label("made", 450, "step"),)


def test_a_finding_without_a_label_is_not_clear() -> None:
    seen = findings([series(500, changed=300)], [])
    assert account(seen, []).precision == 0.0


def test_the_labels_are_of_those_that_the_file_explains() -> None:
    file = Path(__file__).with_name("public_labels.toml")
    told = tomllib.loads(file.read_text("utf-8"))["change"]
    assert {change["label"] for change in told} <= NAMES
    assert all(change["why"] and change["at"].endswith("Z") for change in told)


def test_synthetic_histories_are_the_same_each_time() -> None:
    once, again = histories(3, TUNING), histories(3, TUNING)
    assert once == again
    assert [len(one.values) for one in once] == pytest.approx([300] * 3, rel=1.0)
