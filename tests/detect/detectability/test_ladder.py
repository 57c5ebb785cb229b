"""The smallest size that is caught is closed in on, a row at a time."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from perfd.detect.detectability.ladder import RELATIVE, climb

OF = 20


def caught_above(thresholds: list[float]):  # type: ignore[no-untyped-def]
    """Everything at or above a series' threshold is caught, nothing below."""
    truth = np.array(thresholds)
    tried: list[tuple[int, float]] = []

    def attempt(rows: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, int]:
        tried.extend(zip(rows.tolist(), sizes.tolist(), strict=True))
        return np.where(sizes >= truth[rows], OF, 0), OF

    return attempt, tried


@given(thresholds=st.lists(st.floats(0.011, 0.5), min_size=1, max_size=6))
def test_the_smallest_size_is_found_to_within_a_fifth(thresholds: list[float]) -> None:
    attempt, _ = caught_above(thresholds)
    for one, truth in zip(climb(len(thresholds), RELATIVE, attempt), thresholds, strict=True):
        assert one.seen is not None
        assert one.seen >= truth
        low = 1.5 if truth < 0.05 else 1.26  # of the widest brackets: from 1 to 5 %, from 20 to 50
        assert one.seen <= truth * low


def test_what_is_never_caught_is_blind() -> None:
    attempt, tried = caught_above([0.9, 0.04])
    blind, seen = climb(2, RELATIVE, attempt)
    assert blind.seen is None
    assert seen.seen is not None
    assert (0, 0.5) in tried
    assert (1, 0.5) not in tried  # nobody asks what is known


def test_nine_in_ten_are_enough_and_eight_are_not() -> None:
    counts = {0.05: 17, 0.10: 18, 0.20: 20}

    def attempt(rows: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, int]:
        return np.array([counts.get(round(s, 3), 0) for s in sizes]), OF

    (one,) = climb(1, RELATIVE, attempt)
    assert one.seen == 0.10
    assert [one.recalls[size].caught for size in RELATIVE.usual] == [17, 18, 20]


def test_luck_at_a_small_size_does_not_hide_a_miss_at_a_greater() -> None:
    def attempt(rows: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, int]:
        return np.where(np.isclose(sizes, 0.05) | (sizes >= 0.2), OF, 10), OF

    (one,) = climb(1, RELATIVE, attempt)
    assert one.seen == 0.20
