"""Customers: an open model, so that a slow shop does not slow them down."""

import asyncio
import itertools
import statistics

import pytest
from aiohttp import web
from yarl import URL

from perfd.demo.load import Load, arrivals


@pytest.fixture
async def shop():
    """A shop that answers when it is told to; its address, and how to tell it."""
    open_doors = asyncio.Event()

    async def checkout(request):
        await open_doors.wait()
        return web.Response(status=500 if request.match_info["cart"] == "sold-out" else 200)

    app = web.Application()
    app.router.add_get("/checkout/{cart}", checkout)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield URL(f"http://127.0.0.1:{runner.addresses[0][1]}"), open_doors
    await runner.cleanup()


def test_arrivals_are_the_same_for_the_same_seed():
    assert list(arrivals(40, 10, seed=1)) == list(arrivals(40, 10, seed=1))
    assert list(arrivals(40, 10, seed=1)) != list(arrivals(40, 10, seed=2))


def test_arrivals_keep_the_rate_and_end_in_time():
    dues = list(arrivals(40, 1000, seed=1))
    assert len(dues) == pytest.approx(40_000, rel=0.02)
    assert dues == sorted(dues)
    assert dues[-1] < 1000


def test_arrivals_are_poisson():
    dues = list(arrivals(40, 1000, seed=1))
    gaps = [later - sooner for sooner, later in itertools.pairwise(dues)]
    assert statistics.stdev(gaps) == pytest.approx(statistics.mean(gaps), rel=0.03)


async def test_every_customer_is_accounted_for(shop):
    address, open_doors = shop
    open_doors.set()
    load = Load(address)
    await load.run(iter([0.0, 0.001, 0.002]), seed=1)
    summary = load.summary()
    assert (summary["arrived"], summary["ok"], summary["failed"], summary["dropped"]) == (
        3,
        3,
        0,
        0,
    )


async def test_a_stalled_shop_has_arrivals_dropped_and_counted(shop):
    address, open_doors = shop

    def five_customers():
        yield from [0.0] * 5
        open_doors.set()

    load = Load(address, max_in_flight=2)
    await load.run(five_customers(), seed=1)
    summary = load.summary()
    assert (summary["arrived"], summary["ok"], summary["dropped"]) == (5, 2, 3)


async def test_a_closed_shop_fails_its_customers():
    load = Load(URL("http://127.0.0.1:1"))
    await load.run(iter([0.0]), seed=1)
    assert load.summary()["failed"] == 1


async def test_latency_counts_from_the_due_time(shop):
    address, open_doors = shop
    open_doors.set()
    load = Load(address)
    await load.run(iter([-3.0]), seed=1)  # a customer who has been waiting for three seconds
    assert load.summary()["latency"]["p50"] >= 3.0 * 0.99
    assert load.summary()["lateness"]["p50"] >= 3.0 * 0.99
