"""What stands between a change and a ticket, each in its own story, with the reason in words."""

from dataclasses import replace

import pytest

from perfd.detect.settings import DetectSettings
from perfd.model.deploy import Deploy
from perfd.model.finding import Finding
from perfd.model.series import WARMUP
from tests.detect.world import Version, World

OLD = Version("1.0.0")
NEW = Version("1.1.0")


def only(world: World, metric: str = "latency.mean") -> Finding:
    """The one finding of that metric; nothing was opened."""
    assert world.opened == []
    (finding,) = [f for f in world.findings.values() if f.metric == metric]
    return finding


def test_below_the_floor() -> None:
    world = World()
    busy = replace(OLD, rate=600.0)
    world.run(70, busy)
    world.run(34, replace(busy, name="1.1.0", latency=0.0214))
    finding = only(world)
    assert "below the floor of 10.0 %" in finding.reason or "floor of 10 %" in finding.reason


def test_too_little_traffic() -> None:
    world = World()
    world.run(70, replace(OLD, rate=6.0))
    world.run(34, replace(NEW, rate=6.0, latency=0.1))
    finding = only(world, "latency.p95")
    assert finding.reason.endswith("requests after the deploy, 300 needed")


def test_and_when_it_has_come_the_ticket_opens() -> None:
    world = World()
    world.run(70, replace(OLD, rate=6.0))
    world.run(95, replace(NEW, rate=6.0, latency=0.1))
    assert [f.operation for f in world.opened] == ["POST /quote"]


def test_a_change_that_went_away() -> None:
    world = World()
    world.run(70, OLD)
    world.run(18, replace(NEW, latency=0.04))
    world.run(16, NEW)
    finding = only(world)
    assert finding.reason.startswith("the change went away after at most")


def test_a_cold_start_is_left_out() -> None:
    world = World()
    world.run(70, OLD)
    world.run(3, replace(NEW, latency=0.2, phase=WARMUP))
    world.run(33, NEW)
    assert world.opened == []
    assert world.judgements[0].looks == 1


def test_one_bad_instance_is_no_regression() -> None:
    world = World()
    world.run(70, *(replace(OLD, instance=f"old-{i}") for i in range(4)))
    good = [replace(NEW, instance=f"new-{i}") for i in range(3)]
    world.run(34, *good, replace(NEW, instance="new-bad", latency=0.06))
    finding = only(world)
    assert finding.reason.startswith("only instance new-bad of 4 is worse")


def test_more_of_what_was_always_slow_is_a_change_of_mix() -> None:
    """Refusals are fast, answers are slow: the new version refuses less."""
    world = World()
    answer = replace(OLD, rate=40.0, latency=0.05, spread=0.3)
    refuse = replace(OLD, rate=40.0, latency=0.005, spread=0.3, status="4xx")
    world.run(70, answer, refuse)
    world.run(
        34, replace(answer, name="1.1.0", rate=70.0), replace(refuse, name="1.1.0", rate=10.0)
    )
    finding = only(world)
    assert finding.reason.startswith("the mix of requests changed")


def test_what_is_left_of_the_traffic_cannot_be_compared() -> None:
    world = World()
    world.run(70, replace(OLD, rate=100.0))
    world.run(34, replace(NEW, rate=15.0, latency=0.026))
    finding = only(world)
    assert "what is left cannot be compared" in finding.reason


def test_errors_open_a_ticket_of_their_own() -> None:
    world = World()
    world.run(70, replace(OLD, errors=0.002))
    world.run(34, replace(NEW, errors=0.06))
    (finding,) = world.opened
    assert finding.metric == "error_rate"
    assert finding.effect is not None
    assert finding.effect.absolute == pytest.approx(0.058, abs=0.015)


def test_cpu_alone_opens_a_ticket_for_the_service() -> None:
    world = World()
    world.run(70, OLD)
    world.run(34, replace(NEW, cpu=1.2))
    (finding,) = world.opened
    assert (finding.metric, finding.operation, finding.unit) == ("cpu_per_request", "", "s")


