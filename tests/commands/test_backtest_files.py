"""CSV files as the world writes them."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from perfd.model.times import from_rfc3339
from tests.commands.history import CHANGED, HOUR, START, noise, refused, report, stepped, write

Captured = pytest.CaptureFixture[str]


def test_a_byte_order_mark_and_carriage_returns(tmp_path: Path, capsys: Captured) -> None:
    plain = write(tmp_path / "h.csv", {"a": stepped(1, 0.1)})
    other = tmp_path / "w.csv"
    other.write_bytes(b"\xef\xbb\xbf" + plain.read_bytes().replace(b"\n", b"\r\n"))
    assert report(capsys, other) == report(capsys, plain)


def test_columns_in_another_order_and_empty_lines(tmp_path: Path, capsys: Captured) -> None:
    plain = write(tmp_path / "h.csv", {"a": stepped(1, 0.1)})
    rows = [line.split(",") for line in plain.read_text("utf-8").splitlines()]
    other = tmp_path / "o.csv"
    other.write_text("\n\n".join(f"{v},note,{t},{s}" for s, t, v in rows).replace(
        "value,note", "value,comment", 1
    ))  # fmt: skip
    found = report(capsys, other)
    assert found["findings"] == report(capsys, plain)["findings"]


@pytest.mark.parametrize(("sign", "word"), [(";", "semicolons"), ("\t", "tabs")])
def test_other_separators_are_named(tmp_path: Path, capsys: Captured, sign: str, word: str) -> None:
    file = tmp_path / "h.csv"
    file.write_text(sign.join(("series", "time", "value")) + "\n")
    assert word in refused(capsys, file)


@pytest.mark.parametrize("content", [b"\xff\xfeh\x00", b"series,time,value\na,\xe9,1\n"])
def test_what_is_no_text(tmp_path: Path, capsys: Captured, content: bytes) -> None:
    file = tmp_path / "h.csv"
    file.write_bytes(content)
    assert f"{file}: not UTF-8" in refused(capsys, file)


def test_what_is_no_csv(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "h.csv"
    file.write_text("series,time,value\na,1,1\n" + "x" * 200_000 + "\n")
    assert ":3: this is no CSV" in refused(capsys, file)


def test_problems_are_counted_and_the_first_are_told(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "h.csv"
    rows = [f"a,{START + at * HOUR},{at - 50_000}" for at in range(100_000)]
    file.write_text("\n".join(["series,time,value", *rows]))
    told = refused(capsys, file).splitlines()
    assert len(told) == 21
    assert told[0].startswith(f"{file}:2: value -50000 is not above 0")
    assert told[-1] == f"{file}: and 49981 more"


def test_summer_time_ends_and_no_hour_is_lost(tmp_path: Path, capsys: Captured) -> None:
    """Offsets change in the middle; the hour that there is twice has two offsets."""
    begin = datetime(2023, 10, 14, tzinfo=UTC)
    ends = datetime(2023, 10, 29, 1, tzinfo=UTC)
    rows = ["series,time,value"]
    for at, value in enumerate(stepped(2, 0.1)):
        moment = begin + timedelta(hours=at)
        zone = timezone(timedelta(hours=2 if moment < ends else 1))
        rows.append(f"a,{moment.astimezone(zone).isoformat()},{value}")
    file = tmp_path / "h.csv"
    file.write_text("\n".join(rows))
    (finding,) = report(capsys, file)["findings"]
    expected = (begin + timedelta(hours=CHANGED)).timestamp()
    assert abs(from_rfc3339(finding["at"]) - expected) <= 2 * HOUR
    file.write_text("\n".join([*rows[:3], "a,2023-10-14T01:00:00+01:00,1"]))
    assert ":4: a has this time already, on line 2" in refused(capsys, file)


def test_grids_of_several_widths(tmp_path: Path, capsys: Captured) -> None:
    fine = np.repeat(stepped(3, 0.1), 12)
    rows = ["series,time,value"]
    rows += [f"hourly,{START + at * HOUR},{v}" for at, v in enumerate(stepped(4, 0.1))]
    rows += [f"fine,{START + at * 300.0},{v}" for at, v in enumerate(fine)]
    rows += [f"daily,{START + at * 86_400.0},{v}" for at, v in enumerate(noise(5, 90))]
    file = tmp_path / "h.csv"
    file.write_text("\n".join(rows))
    found = report(capsys, file)
    assert found["series"] == 3
    assert {f["series"] for f in found["findings"]} == {"hourly", "fine"}


def test_cells_of_few_requests_are_left_out_and_counted(tmp_path: Path, capsys: Captured) -> None:
    rows = ["series,time,value,count"]
    for at, value in enumerate(stepped(6, 0.1)):
        rows.append(f"a,{START + at * HOUR},{value},200")
        rows.append(f"few,{START + at * HOUR},{value},{4 if at % 10 else 9}")
    file = tmp_path / "h.csv"
    file.write_text("\n".join(rows))
    found = report(capsys, file)
    (finding,) = found["findings"]
    assert finding["series"] == "a"
    assert finding["counts"][1] == 60 * 200
    assert found["left_out"] == [
        {"series": "few", "reason": "324 of 360 cells have fewer than 5 requests"}
    ]
    (short,) = found["not_judged"]
    assert short["series"] == "few"


def test_a_history_is_named_once(tmp_path: Path, capsys: Captured) -> None:
    assert "name one history" in refused(capsys)
    file = write(tmp_path / "h.csv", {"a": noise(1)})
    assert "name one history" in refused(capsys, file, "--prometheus", "http://a")
    assert "--query" in refused(capsys, "--prometheus", "http://a")
    assert "no http URL" in refused(capsys, "--prometheus", "ftp://a", "--query", "up")


def test_a_store_that_is_not_there(tmp_path: Path, capsys: Captured) -> None:
    assert "there is no store" in refused(capsys, "--store", tmp_path)
