"""What the scan says of whole histories."""

import numpy as np
import pytest

from perfd.detect.scan.levels import Levels
from perfd.detect.scan.settings import ScanSettings
from perfd.detect.scan.shares import Shares
from perfd.detect.scan.walk import Walk
from tests.detect.scan.scanned import HOUR, MONDAY, SETTINGS, correlated, daily, look_from, walked

CELLS = 480


def quiet(seed: int = 11) -> np.ndarray:
    return correlated(1, CELLS, seed) + daily(CELLS)


def after(at: int, size: float) -> np.ndarray:
    return np.log1p(size) * (np.arange(CELLS) >= at)


def test_nothing_is_found_where_nothing_changed() -> None:
    walk = walked(correlated(30, CELLS, 12) + daily(CELLS), every=24)
    assert walk.confirmed == []
    assert walk.pending == {}
    assert walk.trends == {}


@pytest.mark.parametrize("size", [0.05, -0.05, 0.3])
def test_a_step_is_confirmed_once_with_its_time_and_size(size: float) -> None:
    walk = walked(quiet() + after(400, size))
    assert [seen.status for seen in walk.confirmed] == ["confirmed"]
    step = walk.confirmed[0].step
    assert abs(step.at - 400) <= 3
    assert step.at_ci[0] <= 400 <= step.at_ci[1] + 1
    low, high = np.expm1(step.ci)
    assert low <= size <= high
    assert walk.confirmed[0].end - 400 <= 36


def test_what_comes_and_goes_within_hours_is_nothing() -> None:
    log = quiet()
    log[0, 300:306] += 0.4
    log[0, 420:424] += 0.2
    log[0, ::70] += 0.3
    walk = walked(log)
    assert walk.confirmed == []


def test_a_second_step_is_found_from_the_new_level() -> None:
    walk = walked(quiet() + after(270, 0.1) + after(400, 0.1))
    assert [round(s.step.at, -1) for s in walk.confirmed] == [270, 400]
    assert walk.confirmed[1].step.before == pytest.approx(1.1, rel=0.02)


def test_a_ramp_is_a_trend_and_never_a_step() -> None:
    ramp = np.clip((np.arange(CELLS) - 100) / 336, 0.0, 1.0)
    walk = walked(quiet() + 0.2 * ramp, every=12)
    assert walk.confirmed == []
    assert list(walk.trends) == [0]


