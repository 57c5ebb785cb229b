"""Rollouts: how new builds take over in real services."""

from __future__ import annotations

import pytest

from perfd.model.ticket import Ticket, Verdict
from tests.scenarios.world import MINUTE, Call, Operation, Reporting, Service, World

SLOW = 1.5


def watched(seed: int, *, rate: float = 1.5, instances: int = 3, **reporting: bool) -> World:
    """`pricing` with a day of history and a few minutes of live telemetry."""
    world = World(seed=seed)
    told = Reporting(**reporting)  # type: ignore[arg-type]
    world.service("pricing", Operation(rate=rate), instances=instances, reporting=told)
    world.run(minutes=5)
    return world


def pricing(world: World) -> Service:
    return world.services["pricing"]


def blamed(ticket: Ticket) -> list[str]:
    return [suspect.version for suspect in ticket.suspects]


def judged(world: World, *versions: str) -> None:
    """These versions, and no others, were deploys, and perfd has looked at the last one."""
    assert [d.version for d in world.deploys("pricing")] == list(versions)
    (last,) = [j for j in world.judgements("pricing") if j.version == versions[-1]]
    assert last.looks > 0, world.reasons()


# --- rolling, blue/green --------------------------------------------------------------------------


def test_rolling_over_minutes() -> None:
    """A slower build that rolls out over ten minutes: one ticket, which names it."""
    world = watched(1)
    pricing(world).roll("1.1.0", over=10, slower=SLOW)
    world.run(minutes=50)
    assert blamed(world.ticket_for("pricing")) == ["1.1.0"]
    judged(world, "1.1.0")


def test_rolling_an_equal_build() -> None:
    """An equal build that rolls out over ten minutes: no ticket."""
    world = watched(2)
    pricing(world).roll("1.1.0", over=10)
    world.run(minutes=50)
    assert world.tickets() == []
    judged(world, "1.1.0")


@pytest.mark.slow
def test_blue_green() -> None:
    """All traffic switched to a slower build at once: one ticket, which names it."""
    world = watched(3)
    pricing(world).deploy("1.1.0", slower=SLOW)
    world.run(minutes=40)
    assert blamed(world.ticket_for("pricing")) == ["1.1.0"]
    judged(world, "1.1.0")


def test_blue_green_of_an_equal_build() -> None:
    """All traffic switched to an equal build at once: no ticket, though every process is cold."""
    world = watched(4)
    pricing(world).deploy("1.1.0")
    world.run(minutes=40)
    assert world.tickets() == []
    judged(world, "1.1.0")


@pytest.mark.slow
def test_deployed_while_nobody_called() -> None:
    """Replaced in two hours without a request: judged when traffic is back, one ticket."""
    world = watched(37)
    (operation,) = pricing(world).operations
    operation.rate = 0.0
    world.run(minutes=60)
    pricing(world).roll("1.1.0", slower=SLOW)
    world.run(minutes=60)
    operation.rate = 2.0
    world.run(minutes=45)
    assert blamed(world.ticket_for("pricing")) == ["1.1.0"]


@pytest.mark.slow
def test_staging_before_production() -> None:
    """A slower build in staging only: a ticket for staging, none for production."""
    world = World(seed=38)
    world.service("pricing", Operation(rate=1.0))
    staging = world.service("pricing", environment="staging", hosts=("stage-1",), instances=1)
    world.run(minutes=5)
    staging.roll("1.1.0", slower=SLOW)
    world.run(minutes=40)
    assert [t.environment for t in world.tickets()] == ["staging"]


# --- canary ---------------------------------------------------------------------------------------


def test_canary() -> None:
    """A slow canary with 5 % of the traffic: a ticket within the hour that only 5 % see it."""
    world = watched(5, rate=4.0)
    pricing(world).canary("1.1.0", share=0.05, slower=SLOW)
    world.run(minutes=55)
    ticket = world.ticket_for("pricing")
    assert blamed(ticket) == ["1.1.0"]
    assert not ticket.provisional


