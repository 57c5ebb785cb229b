"""The scan as a job: what it opens, what it keeps, and what a restart changes (nothing)."""

from tests.jobs.scan_world import DAY, HOUR, ScanWorld, Shop

SLOW = {"GET /quote": 1.3}


def test_a_step_without_a_deploy_is_one_ticket_that_says_what_when_and_by_how_much() -> None:
    shop = Shop("shop")
    world = ScanWorld(shop, seed=1)
    world.run(9)
    began = world.now
    shop.slower = dict(SLOW)
    world.run(36)
    (ticket,) = world.tickets()
    assert (ticket.operation, ticket.trigger, str(ticket.state)) == ("GET /quote", "scan", "open")
    assert ticket.change_ci[0] <= began <= ticket.change_ci[1]
    assert abs(ticket.change_at - began) <= 2 * HOUR
    assert ticket.effect is not None
    assert 1.25 < (ticket.effect.ratio or 0.0) < 1.35
    assert ticket.suspects == ()
