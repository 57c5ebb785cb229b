"""Whatever the history: no error, no warning, and verdicts that make sense."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from perfd.detect.scan.levels import Levels
from perfd.detect.scan.shares import Shares
from perfd.detect.scan.steps import Step
from perfd.detect.scan.walk import History, View
from tests.detect.scan.scanned import MONDAY, SETTINGS

few = settings(max_examples=25, deadline=None)

lengths = st.integers(1, 120) | st.integers(300, 340)
widths = st.sampled_from([300.0, 3600.0, 7200.0, 5000.0, 21_600.0, 86_400.0, 604_800.0])
shapes = st.sampled_from(["noise", "constant", "steps", "wild", "counts"])


def drawn(shape: str, cells: int, missing: float, seed: int) -> np.ndarray:
    draw = np.random.default_rng(seed)
    noise = draw.standard_normal((3, cells))
    at = np.arange(cells)
    log = {
        "noise": 0.01 * noise,
        "constant": np.zeros((3, cells)),
        "steps": 0.01 * noise + np.where(at > cells - 20, 3.0, 0.0) + (at > cells // 2),
        "wild": 50.0 * noise,
        "counts": np.log(1.0 + draw.poisson(1.0, (3, cells))),
    }[shape]
    values = np.exp(log)
    values[draw.random(values.shape) < missing] = np.nan
    return values


def judged(history: History, cells: int, since: int) -> list[Step]:
    begin = np.array([0, since, 0])
    return history.evaluate(View(slice(None), 0, cells, begin, np.array([0.0, 0.01, 0.0])))


def sensible(step: Step, cells: int) -> None:
    assert 0 < step.at < cells
    assert step.at_ci[0] <= step.at <= step.at_ci[1]
    assert step.ci[0] <= step.ci[1]
    assert 0.0 <= step.p < SETTINGS.alpha
    assert (step.after > step.before) == (step.shift > 0.0)
    assert step.checks
    assert np.isfinite([step.before, step.after, step.noise, *step.ci]).all()


@few
@given(shapes, lengths, widths, st.sampled_from([0.0, 0.1, 0.6, 1.0]), st.integers(0, 999))
def test_levels(shape: str, cells: int, width: float, missing: float, seed: int) -> None:
    values = drawn(shape, cells, missing, seed)
    for step in judged(Levels(values, MONDAY, width, SETTINGS), cells, cells // 3):
        sensible(step, cells)


@few
@given(shapes, lengths, st.sampled_from([0.0, 0.1, 1.0]), st.integers(0, 999))
def test_shares(shape: str, cells: int, missing: float, seed: int) -> None:
    n = np.random.default_rng(seed).integers(1, 1000, (3, cells)).astype(float)
    k = np.clip(np.floor(drawn(shape, cells, missing, seed)), 0.0, n)
    for step in judged(Shares(k, n, SETTINGS), cells, cells // 3):
        sensible(step, cells)
