"""The scores of the Turing Change Point Dataset, on cases small enough to count by hand."""

from __future__ import annotations

import pytest

from tests.bench.tcpd import covering, f1


def test_nobody_sees_a_change_and_nothing_is_said() -> None:
    assert f1({"a": [], "b": []}, []) == 1.0
    assert covering({"a": [], "b": []}, [], 50) == 1.0


def test_a_prediction_counts_within_five_cells() -> None:
    assert f1({"a": [20]}, [25]) == 1.0
    assert f1({"a": [20]}, [26]) == pytest.approx(0.5)  # index 0 is right for everybody


def test_recall_is_the_mean_of_the_annotators_and_precision_is_against_all() -> None:
    # Precision 2 of 2; recall 2 of 2 for a, 1 of 1 for b, 1 of 3 for c.
    found = f1({"a": [20], "b": [], "c": [50, 80]}, [20])
    recall = (1.0 + 1.0 + 1.0 / 3.0) / 3.0
    assert found == pytest.approx(2.0 * recall / (1.0 + recall))


def test_one_prediction_is_not_two_changes() -> None:
    # a's both changes are near the one prediction: recall 2 of 3, precision 2 of 2.
    assert f1({"a": [20, 23]}, [21]) == pytest.approx(0.8)


def test_covering_weighs_each_segment_by_its_length() -> None:
    # [0, 20) against [0, 25): 20 of 25; [20, 100) against [25, 100): 75 of 80.
    expected = (20 * 20 / 25 + 80 * 75 / 80) / 100
    assert covering({"a": [20]}, [25], 100) == pytest.approx(expected)
    assert covering({"a": [20]}, [], 100) == pytest.approx((20 * 0.2 + 80 * 0.8) / 100)
