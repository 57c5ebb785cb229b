"""What is measured is what happens: the same steps, put there by hand, are found as often."""

from __future__ import annotations

import numpy as np
import pytest

from perfd.detect.detectability.ladder import ADDED, RELATIVE
from perfd.detect.detectability.measure import measured
from perfd.detect.scan.levels import Levels
from perfd.detect.scan.steps import Step
from perfd.detect.scan.walk import Walk
from tests.detect.detectability.hours import (
    CELLS,
    HOUR,
    MONDAY,
    SETTINGS,
    bench,
    failing,
    noisy,
)

SERIES = 60


def simulated(sd: float, size: float, seed: int) -> float:
    """Recall over fresh series of the same noise, with no code of the self-test."""
    draw = np.random.default_rng(seed)
    wave = 0.1 * np.sin(2.0 * np.pi * np.arange(CELLS) / 24.0)
    values = np.exp(wave + sd * draw.standard_normal((SERIES, CELLS)))
    caught = 0
    for waited in range(1, 7):  # hours until the next evaluation
        changed = CELLS - 30 - waited
        steps = np.where(np.arange(CELLS) >= changed, 1.0 + size, 1.0)
        walk = Walk(Levels(values * steps, MONDAY, HOUR, SETTINGS), SETTINGS)
        for end in range(CELLS - 30, changed + 37, 6):
            walk.look(end)
        caught += sum(is_at(seen.step, changed) for seen in walk.confirmed)
    return caught / (6 * SERIES)


def is_at(step: Step, changed: int) -> bool:
    """The time that it says, or its interval, is that of the change."""
    low, high = step.at_ci
    return abs(step.at - changed) <= SETTINGS.same or low <= changed <= high


@pytest.mark.slow
@pytest.mark.parametrize(("sd", "size"), [(0.02, 0.05), (0.06, 0.10), (0.06, 0.05)])
def test_recall_is_that_of_a_direct_simulation(sd: float, size: float) -> None:
    ours = bench(copies=8).caught(noisy(SERIES, sd, 7), 0, np.full(SERIES, size)).sum()
    of = 8 * SERIES
    truth = simulated(sd, size, 11)
    error = np.sqrt(max(truth * (1.0 - truth), 0.02) * (1.0 / of + 1.0 / (6 * SERIES)))
    assert abs(ours / of - truth) < 4.0 * error + 0.03, (ours / of, truth)


@pytest.mark.slow
def test_more_noise_hides_more() -> None:
    (quiet,) = measured(noisy(1, 0.005, 1), RELATIVE, bench(copies=4))
    (loud,) = measured(noisy(1, 0.3, 1), RELATIVE, bench(copies=4))
    assert (quiet.smallest or 1.0) <= 0.05
    assert (loud.smallest or 1.0) > 0.10


@pytest.mark.slow
def test_more_requests_show_smaller_rises_of_errors() -> None:
    (few,) = measured(failing(1, 60, 0.01, 1), ADDED, bench(copies=4))
    (many,) = measured(failing(1, 20_000, 0.01, 1), ADDED, bench(copies=4))
    assert (many.smallest or 1.0) < (few.smallest or 1.0)


def test_where_nothing_changed_nothing_is_found() -> None:
    assert bench(copies=4).wrong(noisy(10, 0.03, 5), 0).sum() == 0


def test_what_is_found_in_a_copy_is_counted() -> None:
    """The control: a step that the copies kept, since the days around it were held in place."""
    copied = noisy(2, 0.02, 5)
    copied.values[0, 200:] *= 1.2
    assert bench(copies=4).wrong(copied, first=240).tolist() == [4, 0]


def test_what_stands_in_the_way_is_named() -> None:
    loud = noisy(1, 2.0, 5)
    assert bench().obstacle(loud, 0, 0.2) == "chance"
    floor = bench(floor=0.5)
    assert floor.obstacle(noisy(1, 0.01, 5), 0, 0.2) == "effect floor"


def test_little_history_is_said_and_not_measured() -> None:
    copied = noisy(3, 0.01, 2)
    copied.values[0] = np.nan
    copied.values[1, np.arange(CELLS) % 6 > 0] = np.nan
    silent, sparse, full = measured(copied, RELATIVE, bench(copies=2))
    assert silent.reason == "no hour of the last two weeks has requests enough for a value"
    assert sparse.reason == "56 of 336 hours have requests enough for a value; 96 are needed"
    assert (silent.smallest, sparse.smallest, full.reason) == (None, None, "")


def test_a_new_service_is_said_to_be_new() -> None:
    copied = noisy(2, 0.01, 2)
    copied.values[:, : CELLS - 50] = np.nan
    copied.values[1, : CELLS - 20] = np.nan
    assert {one.reason for one in measured(copied, RELATIVE, bench(copies=2))} == {
        "50 hours of history; 96 are needed"
    }
