"""The story: pricing is fine, a deploy slows it, perfd says so, a fix is deployed, perfd agrees.

All of it is real: services, load, telemetry, daemon. The story only deploys, waits and asks; what
it is told, and what the shop measured itself, is judged by `verdict.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Self

import aiohttp

from perfd.demo import verdict
from perfd.demo.endpoints import Endpoints
from perfd.demo.options import WARM_UP_SECONDS, DemoOptions
from perfd.demo.process import ProcessFailed
from perfd.demo.report import Reporter
from perfd.demo.running_perfd import RunningPerfd
from perfd.demo.running_shop import RunningShop
from perfd.demo.verdict import BAD, FIXED, GOOD

POLL_SECONDS = 1.0
REQUEST_TIMEOUT = aiohttp.ClientTimeout(total=10)

Outcome = dict[str, Any]


async def _never() -> bool:
    return False


class Story:
    """One telling of it; `tell` gives the outcome that `perfd demo --json` prints."""

    def __init__(
        self, options: DemoOptions, endpoints: Endpoints, workdir: Path, reporter: Reporter
    ) -> None:
        self._options = options
        self._endpoints = endpoints
        self._workdir = workdir
        self._reporter = reporter
        self._begun = asyncio.get_running_loop().time()
        self._truth: dict[str, Any] = {"p95_ratio": None, "pricing": {}, "load": {}}
        self._tickets: list[dict[str, Any]] = []
        self._timeline: list[dict[str, Any]] = []
        self._problems: list[str] = []
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.__aenter__()
        return self

    async def __aexit__(self, *failure: Any) -> None:
        await self._stack.aclose()

    async def tell(self) -> Outcome:
        """From an idle machine to the outcome; with `--exit`, back to an idle machine."""
        try:
            await self._open()
            await self._chapters()
            await self._judge()
            if self._options.exit:
                await self._end()
        except (ProcessFailed, aiohttp.ClientError, TimeoutError) as error:
            self._problems.append(str(error) or type(error).__name__)
        return self.outcome()

    async def stay(self) -> None:
        """Keep serving until somebody has seen enough, or something has ended by itself."""
        self._reporter.say(f"Still serving on {self._endpoints.url} until Ctrl-C.")
        with contextlib.suppress(asyncio.CancelledError, ProcessFailed):
            while True:
                self._check()
                await asyncio.sleep(POLL_SECONDS)

    def outcome(self) -> Outcome:
        """What there is to say about it so far."""
        told = verdict.opened(self._tickets)
        return {
            "ok": not self._problems,
            "ticket": told[0] if told else None,
            "url": self._endpoints.url,
            "truth": self._truth,
            "timeline": self._timeline,
            "problems": self._problems,
        }

    async def _open(self) -> None:
        """Start everything, perfd first. Whatever happens then, the stack stops it, perfd last."""
        session = aiohttp.ClientSession(timeout=REQUEST_TIMEOUT)
        await self._stack.enter_async_context(session)
        self._perfd = RunningPerfd(self._endpoints, self._workdir, session)
        self._stack.push_async_callback(self._perfd.close)
        await self._perfd.open(self._options.pace)
        self._note(f"perfd is ready on {self._endpoints.url}")
        self._shop = RunningShop(self._endpoints, self._workdir, session)
        self._stack.push_async_callback(self._shop.close)
        await self._shop.open(GOOD)
        self._note(f"the shop is open, pricing at {GOOD}")

    async def _end(self) -> None:
        """Stop everything as an operator would; perfd must end in good order."""
        await self._shop.close()
        await self._perfd.drain()

    async def _chapters(self) -> None:
        await self._observe(GOOD, self._options.baseline)
        if self._options.no_regression:
            await self._deploy(BAD, like=GOOD)
            await self._observe(BAD, self._options.all_looks)
        elif await self._see_ticket() and self._options.then_fix:
            await self._see_fix()

    async def _see_ticket(self) -> bool:
        await self._deploy(BAD, like=BAD)
        if not await self._observe(BAD, self._options.judgement, until=self._is_open):
            self._problems.append(f"no ticket within {self._options.judgement:.0f} s of {BAD}")
            return False
        for ticket in verdict.opened(self._tickets):
            self._note(f"{ticket['id']} on {ticket['service']}: {ticket['url']}")
        return True

    async def _see_fix(self) -> None:
        await self._deploy(FIXED, like=FIXED)
        seconds = self._options.verification
        if not await self._observe(FIXED, seconds, until=self._is_verified):
            self._problems.append(f"not verified within {seconds:.0f} s of {FIXED}")
            return
        self._note("the ticket is verified")

    async def _deploy(self, version: str, like: str) -> None:
        await self._shop.deploy(version, like)
        as_before = f", which behaves like {like}" if like != version else ""
        self._note(f"pricing {version} is deployed{as_before}")

    async def _observe(
        self, version: str, seconds: float, until: Callable[[], Awaitable[bool]] = _never
    ) -> bool:
        """Let a version serve, measured once it is warm, until that is so or the time is over."""
        await self._wait(f"pricing {version} warms up", WARM_UP_SECONDS, _never)
        await self._shop.start_measuring()
        met = await self._wait(f"pricing {version} is watched", seconds - WARM_UP_SECONDS, until)
        self._truth["pricing"][version] = await self._shop.measured()
        return met

    async def _wait(self, step: str, seconds: float, until: Callable[[], Awaitable[bool]]) -> bool:
        loop = asyncio.get_running_loop()
        start = loop.time()
        while (passed := loop.time() - start) < seconds:
            self._reporter.progress(self._with_customers(step), passed, seconds)
            self._check()
            if await until():
                return True
            await asyncio.sleep(min(POLL_SECONDS, seconds - passed))
        return False

    async def _is_open(self) -> bool:
        self._tickets = await self._perfd.tickets()
        return bool(verdict.opened(self._tickets))

    async def _is_verified(self) -> bool:
        self._tickets = await self._perfd.tickets()
        told = verdict.opened(self._tickets)
        return bool(told) and all(ticket["state"] == "verified" for ticket in told)

    async def _judge(self) -> None:
        self._truth["p95_ratio"] = verdict.p95_ratio(self._truth["pricing"])
        self._truth["load"] = await self._count_customers()
        self._tickets = await self._perfd.tickets()
        self._problems += verdict.truth_problems(self._truth, not self._options.no_regression)
        if self._options.no_regression:
            deploys = await self._perfd.deploys(verdict.SERVICE)
            looks = await self._perfd.looks()
            self._problems += verdict.no_ticket_problems(self._tickets, deploys, looks)
        else:
            self._problems += verdict.ticket_problems(self._tickets)

    async def _count_customers(self) -> dict[str, Any]:
        """All of them if this is the end, else those until now."""
        if self._options.exit:
            return await self._shop.send_customers_home()
        return self._shop.customers()

    def _check(self) -> None:
        self._perfd.check()
        self._shop.check()

    def _with_customers(self, step: str) -> str:
        load = self._shop.customers()
        if not load:
            return step
        return f"{step}; {load['arrived']} customers, p95 {load['latency']['p95'] * 1000:.0f} ms"

    def _note(self, what: str) -> None:
        """Tell it now, and keep it for the timeline."""
        passed = asyncio.get_running_loop().time() - self._begun
        self._timeline.append({"seconds": round(passed, 1), "what": what})
        self._reporter.say(f"{passed:5.0f} s  {what}")