def test_an_improvement_is_noted_and_not_opened() -> None:
    world = World()
    world.run(70, OLD)
    world.run(34, replace(NEW, latency=0.012))
    finding = only(world)
    assert "not a rise" in finding.reason


def test_one_ticket_for_many_operations() -> None:
    others = [replace(OLD, operation=f"GET /{i}") for i in range(3)]
    world = World()
    world.run(70, OLD, *others)
    slow = [replace(v, name="1.1.0", latency=0.05) for v in (OLD, *others)]
    world.run(34, *slow)
    (finding,) = world.opened
    parts = [f for f in world.findings.values() if f.reason == f"part of {finding.id}"]
    assert {f.operation for f in parts} - {""} == {"POST /quote", "GET /0", "GET /1", "GET /2"}


def test_the_old_version_beside_the_new_is_the_control() -> None:
    """Both get slower at the same time: the weather, and not the deploy."""
    world = World()
    world.run(70, replace(OLD, rate=400.0))
    both = (replace(OLD, rate=360.0), replace(NEW, rate=40.0))
    world.run(34, *(replace(v, latency=0.03) for v in both))
    assert world.opened == []
    assert world.judgements[0].looks == 1


def test_a_canary_is_not_provisional() -> None:
    world = World()
    world.run(70, replace(OLD, rate=400.0))
    world.run(34, replace(OLD, rate=360.0), replace(NEW, rate=40.0, latency=0.03))
    (finding,) = world.opened
    assert not finding.provisional


def test_a_baseline_that_is_too_short() -> None:
    world = World()
    world.run(8, OLD)
    world.run(34, replace(NEW, latency=0.05))
    assert world.findings == {}
    (judgement,) = world.judgements
    assert judgement.state == "waiting"  # a collector may still deliver what is missing
    assert judgement.reason == "1.0.0 ran for 8 min before, 10 needed"
    world.run(95, replace(NEW, latency=0.05))
    (judgement,) = world.judgements
    assert judgement.state == "too_little"


def test_a_quick_second_deploy_supersedes_the_first() -> None:
    world = World()
    world.run(70, OLD)
    world.run(8, NEW)
    world.run(36, replace(OLD, name="1.2.0", latency=0.05))
    states = {j.version: (j.state, j.previous) for j in world.judgements}
    assert states["1.1.0"][0] == "superseded"
    assert states["1.2.0"] == ("judged", "1.0.0")
    assert [f.version for f in world.opened] == ["1.2.0"]


def test_the_same_is_judged_once_more_a_day_later() -> None:
    world = World(settings=DetectSettings(recheck=4 * 3600.0))
    world.run(70, OLD)
    world.run(34, replace(NEW, latency=0.04))
    assert len(world.opened) == 1
    world.run(215, NEW)
    (judgement,) = world.judgements
    assert (judgement.looks, judgement.due) == (2, None)
    (finding,) = [f for f in world.findings.values() if f.metric == "latency.p95"]
    assert not finding.opened


def test_without_version_labels_only_an_announcement_is_a_deploy() -> None:
    world = World()
    plain = replace(OLD, name="unknown")
    world.run(70, plain)
    world.announce(Deploy("pricing", "test", "1.1.0", "", world.now, source="announced"))
    world.run(40, replace(plain, latency=0.05))
    assert len(world.deploys) == 1
    (finding,) = world.opened
    assert finding.version == "1.1.0"


def test_an_announced_version_is_waited_for() -> None:
    world = World()
    world.run(70, OLD)
    world.announce(Deploy("pricing", "test", "1.1.0", "1.0.0", world.now, source="announced"))
    world.run(40, OLD)
    assert [j.state for j in world.judgements] == ["waiting"]
    world.run(34, replace(NEW, latency=0.05))
    assert [f.version for f in world.opened] == ["1.1.0"]