@pytest.mark.slow
def test_canary_of_an_equal_build() -> None:
    """An equal canary with 5 % of the traffic, then promoted: no ticket."""
    world = watched(6, rate=4.0)
    pricing(world).canary("1.1.0", share=0.05)
    world.run(minutes=60)
    judged(world, "1.1.0")
    pricing(world).promote(over=5)
    world.run(minutes=35)
    assert world.tickets() == []


@pytest.mark.slow
def test_canary_while_everything_gets_slower() -> None:
    """Old and new get slower together (a busy hour): the canary is not blamed."""
    world = watched(7, rate=4.0)
    pricing(world).canary("1.1.0", share=0.05)
    world.run(minutes=2)
    pricing(world).operations[0].latency *= SLOW
    world.run(minutes=53)
    assert world.tickets() == []
    judged(world, "1.1.0")


@pytest.mark.slow
def test_canary_of_few_requests() -> None:
    """A slow canary that gets three requests a minute: nothing at first, a ticket within 2.5 h."""
    world = watched(28, rate=1.0)
    pricing(world).canary("1.1.0", share=0.05, slower=SLOW)
    world.run(minutes=45)
    assert world.tickets() == [], "there were too few requests to know"
    world.run(minutes=105)
    assert blamed(world.ticket_for("pricing")) == ["1.1.0"], world.reasons()


@pytest.mark.slow
def test_canary_promoted_though_slow() -> None:
    """A slow canary is promoted all the same: its ticket stays the only one."""
    world = watched(29, rate=4.0)
    pricing(world).canary("1.1.0", share=0.05, slower=SLOW)
    world.run(minutes=45)
    pricing(world).promote()
    world.run(minutes=45)
    ticket = world.ticket_for("pricing")
    assert (str(ticket.state), blamed(ticket)) == ("open", ["1.1.0"])


@pytest.mark.slow
def test_rolling_over_an_hour() -> None:
    """Twelve instances replaced over an hour: one ticket, judged against the old ones beside."""
    world = watched(30, instances=12)
    pricing(world).roll("1.1.0", over=60, slower=SLOW)
    world.run(minutes=60)
    ticket = world.ticket_for("pricing")
    assert (blamed(ticket), ticket.provisional) == (["1.1.0"], False)


@pytest.mark.slow
def test_canary_withdrawn() -> None:
    """A slow canary is taken back: its ticket is verified by the version that stayed."""
    world = watched(8, rate=2.0)
    pricing(world).canary("1.1.0", share=0.1, slower=SLOW)
    world.run(minutes=50)
    assert blamed(world.ticket_for("pricing")) == ["1.1.0"]
    pricing(world).withdraw()
    world.run(minutes=60)
    ticket = world.ticket_for("pricing")
    assert ticket.verification.verdict is Verdict.VERIFIED, world.reasons()


# --- back, and again ------------------------------------------------------------------------------


def test_rollback() -> None:
    """Back to the old version: recognised as the fix, and verified."""
    world = watched(9)
    pricing(world).roll("1.1.0", slower=SLOW)
    world.run(minutes=40)
    assert blamed(world.ticket_for("pricing")) == ["1.1.0"]
    pricing(world).rollback(over=3)
    world.run(minutes=40)
    ticket = world.ticket_for("pricing")
    assert [d.version for d in world.deploys()] == ["1.1.0", "1.0.0"]
    assert (str(ticket.state), ticket.verification.version) == ("verified", "1.0.0")


@pytest.mark.slow
def test_rollback_before_it_could_be_judged() -> None:
    """A slower build that is taken back after ten minutes: no ticket, it is over."""
    world = watched(10)
    pricing(world).roll("1.1.0", over=2, slower=SLOW)
    world.run(minutes=10)
    pricing(world).rollback(over=2)
    world.run(minutes=50)
    assert world.tickets() == [], world.reasons()


@pytest.mark.slow
def test_back_by_two_versions() -> None:
    """Back to the version before the last good one: the fix all the same, and verified."""
    world = watched(25)
    pricing(world).roll("1.1.0")
    world.run(minutes=70)
    pricing(world).roll("1.2.0", slower=SLOW)
    world.run(minutes=45)
    assert blamed(world.ticket_for("pricing")) == ["1.2.0"]
    pricing(world).roll("1.0.0")
    world.run(minutes=40)
    ticket = world.ticket_for("pricing")
    assert (str(ticket.state), ticket.verification.version) == ("verified", "1.0.0")


