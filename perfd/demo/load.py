"""Customers of the sample shop: an open-model load generator in a process of its own.

Arrivals are Poisson and do not wait for answers, and a latency counts from the moment an arrival
was due, so a stall of the shop is seen in full. Prints one JSON object per line: progress now and
then, the summary last.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import signal
from collections.abc import Iterator
from typing import Any

import aiohttp
from yarl import URL

from perfd.demo.latencies import Latencies

CARTS = 2000
# Some seconds of arrivals: a shop that is further behind than that is down.
MAX_IN_FLIGHT = 256
PROGRESS_SECONDS = 1.0
TIMEOUT = aiohttp.ClientTimeout(total=10)


def arrivals(rate: float, seconds: float, seed: int) -> Iterator[float]:
    """Seconds from the start at which customers are due: a Poisson process, fixed by its seed."""
    rng = random.Random(seed)
    gaps = (rng.expovariate(rate) for _ in itertools.count())
    return itertools.takewhile(lambda due: due < seconds, itertools.accumulate(gaps))


class Load:
    """Sends customers to the shop and counts what becomes of them."""

    def __init__(self, shop: URL, max_in_flight: int = MAX_IN_FLIGHT) -> None:
        self._shop = shop
        self._max_in_flight = max_in_flight
        self._visits: set[asyncio.Task[None]] = set()
        self._latencies = Latencies()
        self._lateness = Latencies()
        self._counts = {"arrived": 0, "ok": 0, "failed": 0, "dropped": 0}

    async def run(self, dues: Iterator[float], seed: int) -> None:
        """Meet every due time, then wait for the last answer."""
        rng = random.Random(seed)
        loop = asyncio.get_running_loop()
        start = loop.time()
        async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
            try:
                for due in dues:
                    await asyncio.sleep(start + due - loop.time())
                    self._arrive(session, start + due, rng.randrange(CARTS))
            finally:
                await asyncio.gather(*self._visits)

    def summary(self) -> dict[str, Any]:
        """Counts, latencies from due time, and how late the generator itself was, in seconds."""
        return {
            **self._counts,
            "latency": self._latencies.summary(),
            "lateness": self._lateness.summary(),
        }

    def _arrive(self, session: aiohttp.ClientSession, due: float, cart: int) -> None:
        self._counts["arrived"] += 1
        self._lateness.add(asyncio.get_running_loop().time() - due)
        if len(self._visits) >= self._max_in_flight:
            self._counts["dropped"] += 1
            return
        visit = asyncio.create_task(self._visit(session, due, cart))
        self._visits.add(visit)
        visit.add_done_callback(self._visits.discard)

    async def _visit(self, session: aiohttp.ClientSession, due: float, cart: int) -> None:
        answered = await self._check_out(session, cart)
        self._counts["ok" if answered else "failed"] += 1
        self._latencies.add(asyncio.get_running_loop().time() - due)

    async def _check_out(self, session: aiohttp.ClientSession, cart: int) -> bool:
        try:
            async with session.get(self._shop / "checkout" / str(cart)) as response:
                await response.read()
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False


async def _report(load: Load) -> None:
    while True:
        await asyncio.sleep(PROGRESS_SECONDS)
        print(json.dumps({"kind": "progress", **load.summary()}), flush=True)


async def _main(options: argparse.Namespace) -> None:
    load = Load(options.shop, options.max_in_flight)
    dues = arrivals(options.rate, options.seconds, options.seed)
    running = asyncio.create_task(load.run(dues, options.seed))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    reporting = asyncio.create_task(_report(load))
    await asyncio.wait([running])
    reporting.cancel()
    print(json.dumps({"kind": "summary", **load.summary()}), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="load", description=__doc__)
    parser.add_argument("shop", type=URL, help="address of the storefront")
    parser.add_argument("--rate", type=float, default=45.0, help="customers per second")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--max-in-flight", type=int, default=MAX_IN_FLIGHT)
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(_main(_options()))
