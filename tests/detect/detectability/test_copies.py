"""A copy is the history in another order, and a step is in it where it was put."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from perfd.detect.detectability.copies import CopiedLevels, levelled, shuffled
from perfd.detect.scan.season import weekend
from tests.detect.detectability.hours import CELLS, HOUR, MONDAY, SETTINGS, failing, noisy


@given(seed=st.integers(0, 2**32), hours=st.integers(0, 167), first=st.integers(0, 300))
def test_days_change_places_with_days_of_their_kind(seed: int, hours: int, first: int) -> None:
    start = MONDAY + hours * HOUR
    order = shuffled(start, HOUR, CELLS, first, np.random.default_rng(seed))
    assert sorted(order) == list(range(CELLS))
    assert (order[:first] == np.arange(first)).all()
    late = weekend(start, HOUR, CELLS)
    assert (late[order] == late).all()
    hour_of_day = (np.arange(CELLS) + hours) % 24
    assert (hour_of_day[order] == hour_of_day).all()


def test_days_do_change_places() -> None:
    order = shuffled(MONDAY, HOUR, CELLS, 0, np.random.default_rng(1))
    assert (order != np.arange(CELLS)).mean() > 0.5


def test_a_step_begins_where_it_was_put() -> None:
    copied = noisy(2, 0.01, seed=1)
    order = np.arange(CELLS)
    made = copied.copied(order, np.array([300, CELLS]), np.array([0.5, 0.5]), SETTINGS).values
    ratio = made / copied.values
    assert np.allclose(ratio[0, :300], 1.0)
    assert np.allclose(ratio[0, 300:], 1.5)
    assert np.allclose(ratio[1], 1.0)


def test_a_rate_rises_by_the_share_that_was_added() -> None:
    copied = failing(1, 10_000, 0.02, seed=2)
    made = copied.copied(np.arange(CELLS), np.array([200]), np.array([0.10]), SETTINGS)
    before, after = (made.k[0, cells].sum() / made.n[0, cells].sum() for cells in
                     (slice(0, 200), slice(200, None)))  # fmt: skip
    assert abs(before - 0.02) < 0.001
    assert abs(after - (0.02 + 0.98 * 0.10)) < 0.002
    assert (made.k <= made.n).all()


def test_what_really_changed_is_no_noise_of_the_copies() -> None:
    copied = noisy(2, 0.01, seed=3)
    values = copied.values.copy()
    values[0, 200:] *= 1.3
    changed = CopiedLevels(values, MONDAY, HOUR)
    quiet = levelled(changed, SETTINGS, 6)
    assert isinstance(quiet, CopiedLevels)
    assert abs(np.log(quiet.values[0, 210:]).mean() - np.log(quiet.values[0, :190]).mean()) < 0.02
    assert (quiet.values[1] == values[1]).all()


def test_of_a_rate_only_what_came_after_the_change_is_kept() -> None:
    copied = failing(1, 5_000, 0.01, seed=4)
    copied.k[0, 150:] *= 5.0
    quiet = levelled(copied, SETTINGS, 6)
    kept = quiet.known[0]
    assert kept[160:].all()
    assert not kept[:140].any()