@pytest.mark.slow
def test_rollback_while_perfd_was_down() -> None:
    """Rolled back while perfd was down for forty minutes: found afterwards, and verified."""
    world = watched(26)
    pricing(world).roll("1.1.0", slower=SLOW)
    world.run(minutes=45)
    world.kill()
    pricing(world).rollback(over=2)
    world.run(minutes=40)
    world.start()
    world.run(minutes=40)
    ticket = world.ticket_for("pricing")
    assert [d.version for d in world.deploys()] == ["1.1.0", "1.0.0"]
    assert (str(ticket.state), ticket.verification.version) == ("verified", "1.0.0")


@pytest.mark.slow
def test_fixed_forward_and_broken_again() -> None:
    """A fix verifies the ticket, and a later build that is slow again reopens the same one."""
    world = watched(27)
    pricing(world).roll("1.1.0", slower=SLOW)
    world.run(minutes=45)
    pricing(world).roll("1.1.1")
    world.run(minutes=70)
    assert str(world.ticket_for("pricing").state) == "verified"
    pricing(world).roll("1.2.0", slower=SLOW)
    world.run(minutes=45)
    ticket = world.ticket_for("pricing")
    assert (str(ticket.state), ticket.occurrence, blamed(ticket)) == ("open", 2, ["1.2.0"])


def test_redeploy_of_the_same_version() -> None:
    """The same version once more, all processes new: no deploy, no ticket."""
    world = watched(11)
    pricing(world).restart(over=3)
    world.run(minutes=40)
    assert (world.deploys(), world.tickets()) == ([], [])


@pytest.mark.slow
def test_redeploy_of_the_same_version_with_a_post() -> None:
    """The same version announced and restarted, with a slower configuration: one ticket."""
    world = watched(12)
    world.announce(pricing(world), "1.0.0", message="configuration only")
    pricing(world).deploy("1.0.0", slower=SLOW)
    world.run(minutes=50)
    assert blamed(world.ticket_for("pricing")) == ["1.0.0"]


@pytest.mark.slow
def test_the_same_version_put_right() -> None:
    """The regressed version announced once more, its configuration put right: verified."""
    world = watched(36)
    pricing(world).roll("1.1.0", slower=SLOW)
    world.run(minutes=45)
    assert blamed(world.ticket_for("pricing")) == ["1.1.0"]
    world.announce(pricing(world), "1.1.0", message="cache on again")
    pricing(world).roll("1.1.0", over=3, slower=1.0)
    world.run(minutes=50)
    ticket = world.ticket_for("pricing")
    assert (str(ticket.state), ticket.verification.version) == ("verified", "1.1.0")


# --- two at a time --------------------------------------------------------------------------------


@pytest.mark.slow
def test_two_deploys_within_a_quarter_of_an_hour() -> None:
    """A good build, and eight minutes later a slower one: one ticket, on the second."""
    world = watched(13)
    pricing(world).roll("1.1.0", over=2)
    world.run(minutes=8)
    pricing(world).roll("1.2.0", over=2, slower=SLOW)
    world.run(minutes=50)
    assert blamed(world.ticket_for("pricing")) == ["1.2.0"], world.reasons()


@pytest.mark.slow
def test_two_deploys_of_which_the_first_was_slower() -> None:
    """A slower build, and eight minutes later one that keeps it slow: one ticket."""
    world = watched(14)
    pricing(world).roll("1.1.0", over=2, slower=SLOW)
    world.run(minutes=8)
    pricing(world).roll("1.2.0", over=2, slower=SLOW)
    world.run(minutes=50)
    assert blamed(world.ticket_for("pricing"))[0] in ("1.1.0", "1.2.0")


@pytest.mark.slow
def test_a_hotfix_within_a_quarter_of_an_hour() -> None:
    """A slower build that a hotfix replaces after eight minutes: no ticket."""
    world = watched(15)
    pricing(world).roll("1.1.0", over=2, slower=SLOW)
    world.run(minutes=8)
    pricing(world).roll("1.1.1", over=2)
    world.run(minutes=50)
    assert world.tickets() == [], world.reasons()
    assert world.judgements("pricing")[-1].looks > 0, world.reasons()


