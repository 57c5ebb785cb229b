"""Settings are proposed for a reason that was measured, and only to be more careful."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from perfd.detect.settings import DetectSettings
from perfd.detect.tune.deploys import Deploys, Judged, promised
from perfd.detect.tune.proposal import proposal
from perfd.detect.tune.rate import Rate
from perfd.model.finding import Effect, Finding
from perfd.model.series import REQUESTS, Series
from perfd.model.ticket import Resolution, State, Ticket

SETTINGS = DetectSettings()
SERIES = Series.of(REQUESTS, service="pricing")


def wrongly(ratio: float) -> Finding:
    effect = Effect(ratio, (ratio - 0.01, ratio + 0.01), 0.001)
    return Finding(
        "regression", "deploy", "confirmed", SERIES, "pricing", "prod", "GET /", "latency.p95",
        "s", 0.0, (0.0, 0.0), 0.0, None, None, effect, 0.001, True, "",
    )  # fmt: skip


def moments(number: int, opened: int = 0, ratio: float = 1.2, moved: float = 0.001) -> Deploys:
    one = Judged(0.0, 4, 0.5, moved, 0.0, 1.0, False)
    wrong = replace(one, p=1e-4, opened=wrongly(ratio))
    return Deploys((wrong,) * opened + (one,) * (number - opened), 0, promised(1.0))


def closed(ratio: float, resolution: Resolution | None = Resolution.WRONG) -> Ticket:
    state = State.CLOSED if resolution else State.VERIFIED
    effect = Effect(ratio, (ratio, ratio), 0.01)
    return Ticket(
        "PERF-AAAAAA", "f", state, "regression", "deploy", False, "pricing", "prod", "GET /",
        "latency.p95", "s", None, None, effect, 0.0, (0.0, 0.0), (), (), (), (), 0.0, 0.0,
        resolution=resolution,
    )  # fmt: skip


@given(n=st.integers(1, 2000), part=st.floats(0.0, 1.0))
def test_the_interval_is_clopper_and_pearsons(n: int, part: float) -> None:
    k = round(part * n)
    low, high = binomtest(k, n).proportion_ci(0.95, "exact")
    assert Rate(k, n).low == pytest.approx(low, abs=1e-9)
    assert Rate(k, n).high == pytest.approx(high, abs=1e-9)


def test_where_nothing_was_wrong_nothing_is_proposed() -> None:
    assert proposal(SETTINGS, [moments(200)], [], []) == []


def test_a_quiet_history_loosens_nothing() -> None:
    assert proposal(SETTINGS, [moments(200, moved=0.0001)], [], []) == []


def test_too_many_wrong_ones_make_it_stricter_in_proportion() -> None:
    found = proposal(SETTINGS, [moments(200, opened=10)], [], [])
    one = next(s for s in found if s.key == "wrong_tickets")
    assert one.then == pytest.approx(SETTINGS.wrong_tickets * 0.005 / 0.05)
    assert "10 of 200" in one.why


def test_one_wrong_one_in_two_hundred_is_what_was_promised() -> None:
    assert "wrong_tickets" not in {s.key for s in proposal(SETTINGS, [moments(200, 1)], [], [])}


def test_few_moments_prove_nothing() -> None:
    assert "wrong_tickets" not in {s.key for s in proposal(SETTINGS, [moments(20, 3)], [], [])}


def test_a_drift_that_is_larger_than_the_guess_is_proposed() -> None:
    (one,) = proposal(SETTINGS, [moments(100), moments(100, moved=0.05)], [], [])
    assert (one.key, one.then) == ("drift", pytest.approx(0.05))


def test_a_floor_above_the_tickets_that_were_closed_as_wrong() -> None:
    (one,) = proposal(SETTINGS, [], [], [closed(1.08), closed(1.10), closed(1.6, None)])
    assert one.key == "floor"
    assert 0.10 < one.then < 0.12


def test_no_floor_where_right_tickets_were_as_small() -> None:
    assert proposal(SETTINGS, [], [], [closed(1.3), closed(1.2, None)]) == []
