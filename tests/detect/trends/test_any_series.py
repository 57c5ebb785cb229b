"""Whatever was read, there is an answer, and it can be written down."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from perfd.detect.trends.counts import counted
from perfd.detect.trends.drift import drifts
from perfd.detect.trends.growth import Demand, growth
from perfd.detect.trends.rooms import container_of
from perfd.detect.trends.saturation import filling, full, peaking
from perfd.model.finding import Check

few = settings(max_examples=30, deadline=None)
cell = st.one_of(st.just(math.nan), st.just(0.0), st.integers(0, 5), st.floats(0.0, 1e12))
levels = st.lists(cell, min_size=1, max_size=200).map(lambda x: np.array(x, dtype=float))


def written(checks: tuple[Check, ...]) -> None:
    """JSON knows neither infinity nor NaN."""
    assert checks
    told = [c for c in checks if c.passed or c.name not in ("full", "near", "not too far")]
    values = [v for check in told for v in check.inputs.values() if isinstance(v, float)]
    assert all(math.isfinite(v) for v in values), told
    assert all(check.passed for check in checks[:-1])


@few
@given(levels)
def test_growth(x: np.ndarray) -> None:
    written(growth(x, Demand(24, 0.1, 10.0)).checks)


@few
@given(st.floats(-1e9, 1e9), st.floats(0.0, 1e9), st.integers(30, 168))
def test_growth_of_a_line(slope: float, level: float, hours: int) -> None:
    written(growth(level + slope * np.arange(float(hours)), Demand(24, 0.1, 10.0)).checks)


@few
@given(levels)
def test_limits(x: np.ndarray) -> None:
    parts = x / 1e6
    written(full(parts[-12:], parts, 0.9))
    for forecast in (filling(parts, parts, 24, 336.0), peaking(parts, 336.0)):
        assert forecast.checks
        assert not forecast.passed or forecast.ci[0] <= forecast.ahead <= forecast.ci[1]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.floats(-3.0, 3.0), st.sampled_from([0.0, 0.1, 0.4]))
def test_drift(seed: int, slope: float, missing: float) -> None:
    draw = np.random.default_rng(seed)
    values = np.stack([draw.integers(0, 3, 336), slope * np.arange(336.0), np.zeros(336)])
    values[draw.random(values.shape) < missing] = np.nan
    for drift in drifts(values, 0.0, 3600.0, 0.05, 168):
        written(drift.checks)


@few
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 2000)), min_size=1, max_size=100))
def test_counts(cells: list[tuple[int, int]]) -> None:
    k, n = (np.array(column, dtype=float) for column in zip(*cells, strict=True))
    written((counted(np.minimum(k, n), n, 6),))


def test_a_container_is_found_by_its_memory() -> None:
    memory = 100.0 + np.arange(48.0)
    usages = {"mine": memory * 1.1, "other": memory * 3.0, "unread": np.full(48, np.nan)}
    assert container_of(memory, usages) == "mine"
    assert container_of(memory, {**usages, "twin": memory * 1.12}) is None
    assert container_of(memory, {"other": memory * 3.0}) is None
    assert container_of(memory, {}) is None
