"""The thresholds on a history: quiet where it is, and wrong where something did change."""

from __future__ import annotations

import random

import pytest

from perfd.commands.tune_report import report, told
from perfd.jobs.tune import Asked, Tuned, Tuning
from tests.scenarios.world import DAY, HOUR, Operation, World


def world(seed: int, days: float) -> World:
    made = World(seed=seed, history=days * DAY)
    made.service("pricing", Operation("GET /quote", rate=1.0), instances=1)
    made.run(minutes=1)
    return made


def tuned(made: World, **asked: float) -> Tuned:
    tuning = Tuning(made.store, made.config.detect, 1.0, random.Random(1))
    return tuning.run(Asked(**asked), made.now)  # type: ignore[arg-type]


def test_a_history_without_changes() -> None:
    found = tuned(world(951, 1.5), days=1.0, moments=4, copies=1)
    (place,) = found.places
    assert len(place.deploys.judged) == 4
    assert place.deploys.opened.k == 0
    assert place.deploys.promised == pytest.approx(0.005)
    assert found.settings == ()
    text = "\n".join(told(report(found, 1.0)))
    assert "0 would have opened a ticket (0 %, 0 to 60 %); promised is 0.5 %" in text
    assert "Nothing to set: 4 moments were judged, 50 are needed to conclude." in text


@pytest.mark.slow
def test_moments_beside_a_real_deploy_are_left_out() -> None:
    made = world(952, 0.5)
    made.services["pricing"].deploy("1.1.0")
    made.run(minutes=46)
    (place,) = tuned(made, days=3.0 / 24.0, moments=6, copies=1).places
    at = made.deploys("pricing")[0].at
    assert len(place.deploys.judged) + place.deploys.skipped < 6
    assert all(one.at + 45.0 * 60.0 < at for one in place.deploys.judged)


@pytest.mark.slow
def test_the_same_seed_tries_the_same() -> None:
    made = world(953, 1.2)
    first, second = (tuned(made, days=1.0, moments=2, copies=1) for _ in range(2))
    assert first == second


@pytest.mark.slow
def test_what_changed_without_a_deploy_is_wrong_for_a_moment_beside_it() -> None:
    """The control: a moment at a real slowdown opens a ticket, so the figure can be above 0."""
    made = world(954, 1.5)
    made.run(minutes=60)
    service = made.services["pricing"]
    for instance in service.instances:
        instance.slower = 1.5
    slowed = made.now
    made.run(minutes=60)
    tuning = Tuning(made.store, made.config.detect, 1.0, random.Random(1))
    hours = (made.now - slowed) / HOUR + 0.1
    (place,) = tuning.run(Asked(days=hours / 24.0 + 0.02, moments=12, copies=1), made.now).places
    assert place.deploys.opened.k > 0
    wrong = report(tuning.run(Asked(days=0.08, moments=12, copies=1), made.now), 1.0)
    assert wrong["services"][0]["deploys"]["wrong"]
