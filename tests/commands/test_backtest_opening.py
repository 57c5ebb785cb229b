"""Which tickets perfd would have opened, and why not the others."""

from pathlib import Path

import numpy as np
import pytest

from perfd.cli import main
from perfd.commands.backtest_words import level
from perfd.commands.series_grid import service_of
from tests.commands.history import CELLS, CHANGED, noise, report, stepped, write

Captured = pytest.CaptureFixture[str]
WALK = ("--walk", "--every", "6h")


def test_what_rose_at_one_time_in_one_service_is_one_ticket(
    tmp_path: Path, capsys: Captured
) -> None:
    series = {
        "pricing/POST /quote p95": stepped(1, 0.2),
        "pricing/GET /price p95": stepped(2, 0.1),
        "checkout/POST /pay p95": stepped(3, 0.1),
        "checkout/GET /cart p95": stepped(4, 0.1, at=CHANGED - 72),
    }
    found = report(capsys, write(tmp_path / "h.csv", series), *WALK)
    told = [(t["service"], t["series"], t["also"]) for t in found["would_open"]]
    assert sorted(told) == [
        ("checkout", "checkout/GET /cart p95", []),
        ("checkout", "checkout/POST /pay p95", []),
        ("pricing", "pricing/POST /quote p95", ["pricing/GET /price p95"]),
    ]
    opened = [t["opened_at"] for t in found["would_open"]]
    assert opened == sorted(opened)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        (stepped(1, -0.2), "direction"),
        (stepped(2, 0.03), "ticket floor"),
        (stepped(3, 0.2, at=110), "maturity"),
        (stepped(4, 0.2, at=CELLS - 10), "confirmation"),
        (noise(5) * np.where((np.arange(CELLS) >= 300) & (np.arange(CELLS) < 320), 1.2, 1), None),
    ],
)
def test_what_is_held_back_and_by_what(
    tmp_path: Path, capsys: Captured, values: np.ndarray, name: str | None
) -> None:
    found = report(capsys, write(tmp_path / "h.csv", {"a": values}), *WALK)
    assert found["would_open"] == []
    held = {one["filter"] for one in found["held_back"]}
    assert name in held if name else held <= {"persistence", "confirmation", "recurrence"}


def test_nothing_is_held_back_where_nothing_changed(tmp_path: Path, capsys: Captured) -> None:
    series = {f"s{seed}": noise(seed) for seed in range(10, 20)}
    found = report(capsys, write(tmp_path / "h.csv", series), *WALK)
    assert (found["would_open"], found["findings"]) == ([], [])


def test_a_person_reads_what_would_have_been_opened(tmp_path: Path, capsys: Captured) -> None:
    series = {"shop/quote": stepped(1, 0.2), "shop/price": stepped(2, 0.2), "same": noise(3)}
    file = write(tmp_path / "h.csv", series)
    assert main(["backtest", str(file), *WALK]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "perfd would have opened 1 ticket:"
    assert "shop: shop/" in lines[1]
    assert lines[2].startswith("      also shop/")
    assert main(["backtest", str(write(file, {"same": noise(3)}))]) == 0
    assert capsys.readouterr().out.startswith("perfd would have opened no ticket.")


@pytest.mark.parametrize(
    ("name", "service"),
    [
        ("pricing/POST /quote p95", "pricing"),
        ('pricing{operation="POST /quote"}', "pricing"),
        ("pricing latency", "pricing"),
        ("pricing-api", "pricing-api"),
        ("/odd", "/odd"),
    ],
)
def test_a_name_begins_with_its_service(name: str, service: str) -> None:
    assert service_of(name) == service


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0412345, "0.04123"), (9999.0, "9999"), (12_345.0, "12.35k"), (2.1e8, "210M"), (0.0, "0")],
)
def test_levels_are_short(value: float, text: str) -> None:
    assert level(value) == text