# --- many services --------------------------------------------------------------------------------


def test_deploy_of_a_dependency() -> None:
    """Only the dependency is deployed, and slower: a ticket on it, none on its caller."""
    world = World(seed=16)
    stock = world.service("stock", Operation("GET /stock", rate=0.0, latency=0.020))
    world.service("front", Operation("GET /cart", rate=1.0, calls=[Call(stock, "GET /stock")]))
    world.run(minutes=5)
    stock.roll("1.1.0", slower=SLOW)
    world.run(minutes=40)
    ticket = world.ticket_for("stock")
    assert (blamed(ticket), world.tickets("front")) == (["1.1.0"], [])
    assert ticket.impact is not None
    assert [caller.service for caller in ticket.impact.callers] == ["front"]


@pytest.mark.slow
def test_ten_services_at_once() -> None:
    """Ten services deployed at the same minute, one of them slower: exactly one ticket."""
    world = World(seed=17)
    for number in range(9):
        world.service(f"other-{number}", Operation(rate=0.6), instances=1)
    world.service("pricing", Operation(rate=1.0), instances=2)
    world.run(minutes=3)
    for service in world.services.values():
        service.deploy("1.1.0", **({"slower": SLOW} if service.name == "pricing" else {}))
    world.run(minutes=42)
    assert [t.service for t in world.tickets()] == ["pricing"], world.reasons()


@pytest.mark.slow
def test_ten_services_that_call_each_other_at_once() -> None:
    """A tree of ten services deployed at once, a leaf slower: one ticket, on the leaf."""
    world = World(seed=35)
    leaves = [
        world.service(f"leaf-{n}", Operation("GET /leaf", rate=0.0, latency=0.02), instances=1)
        for n in range(6)
    ]
    middles = []
    for number in range(3):
        calls = [Call(leaf, "GET /leaf") for leaf in leaves[2 * number : 2 * number + 2]]
        middle = Operation("GET /middle", rate=0.0, latency=0.01, calls=calls)
        middles.append(world.service(f"middle-{number}", middle, instances=1))
    calls = [Call(middle, "GET /middle") for middle in middles]
    world.service("front", Operation("GET /", rate=0.5, latency=0.01, calls=calls), instances=1)
    world.run(minutes=4)
    for service in world.services.values():
        service.deploy("1.1.0", **({"slower": 2.5} if service.name == "leaf-3" else {}))
    world.run(minutes=45)
    assert [t.service for t in world.tickets()] == ["leaf-3"], world.reasons()
    impact = world.ticket_for("leaf-3").impact
    assert impact is not None
    assert [caller.service for caller in impact.callers] == ["middle-1"], "who waits is named"


# --- without a version label ----------------------------------------------------------------------


def test_restart_of_all_instances_without_a_version() -> None:
    """No version label, all instances replaced by slower ones: one ticket."""
    world = watched(18, versioned=False)
    pricing(world).roll("1.1.0", over=3, slower=SLOW)
    world.run(minutes=55)
    ticket = world.ticket_for("pricing")
    assert abs(ticket.change_at - (world.now - 55 * MINUTE)) < 6 * MINUTE


@pytest.mark.slow
def test_restart_of_equal_instances_without_a_version() -> None:
    """No version label, all instances replaced by equal ones: no ticket."""
    world = watched(19, versioned=False)
    pricing(world).roll("1.1.0", over=3)
    world.run(minutes=55)
    assert world.tickets() == []
    assert world.judgements("pricing")[-1].looks > 0, world.reasons()


@pytest.mark.slow
def test_image_digest() -> None:
    """No version label but an image digest: a ticket that names the digest."""
    old, new = (f"shop/pricing@sha256:{letter * 64}" for letter in "ab")
    world = World(seed=20)
    service = world.service("pricing", image=old)
    world.run(minutes=5)
    service.roll("1.1.0", over=3, image=new, slower=SLOW)
    world.run(minutes=45)
    assert blamed(world.ticket_for("pricing")) == ["sha256:" + "b" * 12]


