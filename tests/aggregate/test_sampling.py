"""Sampled spans count for more, and measure once."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfd.aggregate.sampling import MOST, adjusted, weight
from perfd.model.series import REQUESTS
from tests.aggregate.sent import Perfd, named, span, total


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (b"", 1.0),
        (b"ot=th:0", 1.0),
        (b"ot=th:8", 2.0),
        (b"ot=th:c", 4.0),
        (b"ot=rv:11111111111111;th:c", 4.0),
        (b"ot=th:c;rv:11111111111111", 4.0),
        (b"vendor=th:8,ot=th:c", 4.0),
        (b"vendor=a, ot=th:fd70a3d70a3d71", 100.0),
        (b"ot=th:ffffffffffffff", MOST),
        (b"ot=th:", 1.0),
        (b"ot=th:xyz", 1.0),
        (b"ot=th:8g", 1.0),
        (b"ot=th:" + b"8" * 15, 1.0),
        (b"rot=th:8", 1.0),
        (b"\xff\x00th:8", 1.0),
    ],
)
def test_thresholds(state, expected):
    assert weight(state) == pytest.approx(expected, rel=1e-9)


@given(st.binary(max_size=60))
def test_any_trace_state_is_a_weight(state):
    assert 1.0 <= weight(state) <= MOST


def test_a_fraction_is_right_on_average():
    draw = random.Random(3).random
    counts = [adjusted([b"ot=th:4"], draw) for _ in range(20_000)]  # 4/3
    assert set(counts) == {1, 2}
    assert sum(counts) / len(counts) == pytest.approx(4 / 3, abs=0.012)  # 3.6 sigma


def test_count_is_the_traffic_and_the_histogram_the_evidence():
    perfd = Perfd()
    perfd.spans([span(state="ot=th:c", error=i < 5) for i in range(10)])
    perfd.spans([span()])
    assert total(named(perfd.take().windows, REQUESTS)) == (41, 20, 11)
