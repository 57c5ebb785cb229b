"""What would have been opened: shown with its proof, and nobody is told."""

from dataclasses import replace

import pytest

from perfd.detect.settings import DetectSettings
from tests.detect.world import Version, World

OLD = Version("1.0.0")
SLOW = replace(OLD, name="1.1.0", latency=0.05)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (DetectSettings(shadow=True), "shadow mode is on (detect.shadow)"),
        (DetectSettings(shadow_services=("pri*",)), "pricing is in shadow mode"),
    ],
)
def test_shadow_shows_what_it_would_have_opened(settings: DetectSettings, why: str) -> None:
    world = World(settings=settings)
    world.run(70, OLD)
    world.run(34, SLOW)
    assert world.opened == []
    (shown,) = [one for one in world.found if one.evidence is not None]
    assert shown.finding.reason.startswith(f"shadow: would have opened a ticket: {why}")
    assert shown.finding.checks[-1].name == "shadow"
    assert world.judgements[0].reason == shown.finding.reason


def test_another_service_is_not_in_that_shadow() -> None:
    world = World(settings=DetectSettings(shadow_services=("cart", "p?")))
    world.run(70, OLD)
    world.run(34, SLOW)
    assert len(world.opened) == 1


def test_a_young_baseline_is_compared_in_shadow() -> None:
    world = World()
    world.run(40, OLD)
    world.run(34, SLOW)
    assert world.opened == []
    reasons = [one.finding.reason for one in world.found if one.evidence is not None]
    assert "the old version was seen for 40 min, and a baseline is mature after 60" in reasons[0]


def test_what_is_shown_in_shadow_costs_nothing() -> None:
    world = World(settings=DetectSettings(shadow=True))
    world.run(70, OLD)
    world.run(34, SLOW)
    assert world.budgets == []


def test_shadow_ends_with_the_setting_and_the_last_look_opens() -> None:
    world = World(settings=DetectSettings(shadow=True, recheck=7200.0))
    world.run(70, OLD)
    world.run(50, SLOW)
    world.job.configure(DetectSettings(recheck=7200.0))
    world.run(75, SLOW)
    assert len(world.opened) == 1
