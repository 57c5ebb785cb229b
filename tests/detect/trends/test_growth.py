"""What grows, and what only seems to for a while."""

from __future__ import annotations

import numpy as np
import pytest

from perfd.detect.trends.growth import Demand, growth
from perfd.detect.trends.leak import Room, leak
from perfd.model.finding import CONFIRMED, SUSPECTED

MB = 2.0**20
DEMAND = Demand(hours=24, part=0.10, amount=50 * MB)
HOURS = np.arange(96.0)


def noisy(level: np.ndarray, seed: int = 1, sd: float = 0.005) -> np.ndarray:
    draw = np.random.default_rng(seed)
    return 400 * MB * level * (1.0 + sd * draw.standard_normal(len(level)))


def failed(lows: np.ndarray) -> str:
    """The check that stands in the way; empty where none does."""
    last = growth(lows, DEMAND).checks[-1]
    return "" if last.passed else last.name


def test_a_leak_and_its_rate() -> None:
    found = growth(noisy(1.0 + 0.01 * HOURS), DEMAND)
    assert found.grows
    assert found.line.low <= 4 * MB <= found.line.high
    assert found.level == pytest.approx(400 * MB * 1.95, rel=0.02)


def test_a_cache_that_fills_and_stops() -> None:
    assert failed(noisy(2.0 - np.exp(-HOURS / 12.0))) != ""


def test_garbage_that_is_collected() -> None:
    assert failed(noisy(1.0 + 0.4 * ((HOURS / 9.0) % 1.0))) != ""


def test_a_leak_under_garbage() -> None:
    assert failed(noisy((1.0 + 0.02 * HOURS) * (1.0 + 0.05 * ((HOURS / 5.0) % 1.0)))) == ""


def test_a_step_is_no_growth() -> None:
    assert failed(noisy(np.where(HOURS < 40, 1.0, 1.6))) != ""


def test_too_little_in_bytes() -> None:
    assert failed(noisy(1.0 + 0.01 * HOURS) / 50.0) == "size"


def test_a_restart_begins_anew() -> None:
    lows = noisy(np.concatenate([1.0 + 0.05 * HOURS, 1.0 + 0.0 * HOURS[:30]]))
    found = growth(lows, DEMAND)
    assert (found.since, found.grows) == (96, False)
    assert failed(lows[:110]) == "enough"


def test_what_something_frees_at_this_level() -> None:
    once = 1.0 + 0.03 * HOURS[:60]
    thrice = noisy(np.concatenate([once, once, once]))
    assert failed(thrice) == "not freed"
    assert failed(thrice[:58]) == ""


def test_gaps() -> None:
    lows = noisy(1.0 + 0.01 * HOURS)
    lows[[5, 30, 31, 60]] = np.nan
    assert failed(lows) == ""
    lows[::3] = np.nan
    assert failed(lows) == "enough"
    assert failed(np.full(50, np.nan)) == "enough"


def test_a_constant_level() -> None:
    assert failed(np.full(72, 400 * MB)) == "monotone"


def test_a_line_without_noise() -> None:
    assert failed(400 * MB * (1.0 + 0.01 * HOURS)) == ""


def nowhere(_: str) -> list[Room]:
    return []


def test_instances_agree() -> None:
    grows, flat = noisy(1.0 + 0.01 * HOURS), noisy(1.0 + 0.0 * HOURS, 2)
    one = leak("1.0.0", {"a": flat, "b": grows, "c": flat}, nowhere, DEMAND)
    two = leak(
        "1.0.0", {"a": flat, "b": grows, "c": grows}, lambda _: [Room(1600 * MB, "x")], DEMAND
    )
    assert one is not None
    assert not one.passed
    assert two is not None
    assert two.passed
    assert two.instances == ("b", "c")
    assert two.ends is not None
    hours, (early, late) = two.ends
    assert early <= hours <= late
    assert early <= 200.0 <= late
    assert leak("1.0.0", {"a": flat}, nowhere, DEMAND) is None


def test_suspected_until_it_has_lasted() -> None:
    """And told before only where memory may end sooner."""
    lows = noisy(1.0 + 0.01 * HOURS)
    young, old = (leak("1", {"a": lows[:end]}, nowhere, DEMAND) for end in (40, 96))
    scarce = leak("1", {"a": lows[:40]}, lambda _: [Room(30 * MB, "x")], DEMAND)
    assert young is not None
    assert old is not None
    assert scarce is not None
    assert [(f.status, f.passed) for f in (young, scarce, old)] == [
        (SUSPECTED, False),
        (SUSPECTED, True),
        (CONFIRMED, True),
    ]
