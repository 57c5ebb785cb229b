"""A machine that is busy with something else, and regressions that only look like one.

The control of every story is the same story with one thing changed, which opens.
"""

from dataclasses import replace

import pytest

from perfd.detect.contention import Conditions, contended, undisturbed
from tests.detect.world import Version, World

HOST = "node-1"
OLD = Version("1.0.0", host=HOST, cpu=0.7)
NEW = replace(OLD, name="1.1.0")
# Latency is 1.4 times what it was, of the same CPU seconds: the rest was waiting for a core.
STRETCHED = replace(NEW, latency=0.028, cpu=0.5)


def told(world: World) -> list[str]:
    return [f.reason for f in world.findings.values() if f.metric == "latency.mean"]


def test_a_busy_host_is_no_regression() -> None:
    world = World()
    world.run(70, OLD, others={HOST: 0.1}, detect=False)
    world.run(34, STRETCHED, others={HOST: 0.75})
    assert world.opened == []
    assert any("the host was busy with something else: others used 10 %" in r for r in told(world))


def test_the_same_on_a_quiet_host_is_one() -> None:
    world = World()
    world.run(70, OLD, others={HOST: 0.1}, detect=False)
    world.run(34, STRETCHED, others={HOST: 0.1})
    assert [f.operation for f in world.opened] == ["POST /quote"]


def test_a_regression_that_burns_cpu_opens_on_a_busy_host() -> None:
    world = World()
    world.run(70, OLD, others={HOST: 0.1}, detect=False)
    world.run(34, replace(NEW, latency=0.028), others={HOST: 0.75})
    assert len(world.opened) == 1
    check = next(c for c in world.opened[0].checks if c.name == "host contention")
    assert "and so was the code: CPU per request +" in check.verdict


def test_a_regression_that_waits_for_another_opens_on_a_busy_host() -> None:
    """Most of its latency is not CPU, so no host can have stretched it so far."""
    world = World()
    waiting = replace(OLD, cpu=0.02)
    world.run(70, waiting, others={HOST: 0.1}, detect=False)
    world.run(34, replace(waiting, name="1.1.0", latency=0.03, cpu=0.013), others={HOST: 0.75})
    assert len(world.opened) == 1


def test_waits_for_a_core_decide_where_they_are_known() -> None:
    world = World()
    world.run(70, replace(OLD, waits=0.02), others={HOST: 0.1}, detect=False)
    world.run(34, replace(STRETCHED, waits=0.02), others={HOST: 0.75})
    assert len(world.opened) == 1
    check = next(c for c in world.opened[0].checks if c.name == "host contention")
    assert "waited only" in check.verdict


def test_and_they_speak_for_the_host_as_well() -> None:
    world = World()
    world.run(70, replace(OLD, waits=0.02), others={HOST: 0.1}, detect=False)
    world.run(34, replace(STRETCHED, waits=0.28), others={HOST: 0.4})
    assert world.opened == []
    assert any("waiting for a core" in reason for reason in told(world))


@pytest.mark.parametrize(("others", "opened"), [(0.9, 0), (0.2, 1)])
def test_on_a_host_that_is_always_busy_the_waits_tell(others: float, opened: int) -> None:
    """On one that never is, threads that wait have their own limit."""
    world = World()
    world.run(70, replace(OLD, waits=0.02), others={HOST: others}, detect=False)
    world.run(34, replace(STRETCHED, waits=0.28), others={HOST: others})
    assert len(world.opened) == opened, told(world)


def test_when_the_host_is_quiet_again_a_true_regression_opens() -> None:
    world = World()
    slow = replace(NEW, latency=0.03, cpu=0.47)
    world.run(70, OLD, others={HOST: 0.1}, detect=False)
    world.run(34, slow, others={HOST: 0.75})
    assert world.opened == []
    world.run(90, slow, others={HOST: 0.05})
    assert len(world.opened) == 1


def fleet(version: Version, hosts: int = 4) -> list[Version]:
    return [
        replace(version, host=f"node-{i}", instance=f"{version.name}-{i}") for i in range(hosts)
    ]


def test_slow_on_the_busy_hosts_alone() -> None:
    world = World()
    calm, busy = fleet(NEW)[:2], fleet(STRETCHED)[2:]
    quiet = {f"node-{i}": 0.1 for i in range(4)}
    world.run(70, *fleet(OLD), others=quiet, detect=False)
    world.run(
        34, *calm, *(replace(b, latency=0.04, cpu=0.35) for b in busy), others=quiet | busy_hosts()
    )
    assert world.opened == []
    assert any("the others are at" in reason for reason in told(world))


def test_slow_on_the_quiet_hosts_as_well() -> None:
    world = World()
    quiet = {f"node-{i}": 0.1 for i in range(4)}
    world.run(70, *fleet(OLD), others=quiet, detect=False)
    world.run(34, *fleet(STRETCHED), others=quiet | busy_hosts())
    assert len(world.opened) == 1


def busy_hosts() -> dict[str, float]:
    return {"node-2": 0.8, "node-3": 0.8}


def test_one_bad_host_is_no_regression() -> None:
    """Two of six instances are on it, so leaving out the worst instance leaves one."""
    world = World()
    hosts = dict.fromkeys((f"node-{i}" for i in range(3)), 0.1)
    seats = [(f"{i}", f"node-{i % 3}") for i in range(6)]
    world.run(70, *(replace(OLD, instance=i, host=h) for i, h in seats), others=hosts, detect=False)
    fleet = [replace(NEW, instance=i, host=h) for i, h in seats]
    bad = [replace(v, latency=0.05, cpu=0.28) if v.host == "node-1" else v for v in fleet]
    world.run(34, *bad, others=hosts)
    assert world.opened == []
    assert any("only host node-1 of 3 is worse" in reason for reason in told(world))


CALM = Conditions(0.1, 0.3, 0.006, None, 0.010, {("i", 0.0): 0.1})
CROWDED = replace(CALM, others=0.6, busy=0.95)


@pytest.mark.parametrize(
    ("after", "passed", "words"),
    [
        (CROWDED, False, "the host was busy with something else: others used 10 % of its cores"),
        (replace(CROWDED, busy=0.6), True, "only 60 % of its cores were in use"),
        (replace(CROWDED, cpu=0.008), True, "and so was the code"),
    ],
)
def test_what_a_busy_host_explains(after: Conditions, passed: bool, words: str) -> None:
    check = contended(CALM, after, 0.3)
    assert check.passed is passed
    assert words in check.verdict


def test_what_the_hypervisor_took_was_taken_by_others() -> None:
    world = World()
    world.run(70, OLD, others={HOST: 0.1}, detect=False)
    world.run(34, STRETCHED, others={HOST: 0.4}, stolen={HOST: 0.35})
    assert world.opened == []


def test_a_lower_cpu_limit_is_the_deploys_own() -> None:
    check = undisturbed(replace(CALM, wait=0.0001), replace(CALM, wait=0.006))
    assert check.passed
    assert "a lower CPU limit?" in check.verdict


def test_requests_of_the_quiet_half_decide() -> None:
    """Its hosts are busy for half of the time, and then not: slow then as well, or only then."""
    for factor, opened in ((1.0, 0), (1.4, 1)):
        world = World()
        busy = replace(NEW, latency=0.02 * factor * 1.5, cpu=0.7 / 1.5)
        world.run(70, OLD, others={HOST: 0.1}, detect=False)
        world.run(17, busy, others={HOST: 0.9})
        world.run(17, replace(NEW, latency=0.02 * factor), others={HOST: 0.1})
        assert len(world.opened) == opened, told(world)
