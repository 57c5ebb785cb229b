"""The tail of clustered counts, against scipy and against counts that are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from perfd.detect.scan.beta_binomial import beta_binomial_mid_tail, clustered_tail
from perfd.detect.scan.settings import ScanSettings
from perfd.detect.scan.shares import Shares
from perfd.detect.scan.walk import View


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 300), st.integers(0, 300), st.floats(0.05, 200.0), st.floats(0.05, 5_000.0))
def test_it_is_scipys(k: int, more: int, a: float, b: float) -> None:
    n = k + more
    law = stats.betabinom(n, a, b)
    expected = law.pmf(np.arange(k + 1, n + 1)).sum() + 0.5 * law.pmf(k)
    assert beta_binomial_mid_tail(k, n, a, b) == pytest.approx(expected, rel=1e-9, abs=1e-300)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 200), st.integers(1, 200), st.floats(1.01, 20.0))
def test_more_clustered_counts_surprise_less(k0: int, more: int, phi: float) -> None:
    k1 = k0 + more
    loose = clustered_tail(k1, 1_000.0, k0, 1_000.0, phi)
    assert 0.0 < loose <= 0.5 + 1e-9
    assert clustered_tail(k1 + 1, 1_000.0, k0, 1_000.0, phi) < loose


def test_rare_clustered_samples_are_no_changes() -> None:
    """A scaled binomial tail finds many: 1 sample an hour, of a variance of 5."""
    draw = np.random.default_rng(7)
    n, phi, series = 20_000.0, 5.0, 2_000
    size = (n - 1.0) / (phi - 1.0) - 1.0
    p = draw.beta(size / n, size, (series, 336))
    k = draw.binomial(int(n), p).astype(float)
    none = np.zeros(series, dtype=np.int64)
    view = View(slice(None), 0, 336, none, none.astype(float))
    lenient = ScanSettings(alpha=1e-3)
    found = Shares(k, np.full_like(k, n), lenient).evaluate(view)
    assert len(found) <= 7  # 2 expected, and 7 once in a thousand times
    assert all(step.p > 1e-6 for step in found)
