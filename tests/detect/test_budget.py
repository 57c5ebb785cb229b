"""The false-alarm budget, the placebos and the trend of others."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfd.detect.cells import LOG, Cells
from perfd.detect.excess import Raw, moderated
from perfd.detect.multiple import holm
from perfd.detect.noise import Spread
from perfd.detect.placebo import grid, placebos
from perfd.detect.trend import Control, trend

BLOCK = 300.0


def blocks(values: np.ndarray, requests: float = 1000.0, sampling: float = 0.0) -> Cells:
    n = np.full(len(values), requests)
    start = BLOCK * np.arange(len(values))
    return Cells(LOG, float(values.mean()), start, np.ones_like(n), n, values, sampling)


def placebo(history: Cells, before: float, after: float) -> Spread | None:
    on = grid([history.start], (before, after))
    assert on is not None
    return placebos(history, on).excess()


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=20), st.floats(0.001, 0.1))
@settings(max_examples=60)
def test_holm_is_between_bonferroni_and_nothing(p: list[float], alpha: float) -> None:
    verdicts = holm(p, [1.0] * len(p), alpha)
    for value, (significant, threshold) in zip(p, verdicts, strict=True):
        assert threshold >= alpha / len(p) * (1.0 - 1e-12)
        if value <= alpha / len(p) * (1.0 - 1e-12):
            assert significant
        if value > alpha:
            assert not significant


def test_weights_share_the_budget() -> None:
    heavy, light = holm([0.008, 0.004], [9.0, 1.0], 0.01)
    assert heavy == (True, pytest.approx(0.009))
    assert light == (True, pytest.approx(0.01))  # what the first left over
    assert holm([0.02, 0.004], [9.0, 1.0], 0.01)[1][0] is False


def test_placebos_find_the_variance_of_a_comparison() -> None:
    """White noise of sd 1 % per block: an hour against half an hour."""
    rng = np.random.default_rng(1)
    found = [placebo(blocks(rng.normal(0.0, 0.01, 264)), 3600.0, 1800.0) for _ in range(30)]
    true = 0.01**2 * (1 / 12 + 1 / 6)
    assert np.mean([f.variance for f in found if f]) == pytest.approx(true, rel=0.1)


def test_placebos_see_a_drift_that_windows_do_not() -> None:
    daily = 0.076 * np.sin(2.0 * np.pi * np.arange(264) / 288.0)
    found = placebo(blocks(daily), 3600.0, 1800.0)
    assert found is not None
    # 2 % an hour at its steepest, three quarters of an hour from middle to middle.
    assert found.variance == pytest.approx((0.02 * 0.75) ** 2 / 2.0, rel=0.15)


def test_sampling_is_no_excess() -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(0.0, np.sqrt(0.64 / 50.0), 264)
    found = placebo(blocks(values, 50.0, 0.64), 3600.0, 1800.0)
    assert found is not None
    assert found.variance < 0.5 * 0.64 / 50.0 / 6.0


def test_a_short_history_makes_no_placebos() -> None:
    assert placebo(blocks(np.zeros(20)), 3600.0, 1800.0) is None


def test_operations_lend_each_other_what_they_know() -> None:
    usual = [Raw(1e-5, Spread(1e-4, 20.0)) for _ in range(6)]
    lucky = Raw(1e-5, Spread(0.0, 3.0))
    hidden = Raw(1e-1, Spread(5e-2, 20.0))
    after = moderated([*usual, lucky, hidden])
    assert 4e-5 < after[-2].variance < 1e-4  # no longer nothing
    assert after[-1].variance < 4e-2  # sampling hid it: it is not believed
    assert after[0].freedom > 20.0
    assert [one.variance for one in moderated([lucky, hidden])] == [0.0, 5e-2]


def test_controls_that_agree_are_believed() -> None:
    drift = 0.016**2
    agreed = trend([Control(0.10 + 0.001 * i, 1e-5) for i in range(6)], drift)
    assert agreed.shift == pytest.approx(0.10, abs=0.01)
    assert agreed.variance < 0.1 * drift


def test_controls_that_differ_are_not() -> None:
    drift = 0.016**2
    torn = trend([Control(s, 1e-5) for s in (-0.4, -0.2, 0.0, 0.2, 0.4)], drift)
    assert abs(torn.shift) < 0.01
    assert torn.variance > 0.9 * drift


def test_few_controls_say_nothing() -> None:
    assert trend([Control(0.1, 1e-6)] * 2, 1e-4) == (0.0, 1e-4)
