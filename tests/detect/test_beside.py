"""The others as a control: what all share is no change, and what hides in it is found."""

import math

import numpy as np
import pytest

from perfd.detect.cells import LINEAR, LOG, Cells
from perfd.detect.expected import Expected, OneMetric, at_rate, controls, expected
from perfd.detect.noise import Spread
from perfd.detect.placebo import grid

MINUTE, BLOCK = 60.0, 300.0
DAY, BEFORE, AFTER = 264, 60, 30  # blocks, minutes, minutes
SAMPLING = 0.64
REQUESTS = 1000.0  # a minute


def cells(values: np.ndarray, start: float, width: float, rng: np.random.Generator) -> Cells:
    """Windows with these effects, and the sampling noise of their requests."""
    n = np.full(len(values), REQUESTS * width / MINUTE)
    y = values + rng.normal(0.0, np.sqrt(SAMPLING / n))
    at = start + width * np.arange(len(values))
    return Cells(LOG, float(n @ y / n.sum()), at, np.ones_like(n), n, y, SAMPLING)


def service(
    rng: np.random.Generator, shifts: list[float], shared: float, own: float
) -> dict[str, OneMetric]:
    """Operations whose windows share effects of sd `shared` that last for a block."""
    common = rng.normal(0.0, shared, DAY + (BEFORE + AFTER) // 5)
    now = np.repeat(common[DAY:], 5)
    found = {}
    for number, shift in enumerate(shifts):
        past = common[:DAY] + rng.normal(0.0, own, DAY)
        old = now[:BEFORE] + rng.normal(0.0, own, BEFORE)
        new = now[BEFORE:] + rng.normal(shift, own, AFTER)
        found[f"GET /{number}"] = OneMetric(
            cells(old, 0.0, MINUTE, rng),
            cells(new, BEFORE * MINUTE, MINUTE, rng),
            cells(past, -DAY * BLOCK, BLOCK, rng),
        )
    return found


def told(sides: dict[str, OneMetric]) -> dict[str, Expected]:
    starts = [one.past.start for one in sides.values() if one.past is not None]
    on = grid(starts, (BEFORE * MINUTE, AFTER * MINUTE))
    return expected(sides, on, controls(sides, on))


def deviations(sides: dict[str, OneMetric], name: str) -> float:
    """How many standard deviations the operation is off what was to be expected."""
    one, weather = sides[name], told(sides)[name]
    sampling = SAMPLING / one.old.total + SAMPLING / one.new.total
    shift = one.new.level - one.old.level - weather.shift
    return shift / math.sqrt(sampling + weather.excess.variance)


def test_a_change_of_one_stands_out_of_what_all_share() -> None:
    rng = np.random.default_rng(1)
    for _ in range(10):
        sides = service(rng, [0.1] + [0.0] * 9, shared=0.1, own=0.01)
        assert deviations(sides, "GET /0") > 6.0
        assert abs(deviations(sides, "GET /1")) < 4.0


def test_what_all_share_is_no_change() -> None:
    rng = np.random.default_rng(2)
    off = [deviations(service(rng, [0.0] * 10, shared=0.1, own=0.01), "GET /3") for _ in range(40)]
    assert np.std(off) == pytest.approx(1.0, abs=0.35)


def test_a_deploy_that_slows_all_is_not_taken_for_the_weather() -> None:
    rng = np.random.default_rng(3)
    sides = service(rng, [0.2] * 10, shared=0.01, own=0.01)
    assert told(sides)["GET /0"].shift == 0.0
    assert deviations(sides, "GET /0") > 6.0


def test_where_others_got_faster_nobody_got_slower() -> None:
    rng = np.random.default_rng(4)
    sides = service(rng, [0.0] * 3 + [-0.5] * 7, shared=0.01, own=0.01)
    assert abs(deviations(sides, "GET /0")) < 4.0


def test_an_operation_that_changed_is_no_control() -> None:
    rng = np.random.default_rng(5)
    sides = service(rng, [0.0] * 7 + [0.7] * 3, shared=0.01, own=0.01)
    assert abs(told(sides)["GET /0"].shift) < 0.05


def test_both_comparisons_are_paid_for() -> None:
    rng = np.random.default_rng(6)
    sides = service(rng, [0.0] * 6, shared=0.1, own=0.01)
    assert {one.chances for one in told(sides).values()} == {2.0}


def test_where_nothing_is_shared_each_stands_for_itself() -> None:
    rng = np.random.default_rng(7)
    sides = service(rng, [0.0] * 6, shared=0.0, own=0.05)
    assert {(one.shift, one.chances) for one in told(sides).values()} == {(0.0, 1.0)}


def test_few_others_are_no_control() -> None:
    rng = np.random.default_rng(8)
    sides = service(rng, [0.1, 0.0, 0.0], shared=0.1, own=0.01)
    assert {one.chances for one in told(sides).values()} == {1.0}


def rate(level: float) -> Cells:
    one = np.array([1000.0])
    return Cells(LINEAR, level, np.zeros(1), np.ones(1), one, np.array([level]), level)


def test_bursts_of_errors_go_with_their_rate() -> None:
    day = Spread(1e-6, 20.0)
    assert at_rate(OneMetric(rate(0.01), rate(0.03), rate(0.01)), day).variance == pytest.approx(
        2e-6
    )
    assert at_rate(OneMetric(rate(0.01), rate(0.01), rate(0.01)), day) == day
    assert at_rate(OneMetric(rate(0.01), rate(0.0), rate(0.01)), day) == day
    assert at_rate(OneMetric(rate(0.0), rate(0.02), rate(0.0)), day) == day
