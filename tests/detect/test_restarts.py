"""Without a version label, only a restart of all instances is a deploy."""

from __future__ import annotations

from perfd.detect.restarts import RestartWatch
from perfd.model.deploy import Deploy
from tests.detect.world import Version, World

WIDTH, JOIN = 60.0, 900.0


def watched(*minutes: str) -> list[Deploy]:
    """Each minute names the instances that serve in it, one letter each."""
    watch = RestartWatch("shop", "prod", WIDTH, JOIN)
    found = (watch.see(n * WIDTH, instances) for n, instances in enumerate(minutes))
    return [deploy for deploy in found if deploy is not None]


def test_all_instances_replaced_at_once_is_a_deploy() -> None:
    (deploy,) = watched(*["ab"] * 30, *["cd"] * 30)
    assert (deploy.at, deploy.source) == (30 * WIDTH, "restart")
    assert deploy.version == deploy.previous == "unknown"


def test_a_rolling_restart_is_one_deploy() -> None:
    (deploy,) = watched(*["abc"] * 30, "bcd", "bcd", "cde", "cde", "def", *["def"] * 30)
    assert deploy.at == 30 * WIDTH


def test_scaling_up_and_down_is_none() -> None:
    assert watched(*["a"] * 20, *["abc"] * 20, *["ab"] * 20, *["a"] * 20) == []


def test_one_replaced_instance_of_several_is_none() -> None:
    assert watched(*["ab"] * 30, *["ac"] * 30) == []


def test_a_slow_turnover_of_single_instances_is_none() -> None:
    """Each lives for an hour, and another takes over half an hour before: autoscaling."""
    minutes = [
        "".join(chr(97 + k) for k in range(8) if 30 * k <= n < 30 * k + 60) for n in range(240)
    ]
    assert watched(*minutes) == []


def test_instances_that_say_nothing_of_themselves_reveal_nothing() -> None:
    watch = RestartWatch("shop", "prod", WIDTH, JOIN)
    assert [watch.see(n * WIDTH, ["unknown"]) for n in range(30)] == [None] * 30


def test_a_second_restart_within_the_join_time_is_the_same_deploy() -> None:
    assert len(watched(*["a"] * 30, *["b"] * 7, *["c"] * 30)) == 1
    assert len(watched(*["a"] * 30, *["b"] * 30, *["c"] * 30)) == 2


def test_a_restart_into_slower_code_is_judged_by_time() -> None:
    world = World()
    world.run(75, Version("unknown", instance="a"))
    world.run(60, Version("unknown", instance="b", latency=0.05))
    (deploy,) = world.deploys
    assert (deploy.version, deploy.source) == ("unknown", "restart")
    (finding,) = world.opened
    assert finding.effect is not None
    assert finding.effect.ratio is not None
    assert 2.0 < finding.effect.ratio < 3.0


def test_a_restart_is_found_once_across_a_restart_of_perfd() -> None:
    world = World()
    world.run(75, Version("unknown", instance="a"))
    world.run(20, Version("unknown", instance="b"))
    world.restart()
    world.run(10, Version("unknown", instance="b"))
    assert len(world.deploys) == 1
