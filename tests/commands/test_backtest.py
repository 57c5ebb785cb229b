"""`perfd backtest` as a user runs it: files in, a report out."""

from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from perfd.cli import main
from perfd.model.times import from_rfc3339, to_rfc3339
from tests.commands.history import (
    CELLS,
    CHANGED,
    HOUR,
    START,
    noise,
    refused,
    report,
    stepped,
    write,
)


def test_a_step_is_found_and_its_neighbour_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "h.csv", {"slower": stepped(1, 0.08), "same": noise(2)})
    found = report(capsys, file)
    assert found["series"] == 2
    assert [f["series"] for f in found["findings"]] == ["slower"]
    finding = found["findings"][0]
    assert set(finding) >= {
        "series", "at", "detected_at", "before", "after", "ratio", "ci", "p", "direction", "status",
    }  # fmt: skip
    assert abs(from_rfc3339(finding["at"]) - START - CHANGED * HOUR) <= 2 * HOUR
    assert finding["detected_at"] == to_rfc3339(START + CELLS * HOUR)
    assert finding["ci"][0] < 1.08 < finding["ci"][1]
    assert finding["ratio"] == pytest.approx(finding["after"] / finding["before"])
    assert (finding["direction"], finding["status"]) == ("up", "confirmed")
    assert finding["p"] < 1e-5


def test_a_young_change_is_suspected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    young = noise(3) * np.where(np.arange(CELLS) >= CELLS - 10, 0.8, 1.0)
    finding = report(capsys, write(tmp_path / "h.csv", {"a": young}))["findings"][0]
    assert (finding["direction"], finding["status"]) == ("down", "suspected")


def test_a_walk_says_when_it_would_have_been_known(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "h.csv", {"a": stepped(4, 0.1)})
    whole = report(capsys, file, "--walk", "--every", "12h")
    assert whole["evaluations"] == len(range(CELLS, 71, -12))
    finding = whole["findings"][0]
    waited = from_rfc3339(finding["detected_at"]) - from_rfc3339(finding["at"])
    assert 12 * HOUR <= waited <= 48 * HOUR


def test_five_minutes_are_rolled_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw = np.random.default_rng(5)
    fine = np.repeat(stepped(6, 0.1)[150:], 12) * np.exp(0.05 * draw.standard_normal(210 * 12))
    finding = report(capsys, write(tmp_path / "h.csv", {"a": fine}, 300.0))["findings"][0]
    assert abs(from_rfc3339(finding["at"]) - START - 150 * HOUR) <= 2 * HOUR


