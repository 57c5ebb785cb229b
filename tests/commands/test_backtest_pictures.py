"""The pictures are whole XML, one for each series, whatever it is called."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from tests.commands.history import CELLS, CHANGED, HOUR, START, noise, report, stepped, write

SVG = "{http://www.w3.org/2000/svg}"
Captured = pytest.CaptureFixture[str]


def words(file: Path) -> list[str]:
    return [e.text for e in ET.fromstring(file.read_text("utf-8")).iter(f"{SVG}text") if e.text]


def test_a_folder_has_a_picture_for_each_series_with_a_finding(
    tmp_path: Path, capsys: Captured
) -> None:
    series = {"a/../<b>&\x01": stepped(1, 0.08), "a/b": stepped(2, 0.08), "same": noise(3)}
    deploys = tmp_path / "d.csv"
    deploys.write_text(f'service,time,version\na,{START + CHANGED * HOUR},"<2.0>"\n')
    file, folder = write(tmp_path / "h.csv", series), tmp_path / "out"
    report(capsys, file, "--deploys", deploys, "--svg", f"{folder}/")
    names = sorted(drawn.name for drawn in folder.iterdir())
    assert len(names) == 2
    assert all(name.endswith(".svg") and ".." not in name for name in names)
    titles = {text for name in names for text in words(folder / name)}
    assert {"a/../<b>&\N{REPLACEMENT CHARACTER}", "a/b", "<2.0>"} <= titles


def test_it_tells_levels_times_and_status(tmp_path: Path, capsys: Captured) -> None:
    file, drawn = write(tmp_path / "h.csv", {"a": stepped(1, 0.1)}), tmp_path / "h.svg"
    (finding,) = report(capsys, file, "--walk", "--svg", drawn)["findings"]
    told = words(drawn)
    assert any(re.match(r"confirmed: [\d.]+ → [\d.]+, ×1\.\d+ \(", text) for text in told)
    assert "confirmed ×1.1" in told
    assert "UTC" in told
    classes = [e.get("class") for e in ET.fromstring(drawn.read_text("utf-8")).iter()]
    for drawn_part in ("when worse", "interval before", "level before", "level worse", "stretch"):
        assert drawn_part in classes
    assert finding["before_ci"][0] < 1.0 < finding["before_ci"][1]
    assert finding["after_ci"][0] < 1.1 < finding["after_ci"][1]


def test_gaps_spikes_shares_and_long_histories_are_drawn(tmp_path: Path, capsys: Captured) -> None:
    values = stepped(1, 0.1)
    values[40:44] *= 500.0
    rows = [f"a,{START + i * HOUR},{v}" for i, v in enumerate(values) if not 100 <= i < 130]
    file = tmp_path / "h.csv"
    file.write_text("\n".join(["series,time,value", *rows]))
    report(capsys, file, "--svg", tmp_path / "gaps.svg")
    assert "beyond the edge: 4" in words(tmp_path / "gaps.svg")

    draw = np.random.default_rng(2)
    rates = np.where(np.arange(CELLS) >= CHANGED, 0.02, 0.01)
    rows = [f"e,{START + i * HOUR},{draw.binomial(5000, p)},5000" for i, p in enumerate(rates)]
    file.write_text("\n".join(["series,time,k,n", *rows]))
    report(capsys, file, "--kind", "ratio", "--svg", tmp_path / "shares.svg")
    assert any(text.startswith("confirmed ×") for text in words(tmp_path / "shares.svg"))

    long = np.exp(0.01 * draw.standard_normal(2000)) * np.where(np.arange(2000) > 1900, 1.1, 1.0)
    report(capsys, write(file, {"long": long}), "--svg", tmp_path / "long.svg")
    assert (tmp_path / "long.svg").stat().st_size < 100_000


def test_nothing_found_is_said_too(tmp_path: Path, capsys: Captured) -> None:
    file = write(tmp_path / "h.csv", {"same": noise(3)})
    report(capsys, file, "--svg", tmp_path / "h.svg")
    assert words(tmp_path / "h.svg") == ["Nothing was found."]