@pytest.mark.slow
def test_post_without_a_version_label() -> None:
    """No version label and processes that keep their names: the POST is the deploy."""
    world = watched(21, versioned=False, named=False)
    world.announce(pricing(world), "1.1.0")
    pricing(world).deploy("1.1.0", slower=SLOW)
    world.run(minutes=50)
    assert blamed(world.ticket_for("pricing")) == ["1.1.0"], world.reasons()


@pytest.mark.slow
def test_post_and_restart_without_a_version_label() -> None:
    """No version label, announced and then restarted: one deploy, which has the POST's name."""
    world = watched(31, versioned=False)
    world.announce(pricing(world), "1.1.0")
    world.run(minutes=2)
    pricing(world).roll("1.1.0", over=3, slower=SLOW)
    world.run(minutes=45)
    assert [d.version for d in world.deploys()] == ["1.1.0"]
    assert blamed(world.ticket_for("pricing")) == ["1.1.0"]


@pytest.mark.slow
def test_restart_and_then_a_post_without_a_version_label() -> None:
    """No version label, announced ten minutes after the restart: the restart gets its name."""
    world = watched(32, versioned=False)
    pricing(world).roll("1.1.0", over=3, slower=SLOW)
    world.run(minutes=10)
    world.announce(pricing(world), "1.1.0")
    world.run(minutes=45)
    ticket = world.ticket_for("pricing")
    assert blamed(ticket) == ["1.1.0"], world.reasons()
    assert ticket.change_at < world.now - 50 * MINUTE


@pytest.mark.slow
def test_rollback_without_a_version_label() -> None:
    """No version label, restarted slow and restarted back: a ticket, and it is verified."""
    world = watched(33, versioned=False)
    pricing(world).roll("1.1.0", over=3, slower=SLOW)
    world.run(minutes=50)
    pricing(world).rollback(over=3)
    world.run(minutes=55)
    assert str(world.ticket_for("pricing").state) == "verified", world.reasons()


# --- announced ------------------------------------------------------------------------------------


def test_post_before_the_traffic() -> None:
    """Announced five minutes before its traffic: one deploy and one ticket, with its words."""
    world = watched(22)
    world.announce(pricing(world), "1.1.0", message="faster, they said")
    world.run(minutes=5)
    pricing(world).roll("1.1.0", over=3, slower=SLOW)
    world.run(minutes=50)
    assert blamed(world.ticket_for("pricing")) == ["1.1.0"]
    (deploy,) = world.deploys()
    assert deploy.message == "faster, they said"


@pytest.mark.slow
def test_post_after_the_traffic() -> None:
    """Announced eight minutes after its traffic: the same deploy, and one ticket."""
    world = watched(23)
    pricing(world).roll("1.1.0", over=3, slower=SLOW)
    world.run(minutes=8)
    world.announce(pricing(world), "1.1.0", message="late, as ever")
    world.run(minutes=45)
    assert blamed(world.ticket_for("pricing")) == ["1.1.0"]
    (deploy,) = world.deploys()
    assert deploy.message == "late, as ever"


@pytest.mark.slow
def test_post_of_an_equal_build() -> None:
    """Announced before its traffic, and equal: one deploy, no ticket."""
    world = watched(24)
    world.announce(pricing(world), "1.1.0")
    world.run(minutes=3)
    pricing(world).roll("1.1.0", over=3)
    world.run(minutes=50)
    judged(world, "1.1.0")
    assert world.tickets() == []


@pytest.mark.slow
def test_post_in_other_words() -> None:
    """Announced as `v1.1.0` after the traffic of `1.1.0`: the traffic is judged all the same."""
    world = watched(34)
    pricing(world).roll("1.1.0", over=3, slower=SLOW)
    world.run(minutes=5)
    world.announce(pricing(world), "v1.1.0")
    world.run(minutes=45)
    ticket = world.ticket_for("pricing")
    assert blamed(ticket) == ["1.1.0"]
    assert ticket.verification.verdict is Verdict.INCONCLUSIVE, "it has no request to be judged by"
    assert "no request names v1.1.0 yet" in world.judgements("pricing")[-1].reason