def test_a_day_of_minutes_is_worth_a_suspicion(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw = np.random.default_rng(12)
    minutes = np.exp(0.02 * draw.standard_normal(1440)) * np.where(np.arange(1440) > 900, 1.2, 1.0)
    found = report(capsys, write(tmp_path / "h.csv", {"a": minutes}, 60.0))["findings"]
    assert len(found) == 1
    assert abs(from_rfc3339(found[0]["at"]) - START - 900 * 60.0) <= 1200.0


def test_a_daily_series_keeps_its_days(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw = np.random.default_rng(7)
    runs = np.where(np.arange(120) >= 90, 1.1, 1.0) * np.exp(0.01 * draw.standard_normal(120))
    finding = report(capsys, write(tmp_path / "h.csv", {"ci": runs}, 86_400.0))["findings"][0]
    assert from_rfc3339(finding["at"]) == START + 90 * 86_400.0


def test_a_ramp_is_a_trend_and_no_finding(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ramp = noise(8) * (1 + 0.2 * np.arange(CELLS) / CELLS)
    found = report(capsys, write(tmp_path / "h.csv", {"a": ramp}), "--walk", "--every", "12h")
    assert found["findings"] == []
    assert [t["status"] for t in found["trends"]] == ["trend"]


@pytest.mark.parametrize("kind", ["share", "ratio"])
def test_shares_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    draw = np.random.default_rng(9)
    rows = ["series,time,k,n"]
    for at in range(CELLS):
        rate = 0.013 if at >= CHANGED else 0.01
        rows.append(f"f,{to_rfc3339(START + at * HOUR)},{draw.binomial(20_000, rate)},20000")
        rows.append(f"g,{to_rfc3339(START + at * HOUR)},{draw.binomial(20_000, 0.01)},20000")
    file = tmp_path / "s.csv"
    file.write_text("\n".join(rows), "utf-8")
    findings = report(capsys, file, "--kind", kind)["findings"]
    assert [(f["series"], f["status"]) for f in findings] == [("f", "confirmed")]
    assert findings[0]["ratio"] == pytest.approx(1.3, rel=0.05)


def test_a_rate_of_nothing_before_has_no_ratio(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [f"e,{START + at * HOUR},{30 * (at >= CHANGED)},1000" for at in range(CELLS)]
    file = tmp_path / "s.csv"
    file.write_text("\n".join(["series,time,k,n", *rows]), "utf-8")
    finding = report(capsys, file, "--kind", "ratio")["findings"][0]
    assert finding["ratio"] is None
    assert finding["after"] == pytest.approx(0.03)


def test_a_deploy_at_the_change_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "h.csv", {"shop/GET /": stepped(10, 0.1)})
    deploys = tmp_path / "d.csv"
    at = START + CHANGED * HOUR
    deploys.write_text(f"service,time,version\nshop,{at - 40 * HOUR},1.9\nshop,{at},2.0\n", "utf-8")
    finding = report(capsys, file, "--deploys", deploys)["findings"][0]
    assert finding["deploy"]["version"] == "2.0"


def test_what_is_too_short_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = report(capsys, write(tmp_path / "h.csv", {"short": noise(11, 40)}))
    assert found["findings"] == []
    assert found["not_judged"][0]["series"] == "short"
    assert "40 cells" in found["not_judged"][0]["reason"]


def test_every_wrong_line_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(
        "series,time,value\n"
        "a,1700000000,1\n"
        "a,1700003600,0\n"
        "a,1700007200,x\n"
        "a,2023-11-14T22:13:20,1\n"
        "a,1700000000,2\n"
        ",1700000000,2\n"
        "a,1700000000\n"
        "a,1700010800000,1\n"
        "a,1700010800,nan\n",
        "utf-8",
    )
    told = refused(capsys, file).splitlines()
    assert [line.split(":")[1] for line in told] == [str(n) for n in range(3, 11)]
    assert "not above 0" in told[0]
    assert "not a number" in told[1]
    assert "RFC 3339 with an offset" in told[2]
    assert "has this time already, on line 2" in told[3]
    assert "series is empty" in told[4]


def test_counts_that_cannot_be_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bad.csv"
    file.write_text("series,time,k,n\na,1700000000,5,4\na,1700003600,1,0\n", "utf-8")
    told = refused(capsys, file, "--kind", "share").splitlines()
    assert "k 5 is not between 0 and n 4" in told[0]
    assert "n 0 is not above 0" in told[1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("series,time\na,1\n", "no column value"),
        ("series,time,value\n", "no rows"),
        ("", "no column"),
    ],
)
def test_a_file_without_what_is_needed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(text, "utf-8")
    assert words in refused(capsys, file)


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "nowhere.csv" in refused(capsys, tmp_path / "nowhere.csv")


def test_the_picture_has_a_panel_for_each_finding(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    series = {"a <b>": stepped(1, 0.08), "same": noise(2)}
    file, drawn = write(tmp_path / "h.csv", series), tmp_path / "h.svg"
    report(capsys, file, "--svg", drawn)
    names = [e.text for e in ET.fromstring(drawn.read_text("utf-8")).iter() if e.text]
    assert "a <b>" in names
    assert "same" not in names
    assert any(name.startswith("confirmed ×1.0") for name in names)


def test_a_person_reads_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path / "h.csv", {"slower": stepped(1, 0.08)})
    assert main(["backtest", str(file)]) == 0
    out = capsys.readouterr().out
    assert out.startswith(
        "perfd would have opened 1 ticket:\n  2023-11-30T00:00Z  slower: slower  1 → 1.08 "
    )
    assert "1 series, " in out.splitlines()[-1]
