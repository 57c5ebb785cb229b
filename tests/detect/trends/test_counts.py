"""Small counts: who speaks for them, and what would be seen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from perfd.detect.scan.settings import ScanSettings
from perfd.detect.scan.shares import Shares
from perfd.detect.scan.walk import View
from perfd.detect.trends.counts import counted, exposed, reach

CELLS = 336


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 40), st.integers(4, 48))
def test_reach_is_the_least_that_scipy_rejects(total: int, after: int) -> None:
    k, n = np.zeros(CELLS), np.full(CELLS, 100.0)
    k[: total * 8 : 8] = 1.0
    found = reach(k, n, after, 1e-5)
    assert found is not None
    count = found.count / found.dispersion
    part = after / (CELLS + after)

    def tail(new: float) -> float:
        whole = k.sum() / found.dispersion + new
        return 0.5 * sum(
            stats.beta.cdf(part, at, whole - at + 1.0) for at in (new, new + 1.0) if at <= whole
        )

    assert tail(count) < 1e-5
    assert count == 1.0 or tail(count - 1.0) >= 1e-5


def test_reach_of_what_never_failed() -> None:
    found = reach(np.zeros(CELLS), np.full(CELLS, 50.0), 24, 1e-5)
    assert found is not None
    assert found.ratio is None
    assert found.count == 4.0  # (1 / 15)^4 / 2 = 9.9e-6
    assert reach(np.zeros(CELLS), np.zeros(CELLS), 24, 1e-5) is None


def test_who_speaks() -> None:
    n = np.full(CELLS, 1000.0)
    assert counted(np.full(CELLS, 10.0), n, 6).passed
    seldom = np.zeros(CELLS)
    seldom[::50] = 1.0
    told = counted(seldom, n, 6)
    assert not told.passed
    assert "the count test speaks" in told.verdict
    assert 0.0 < float(told.inputs["least"]) < 0.01


def test_plain_counts_through_the_scan_of_shares() -> None:
    """A queue's restarts, five times as many in the last two days: the count test finds them."""
    draw = np.random.default_rng(7)
    rate = np.where(np.arange(CELLS) < CELLS - 48, 0.2, 2.0)
    k, n = exposed(draw.poisson(rate, (1, CELLS)).astype(float), np.ones((1, CELLS)))
    none = np.zeros(1, dtype=np.int64)
    view = View(slice(None), 0, CELLS, none, none.astype(float))
    (step,) = Shares(k, n, ScanSettings()).evaluate(view)
    assert abs(step.at - (CELLS - 48)) <= 6
    assert step.after / step.before == pytest.approx(10.0, rel=0.6)
