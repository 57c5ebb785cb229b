"""Instances: what happens to processes and hosts, and is no change of the program."""

from __future__ import annotations

import pytest

from perfd.model.finding import Finding
from perfd.model.ticket import State, Verdict
from tests.scenarios.world import MINUTE, Operation, Reporting, Service, World

SLOW = 1.5
HOSTS = ("node-1", "node-2", "node-3")


def watched(
    seed: int, *, rate: float = 2.0, instances: int = 3, sampled: bool = False, minutes: float = 5
) -> World:
    """`pricing` with a day of history, on hosts that are sampled or not, and some live minutes."""
    world = World(seed=seed)
    world.service("pricing", Operation(rate=rate), instances=instances, hosts=HOSTS)
    for name in HOSTS if sampled else ():
        world.host(name).others = 0.1
    world.run(minutes=minutes)
    return world


def pricing(world: World) -> Service:
    return world.services["pricing"]


def of_instances(world: World) -> list[Finding]:
    """Findings about an instance rather than the program."""
    return [f for f in world.findings("pricing") if "instance" in f.series.label]


def busy(world: World, others: float, starved: float, *hosts: str) -> None:
    """Hosts get busy with something else, or quiet again; what runs there feels it."""
    for name in hosts or HOSTS:
        world.host(name).others = others
    for instance in pricing(world).instances:
        if instance.host in (hosts or HOSTS):
            instance.starved = starved


# --- scaling and starting -------------------------------------------------------------------------


def test_scaling_out() -> None:
    """Twice the instances of an unchanged version, all cold: no deploy, no ticket, no finding."""
    world = watched(101, minutes=15)
    pricing(world).scale(6)
    world.run(minutes=45)
    assert (world.deploys(), world.tickets(), world.findings()) == ([], [], [])


def test_scaling_to_and_fro() -> None:
    """An autoscaler that adds and removes instances every few minutes: nothing to tell."""
    world = watched(102)
    for instances in (8, 3, 6, 2, 7, 3):
        pricing(world).scale(instances)
        world.run(minutes=8)
    assert (world.deploys(), world.tickets(), world.findings()) == ([], [], [])


@pytest.mark.slow
def test_scaling_during_the_baseline_of_a_deploy() -> None:
    """Scaled out just before a slower build: one ticket, on the build."""
    world = watched(103)
    pricing(world).scale(6)
    world.run(minutes=10)
    pricing(world).roll("1.1.0", slower=SLOW)
    world.run(minutes=45)
    assert world.ticket_for("pricing").suspects[0].version == "1.1.0"


def test_cold_start_after_idle() -> None:
    """An equal build is deployed at night and its first requests come cold: no ticket."""
    world = watched(104)
    operation = pricing(world).operations[0]
    operation.rate = 0.0
    world.run(minutes=20)
    pricing(world).deploy("1.1.0")
    world.run(minutes=20)
    operation.rate, warm = 2.0, operation.latency
    operation.latency = 5.0 * warm
    world.run(minutes=1)
    operation.latency = warm
    world.run(minutes=45)
    assert [d.version for d in world.deploys()] == ["1.1.0"]
    assert world.tickets() == [], world.reasons()
    assert world.judgements()[-1].looks > 0, world.reasons()


def test_restart_loop_of_one_instance() -> None:
    """One process that crashes every minute: always warming up, no deploy, no ticket."""
    world = watched(105)
    for _ in range(45):
        crashed = pricing(world).instances[0]
        crashed.started, crashed.cpu_seconds = world.now, 0.0
        pricing(world)._replace(crashed, crashed.build)
        world.run(minutes=1)
    assert (world.deploys(), world.tickets()) == ([], [])


@pytest.mark.slow
def test_restart_loop_of_a_service_without_a_version() -> None:
    """All processes crash every four minutes, and nobody names a version: no ticket."""
    world = World(seed=106)
    told = Reporting(versioned=False)
    world.service("pricing", Operation(rate=1.0), instances=2, reporting=told)
    world.run(minutes=5)
    for _ in range(20):
        pricing(world).restart()
        world.run(minutes=4)
    assert world.tickets() == [], world.reasons()


# --- one bad instance, one bad host ---------------------------------------------------------------


@pytest.mark.slow
def test_one_bad_instance() -> None:
    """One process gets slow without a deploy: a finding that names it and since when, no ticket."""
    world = watched(107, instances=4, minutes=40)
    bad = pricing(world).instances[2]
    bad.slower, since = 2.0, world.now
    world.run(minutes=45)
    assert world.tickets() == []
    (finding,) = of_instances(world)
    assert finding.series.label["instance"] == bad.name
    assert abs(finding.change_at - since) <= 10 * MINUTE
    assert finding.effect is not None
    assert finding.effect.ratio == pytest.approx(2.0, rel=0.2)


@pytest.mark.slow
def test_one_bad_instance_of_an_equal_build() -> None:
    """An equal build of which one process is slow: no ticket, and the process is named."""
    world = watched(108, instances=4)
    pricing(world).deploy("1.1.0")
    pricing(world).instances[1].slower = 3.0
    world.run(minutes=50)
    assert world.tickets() == [], world.reasons()
    assert pricing(world).instances[1].name in " ".join(f.reason for f in world.findings())


