"""The main job on a real store: traffic in, findings out."""

from perfd.model.judgement import JUDGED, WAITING
from tests.detect.world import Version, World

OLD = Version("1.0.0")
SLOW = Version("1.1.0", latency=0.032)
SAME = Version("1.1.0")


def test_a_slower_version_opens_one_finding() -> None:
    world = World()
    world.run(70, OLD)
    world.run(34, SLOW)
    assert [(d.version, d.previous) for d in world.deploys] == [("1.1.0", "1.0.0")]
    (finding,) = world.opened
    assert (finding.operation, finding.metric) == ("POST /quote", "latency.p95")
    assert finding.effect is not None
    assert finding.effect.ratio is not None
    assert 1.4 < finding.effect.ratio < 1.8
    assert finding.provisional
    (judgement,) = world.judgements
    assert (judgement.state, judgement.finding_id) == (JUDGED, finding.id)


def test_the_same_at_a_pace_of_sixty() -> None:
    world = World(pace=60.0)
    world.run(70, OLD)
    world.run(52, SLOW)
    assert [f.metric for f in world.opened] == ["latency.p95"]


def test_a_new_version_without_a_change_opens_nothing() -> None:
    world = World()
    world.run(70, OLD)
    world.run(125, SAME)
    assert len(world.deploys) == 1
    assert world.opened == []


def test_it_waits_for_its_minutes() -> None:
    world = World()
    world.run(70, OLD)
    world.run(12, SLOW)
    (judgement,) = world.judgements
    assert judgement.state == WAITING
    assert judgement.needed == 1800.0
    assert judgement.due == world.deploys[0].at + 1800.0


def test_a_restart_changes_nothing() -> None:
    world = World()
    world.run(70, OLD)
    world.run(20, SLOW)
    world.restart()
    world.run(20, SLOW)
    world.restart()
    world.run(5, SLOW)
    assert len(world.deploys) == 1
    assert len(world.opened) == 1
    assert sum(f.finding.opened for f in world.found) == 1


def test_a_deploy_while_perfd_was_down() -> None:
    world = World()
    world.run(150, OLD)
    world.run(70, SLOW, detect=False)
    world.restart()
    world.run(1, SLOW)
    assert [d.version for d in world.deploys] == ["1.1.0"]
    assert len(world.opened) == 1


def test_only_the_deployed_service_is_judged() -> None:
    caller = Version("1.0.0", service="storefront", operation="GET /", latency=0.05)
    slower = Version("1.0.0", service="storefront", operation="GET /", latency=0.07)
    world = World()
    world.run(70, OLD, caller)
    world.run(34, SLOW, slower)
    assert [f.service for f in world.opened] == ["pricing"]


def test_the_first_version_is_no_deploy() -> None:
    world = World()
    world.run(20, OLD)
    assert world.deploys == []