def test_a_weekend_is_not_a_step() -> None:
    hour = np.arange(CELLS)
    weekend = (hour // 24) % 7 >= 5
    walk = walked(quiet() - 0.1 * weekend, fewest=240)
    assert walk.confirmed == []


def test_a_level_where_the_series_often_is_is_not_new() -> None:
    log = quiet()
    for start in (60, 160, 260, 400):
        log[0, start : start + 45] += 0.2
    seen = [s for s in walked(log, fewest=336).confirmed if s.step.shift > 0]
    assert seen == []


def test_gaps_do_not_matter() -> None:
    log = quiet() + after(400, 0.05)
    log[0, np.random.default_rng(1).random(CELLS) < 0.1] = np.nan
    log[0, 200:230] = np.nan
    assert len(walked(log).confirmed) == 1


def test_a_constant_series_may_step_and_gives_no_nonsense() -> None:
    walk = walked(after(400, 0.05)[None])
    assert len(walk.confirmed) == 1
    assert walked(np.zeros((1, CELLS))).confirmed == []


def test_a_deploy_at_the_time_of_the_change_saves_an_evaluation() -> None:
    values = np.exp(quiet() + after(400, 0.05))
    plain = Walk(Levels(values, MONDAY, HOUR, SETTINGS), SETTINGS)
    told = Walk(Levels(values, MONDAY, HOUR, SETTINGS), SETTINGS, {0: [400]})
    look_from(plain, CELLS)
    look_from(told, CELLS)
    assert told.confirmed[0].end < plain.confirmed[0].end
    assert told.confirmed[0].times == SETTINGS.confirmations - 1
    assert told.deploy(told.confirmed[0]) == 400


def test_every_verdict_has_the_filters_behind_it() -> None:
    step = walked(quiet() + after(400, 0.05)).confirmed[0].step
    names = [check.name for check in step.checks]
    assert names == [
        "trend", "effect floor", "persistence", "recurrence", "season", "excursion",
    ]  # fmt: skip
    assert all(check.verdict and check.inputs for check in step.checks)


def test_the_same_in_blocks_as_alone() -> None:
    log = correlated(4, CELLS, 21) + after(400, 0.1)
    together = [(s.series, s.step.at, s.step.p) for s in walked(log, every=24).confirmed]
    alone = [
        (i, s.step.at, s.step.p) for i in range(4) for s in walked(log[i : i + 1], 24).confirmed
    ]
    assert len(alone) == 4
    assert sorted(together) == sorted(alone)


def shares(rate: np.ndarray, n: int, seed: int) -> Walk:
    draw = np.random.default_rng(seed)
    k = draw.binomial(n, np.broadcast_to(rate, (1, CELLS))).astype(float)
    walk = Walk(Shares(k, np.full_like(k, float(n)), SETTINGS), SETTINGS)
    look_from(walk, CELLS)
    return walk


def test_a_share_that_rises_is_found_and_one_that_stays_is_not() -> None:
    risen = shares(0.01 * np.exp(after(400, 0.3)), 10_000, 1)
    assert [abs(s.step.at - 400) <= 3 for s in risen.confirmed] == [True]
    assert risen.confirmed[0].step.after == pytest.approx(0.013, rel=0.05)
    assert shares(np.full(CELLS, 0.01), 10_000, 2).confirmed == []


def test_hours_without_requests_are_not_hours_without_failures() -> None:
    draw = np.random.default_rng(4)
    n = np.full((1, CELLS), 720.0)
    k = draw.binomial(720, 0.01 + np.where(np.arange(CELLS) >= 400, 0.05, 0.0), (1, CELLS))
    told = np.arange(CELLS) % 6 != 5  # the last cell before each evaluation says nothing
    walk = Walk(Shares(np.where(told, k, np.nan), np.where(told, n, np.nan), SETTINGS), SETTINGS)
    look_from(walk, CELLS)
    assert [abs(s.step.at - 400) <= 3 for s in walk.confirmed] == [True]


def test_few_failures_are_counted_exactly() -> None:
    """A handful of failures among thousands is no change; a rate tenfold of almost none is one."""
    assert shares(np.full(CELLS, 2e-5), 1_000, 3).confirmed == []
    risen = shares(np.where(np.arange(CELLS) >= 400, 2e-3, 2e-5), 1_000, 4)
    assert len(risen.confirmed) == 1


def test_settings_that_cannot_work_are_refused() -> None:
    with pytest.raises(ValueError, match="fewest"):
        ScanSettings(fewest=10)
    with pytest.raises(ValueError, match="alpha"):
        ScanSettings(alpha=0.0)


def test_a_return_ends_the_finding_and_is_none_of_its_own() -> None:
    walk = walked(quiet() + after(300, 0.1) - after(360, 0.1))
    assert [seen.status for seen in walk.confirmed] == ["confirmed"]
    assert abs(walk.confirmed[0].step.at - 300) <= 3
    assert walk.confirmed[0].over == pytest.approx(360, abs=3)


def test_half_of_the_way_back_is_a_change_of_its_own() -> None:
    walk = walked(quiet() + after(300, 0.3) - after(380, 0.1))
    assert [round(seen.step.at, -1) for seen in walk.confirmed] == [300, 380]
    assert walk.confirmed[0].over is None


def test_what_went_away_before_it_was_confirmed_is_nothing() -> None:
    for lasts in (12, 15, 18):
        assert walked(quiet() + after(400, 0.1) - after(400 + lasts, 0.1)).confirmed == []


def test_what_came_and_went_has_to_outlast_the_last_time() -> None:
    log = quiet() + after(260, 0.1) - after(320, 0.1) + after(400, 0.1)
    assert [s.over is not None for s in walked(log[:, :455]).confirmed] == [True]
    assert [round(s.step.at, -1) for s in walked(log).confirmed] == [260, 400]


def test_who_comes_and_goes_has_to_stay_for_longer() -> None:
    """Bursts of six hours: a new level must last for two days."""
    calm = quiet() + after(400, 0.1)
    bursts = calm.copy()
    bursts[0, 250:256] += 0.1
    assert walked(calm).confirmed[0].end <= 424
    assert walked(bursts).confirmed[0].end >= 448


def test_two_changes_at_once_in_the_first_look() -> None:
    """A window that holds both from the beginning: the later one is told first."""
    walk = Walk(
        Levels(np.exp(quiet() + after(380, 0.2) + after(430, 0.1)), MONDAY, HOUR, SETTINGS),
        SETTINGS,
    )
    for end in (468, 474, 480):
        walk.look(end)
    assert [abs(seen.step.at - 430) <= 3 for seen in walk.confirmed] == [True]
    assert walk.confirmed[0].step.before == pytest.approx(1.2, rel=0.02)


def test_a_step_that_keeps_moving_becomes_a_trend() -> None:
    """It jumps by 3 % and goes on by half a percent every six hours."""
    hour = np.arange(CELLS)
    log = quiet() + after(300, 0.03) + 0.0012 * np.clip(hour - 330, 0, None)
    walk = walked(log)
    assert list(walk.trends) == [0]
    assert walk.trends[0].status == "trend"


def test_what_is_old_is_not_found_for_the_first_time() -> None:
    """A burst of two days leaves the window: its end is no step."""
    values = np.exp(correlated(1, CELLS + 300, 13))
    values[0, 60:80] *= 1.3
    walk = Walk(Levels(values, MONDAY, HOUR, SETTINGS), SETTINGS)
    for end in range(336, CELLS + 300, 6):
        walk.look(end)
    assert walk.confirmed == []


def test_a_walk_goes_on_from_its_tracks() -> None:
    """What is kept of each series is all that is needed, also when the grid begins later."""
    values = np.exp(quiet() + after(380, 0.1) - after(440, 0.1))
    whole = Walk(Levels(values, MONDAY, HOUR, SETTINGS), SETTINGS)
    first = Walk(Levels(values, MONDAY, HOUR, SETTINGS), SETTINGS)
    said = [seen for end in range(336, 481, 6) for seen in whole.look(end)]
    again = [seen for end in range(336, 397, 6) for seen in first.look(end)]
    later = Levels(values[:, 60:], MONDAY + 60 * HOUR, HOUR, SETTINGS)
    tracks = {i: track.moved(-60) for i, track in first.tracks.items()}
    second = Walk(later, SETTINGS, tracks=tracks, looks=first.looks)
    again += [seen.moved(60) for end in range(402, 481, 6) for seen in second.look(end - 60)]
    assert [(s.step.at, s.end, s.over) for s in said] == [(s.step.at, s.end, s.over) for s in again]
    assert len(said) == 2