@pytest.mark.slow
def test_one_bad_instance_of_a_slower_build() -> None:
    """A slower build of which one process is slower still: one ticket, on the build."""
    world = watched(109, instances=4)
    pricing(world).deploy("1.1.0", slower=SLOW)
    pricing(world).instances[1].slower = 2.0
    world.run(minutes=45)
    assert world.ticket_for("pricing").suspects[0].version == "1.1.0"


@pytest.mark.slow
def test_one_bad_host() -> None:
    """All processes on one host get slow without a deploy: they and the host are named."""
    world = watched(110, rate=1.5, instances=6, sampled=True, minutes=40)
    for instance in pricing(world).instances:
        instance.slower = 2.0 if instance.host == "node-2" else 1.0
    world.run(minutes=45)
    assert world.tickets() == []
    named = {f.series.label["instance"] for f in of_instances(world)}
    assert named == {i.name for i in pricing(world).instances if i.host == "node-2"}
    assert all("on node-2" in f.reason for f in of_instances(world))


@pytest.mark.slow
def test_one_bad_host_under_an_equal_build() -> None:
    """An equal build, and one host of three gets slow at the same time: no ticket."""
    world = watched(111, rate=1.5, instances=6, sampled=True, minutes=65)
    pricing(world).deploy("1.1.0")
    for instance in pricing(world).instances:
        instance.slower = 2.5 if instance.host == "node-2" else 1.0
    world.run(minutes=45)
    assert world.tickets() == [], world.reasons()
    assert "only host node-2 of 3 is worse" in " ".join(f.reason for f in world.findings())


# --- the host is busy with something else ---------------------------------------------------------


def test_busy_host() -> None:
    """An equal build while something else takes the cores of its hosts: no ticket, and why."""
    world = watched(112, instances=1, rate=1.0, sampled=True, minutes=65)
    pricing(world).deploy("1.1.0")
    busy(world, 0.8, SLOW)
    world.run(minutes=45)
    assert world.tickets() == [], world.reasons()
    assert "the host was busy with something else" in " ".join(world.reasons())


def test_busy_host_and_a_slower_build() -> None:
    """A build that burns more CPU, on hosts that are busy as well: one ticket."""
    world = watched(113, instances=1, rate=1.0, sampled=True, minutes=65)
    pricing(world).deploy("1.1.0", slower=SLOW)
    busy(world, 0.8, 1.2)
    world.run(minutes=45)
    assert world.ticket_for("pricing").suspects[0].version == "1.1.0"


def test_quiet_host_and_a_slower_build() -> None:
    """A build that is slower without more CPU, on hosts as quiet as ever: one ticket."""
    world = watched(114, instances=1, rate=1.0, sampled=True, minutes=65)
    pricing(world).deploy("1.1.0", slower=SLOW, cpu=1.0 / SLOW)
    world.run(minutes=45)
    assert world.ticket_for("pricing").suspects[0].version == "1.1.0"


@pytest.mark.slow
def test_fix_on_a_busy_host() -> None:
    """A fix that starts on busy hosts: not judged until they are quiet, then verified."""
    world = watched(115, instances=1, rate=1.0, sampled=True, minutes=65)
    pricing(world).deploy("1.1.0", slower=1.6)
    world.run(minutes=40)
    assert world.ticket_for("pricing").state is State.OPEN
    pricing(world).deploy("1.1.1")
    busy(world, 0.8, 1.6)
    world.run(minutes=40)
    ticket = world.ticket_for("pricing")
    assert (ticket.state, ticket.verification.verdict) == (State.VERIFYING, Verdict.INCONCLUSIVE)
    assert "busy with something else" in ticket.verification.text
    busy(world, 0.1, 1.0)
    world.run(minutes=70)
    assert world.ticket_for("pricing").verification.verdict is Verdict.VERIFIED


# --- profiles of young processes ------------------------------------------------------------------


IMPORTING = ("<module>", "_find_and_load", "exec_module")
COMPILING = ("<module>", "compile_method")
QUOTE, RULES = ("main", "quote"), ("main", "quote", "merge_discounts")


def test_import_time_and_jit_in_the_profiles() -> None:
    """Samples of imports and of a compiler in new processes: the slower function comes first."""
    world = watched(116, rate=1.0, instances=1)
    service = pricing(world)

    def profiled(instance: object) -> dict[tuple[str, ...], float]:
        young = world.now - instance.started < 90.0  # type: ignore[attr-defined]
        slow = instance.build.version == "1.1.0"  # type: ignore[attr-defined]
        steady = {QUOTE: 10.0, RULES: 11.0 if slow else 1.0}
        return steady | ({IMPORTING: 60.0, COMPILING: 40.0} if young else {})

    service.profiled = profiled
    world.run(minutes=60)
    service.deploy("1.1.0", slower=1.8)
    world.run(minutes=45)
    ticket = world.ticket_for("pricing")
    assert ticket.hotspots[0].function.endswith("merge_discounts"), ticket.hotspots[:3]
    assert "exec_module" not in {h.function for h in ticket.hotspots[:2]}
