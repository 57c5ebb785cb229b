"""Operations that wait on purpose, and those that only seem to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.scenarios.scan_world import ScanWorld, Shop

POLL = "GET /events"
Draw = Callable[[np.random.Generator, int], np.ndarray]


def polling(timeout: float, mean: float = 60.0) -> Draw:
    """A message comes every `mean` seconds or so; without one the poll ends at its time-out."""
    return lambda rng, n: np.minimum(
        rng.exponential(mean, n), timeout * (1.0 + 0.002 * rng.random(n))
    )


class WaitingWorld(ScanWorld):
    """A service of which one operation takes as long as `draw` says."""

    def __init__(self, shop: Shop, seed: int, draw: Draw) -> None:
        self._draw = draw
        super().__init__(shop, seed=seed)

    def now_takes(self, draw: Draw) -> None:
        """Another length of its requests; each computes as much as before."""
        rng = np.random.default_rng(0)
        old, new = (float(each(rng, 20_000).mean()) for each in (self._draw, draw))
        (shop,) = self.shops
        shop.cpu *= old / new
        self._draw = draw

    def _values(self, shop: Shop, operation: str, at: float) -> np.ndarray:
        if operation != POLL:
            return super()._values(shop, operation, at)
        return self._draw(self._rng, int(self._rng.poisson(shop.requests)))


def shop() -> Shop:
    """It computes next to nothing while its clients wait."""
    return Shop("shop", operations=("GET /quote", POLL), cpu=0.005)


def test_a_time_out_is_configured_anew() -> None:
    """A long poll gives up after 60 s and not after 30 s: no ticket, it waits on purpose."""
    world = WaitingWorld(shop(), 1, polling(30.0))
    world.now_takes(polling(60.0))
    world.run(36)
    assert world.tickets() == [], world.told
    assert any("waits on purpose" in reason for reason in world.told)


def test_fewer_messages_come() -> None:
    """Half as many messages: polls take longer, and no ticket."""
    world = WaitingWorld(shop(), 2, polling(30.0, 30.0))
    world.now_takes(polling(30.0, 60.0))
    world.run(36)
    assert world.tickets() == [], world.told
    assert any("waits on purpose" in reason for reason in world.told)


def test_an_operation_beside_a_poll_gets_slower() -> None:
    """The poll's neighbour gets slower on the same day: one ticket, on the neighbour."""
    place = shop()
    world = WaitingWorld(place, 3, polling(30.0))
    world.now_takes(polling(60.0))
    place.slower = {"GET /quote": 1.4}
    world.run(36)
    (ticket,) = world.tickets()
    assert ticket.operation == "GET /quote", world.told


def test_an_operation_begins_to_hang() -> None:
    """A third of an ordinary operation's requests begin to end after 30 s: a ticket."""

    def hangs(rng: np.random.Generator, n: int) -> np.ndarray:
        ordinary = 0.04 * np.exp(rng.normal(0.0, 0.4, n))
        return np.where(rng.random(n) < 0.33, 30.0 * (1.0 + 0.002 * rng.random(n)), ordinary)

    world = WaitingWorld(shop(), 4, lambda rng, n: 0.04 * np.exp(rng.normal(0.0, 0.4, n)))
    world.now_takes(hangs)
    world.run(36)
    (ticket,) = world.tickets()
    assert ticket.operation == POLL, world.told
