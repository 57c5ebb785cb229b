"""Windows as columns: any order and any split of an interval is the same."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfd.detect import measures
from perfd.detect.columns import columns
from perfd.model.histogram import Histogram
from perfd.model.series import REQUESTS, Series
from perfd.model.window import Window

MINUTE = 60.0
METRICS = (measures.LATENCY_MEAN, measures.LATENCY_P95, measures.ERROR_RATE)


def window(minute: int, values: list[float], errors: int = 0, version: str = "1") -> Window:
    series = Series.of(REQUESTS, service="s", version=version, operation="o")
    held = Histogram.of(values)
    return Window(series, minute * MINUTE, MINUTE, len(values), errors, held)


latencies = st.lists(st.floats(1e-4, 10.0), min_size=1, max_size=8)


@given(st.lists(st.tuples(st.integers(0, 4), latencies), min_size=2, max_size=12), st.integers())
@settings(max_examples=60)
def test_an_interval_is_one_row_however_it_is_split(
    parts: list[tuple[int, list[float]]], seed: int
) -> None:
    split = [window(minute, values, len(values) // 2) for minute, values in parts]
    whole: dict[int, Window] = {}
    for one in split:
        minute = int(one.start / MINUTE)
        whole[minute] = whole[minute].merge(one) if minute in whole else one
    random.Random(seed).shuffle(split)
    assert len(columns(split)) == len(whole)
    for metric in METRICS:
        one, other = (measures.read(metric, w) for w in (split, [*whole.values()]))
        assert one is not None
        assert other is not None
        assert np.allclose(one.start, sorted(m * MINUTE for m in whole))
        assert np.allclose([one.level, one.sampling], [other.level, other.sampling])
        assert np.allclose(one.y, other.y)
        assert float(one.n @ one.y / one.n.sum()) == pytest.approx(one.level)


def test_the_version_is_that_of_the_newest_window() -> None:
    assert columns([window(3, [0.1], version="2"), window(1, [0.1])]).version == "2"
    assert columns([]).version == ""


def test_no_windows_no_cells() -> None:
    for metric in METRICS:
        assert measures.read(metric, []) is None
