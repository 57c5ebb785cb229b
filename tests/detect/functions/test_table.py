"""Counts by the hour, against the counts of the deploys' own reading of profiles."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from perfd.detect.functions.table import TableBuilder, busiest, sampled
from perfd.detect.profile_side import Paths, profile_side
from perfd.detect.scan.binomial import best_rate_split, promising
from perfd.detect.scan.tails import scan_tail
from perfd.model.profile import PROFILE, Function, ProfileWindow, Symbols, Weight
from perfd.model.series import STEADY, WARMUP, Series

HOUR = 3600.0
stacks = st.lists(
    st.tuples(st.lists(st.integers(0, 6), min_size=1, max_size=6), st.integers(1, 50)),
    min_size=1,
    max_size=12,
)


def window(
    symbols: Symbols, samples: list[tuple[list[int], int]], at: float, **labels: str
) -> ProfileWindow:
    """Functions by number, root first."""
    weights: dict[int, Weight] = {}
    for stack, hits in samples:
        node = symbols.intern(tuple(Function(f"f{i}", "a.py") for i in stack))
        held = weights.get(node, Weight(0, 0))
        weights[node] = Weight(held.value + hits, held.hits + hits)
    series = Series.of(PROFILE, **{"type": "process_cpu:cpu", "phase": STEADY, **labels})
    return ProfileWindow(series, at, HOUR, "nanoseconds", weights, HOUR, 1)


def built(hours: list[list[tuple[list[int], int]]], most: int = 100):  # type: ignore[no-untyped-def]
    symbols = Symbols()
    builder = TableBuilder(0.0, HOUR, len(hours), most)
    windows = [window(symbols, samples, HOUR * i) for i, samples in enumerate(hours)]
    for cell, one in enumerate(windows):
        builder.learn(builder.unknown([one]), symbols)
        builder.add(cell, [one])
    return builder.table(), windows, symbols


@settings(max_examples=25, deadline=None)
@given(st.lists(stacks, min_size=1, max_size=4))
def test_each_function_is_counted_once_a_stack(hours: list[list[tuple[list[int], int]]]) -> None:
    table, windows, symbols = built(hours)
    for cell, one in enumerate(windows):
        side = profile_side([one], Paths(symbols))
        assert side is not None
        assert table.samples[cell] == side.hits
        for row, function in enumerate(table.functions):
            own, total = side.own.get(function), side.total.get(function)
            assert table.own[row, cell] == (own.hits if own else 0)
            assert table.total[row, cell] == (total.hits if total else 0)


def test_the_largest_functions_are_told_apart_and_the_rest_is_counted() -> None:
    table, _, _ = built([[([0, 1], 100), ([0, 2], 10), ([0, 3], 1)]], most=2)
    assert table.functions == (Function("f0", "a.py").id, Function("f1", "a.py").id)
    assert table.left_out == 2
    assert table.samples.tolist() == [111.0]


def test_an_hour_without_profiles_is_not_an_hour_of_zeros() -> None:
    builder = TableBuilder(0.0, HOUR, 3, 10)
    symbols = Symbols()
    one = window(symbols, [([0], 5)], 0.0)
    builder.learn(builder.unknown([one]), symbols)
    builder.add(1, [one])
    table = builder.table()
    assert np.isnan(table.own[:, [0, 2]]).all()
    assert np.isnan(table.samples[[0, 2]]).all()


def test_only_steady_cpu_of_the_busiest_sampler_is_compared() -> None:
    symbols = Symbols()
    py_spy = window(symbols, [([0], 50)], 0.0, sampler="pyspy")
    other = window(symbols, [([0], 5)], 0.0, sampler="other")
    cold = window(symbols, [([0], 500)], 0.0, phase=WARMUP)
    heap = window(symbols, [([0], 500)], 0.0, type="memory:inuse")
    windows = [py_spy, other, cold, heap]
    assert sampled(windows) == [py_spy, other]
    assert busiest(sampled(windows)) == "pyspy"
    assert sampled(windows, "pyspy") == [py_spy]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.2, 200.0), st.floats(0.0, 1.0), st.integers(10, 180))
def test_the_screen_lets_all_pass_that_the_test_would_find(
    seed: int, mean: float, left: float, at: int
) -> None:
    draw = np.random.default_rng(seed)
    expected = np.where(np.arange(192) < at, mean, mean * left)
    k = draw.poisson(expected, (20, 192)).astype(float)
    n = np.full_like(k, 10_000.0)
    split = best_rate_split(k, n, 8)
    beyond = np.flatnonzero(scan_tail(np.abs(split.root), split.edge) < 1e-6)
    assert set(beyond) <= set(promising(k, n, 1e-6))
