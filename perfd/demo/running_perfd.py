"""The real daemon as a child process, and the little of its API that the story reads."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp

from perfd.demo.configuration import write_config
from perfd.demo.endpoints import Endpoints
from perfd.demo.process import Process

READY_SECONDS = 30.0
RETRY_SECONDS = 0.2


def looks_in(metrics: str) -> float:
    """The looks that came to a judgement, in the Prometheus text format."""
    lines = [line for line in metrics.splitlines() if line.startswith("perfd_deploys_judged_total")]
    return sum(float(line.split()[-1]) for line in lines if 'state="judged"' in line)


class RunningPerfd:
    """`perfd run` with the demo's configuration."""

    def __init__(self, endpoints: Endpoints, workdir: Path, session: aiohttp.ClientSession) -> None:
        self._endpoints = endpoints
        self._workdir = workdir
        self._session = session
        self._process: Process | None = None

    async def open(self, pace: int) -> None:
        """Start it, and wait until it takes telemetry."""
        config = write_config(self._endpoints, self._workdir, pace)
        self._process = await Process.start(
            "perfd", "perfd", "run", "--config", str(config), logs=self._workdir, speaks=False
        )
        try:
            await asyncio.wait_for(self._until_ready(self._process), READY_SECONDS)
        except TimeoutError:
            raise self._process.failure(f"is not ready after {READY_SECONDS:g} s") from None

    async def tickets(self) -> list[dict[str, Any]]:
        """All tickets of all services, in whatever state."""
        return await self._list("tickets")

    async def deploys(self, service: str) -> list[dict[str, Any]]:
        """The deploys of a service that it noticed."""
        return await self._list("deploys", service=service)

    async def looks(self) -> float:
        """How often it has compared a deploy with what was before, as its own metrics tell."""
        async with self._session.get(
            f"{self._endpoints.url}/metrics", raise_for_status=True
        ) as own:
            return looks_in(await own.text())

    def check(self) -> None:
        """Complain if it has ended by itself."""
        if self._process is not None:
            self._process.check()

    async def drain(self) -> None:
        """Let it end as an operator would, and complain unless it does so in good order."""
        if self._process is not None:
            await self._process.drain()

    async def close(self) -> None:
        """Make sure that it has ended."""
        if self._process is not None:
            await self._process.stop()

    async def _list(self, kind: str, **wanted: str) -> list[dict[str, Any]]:
        url = f"{self._endpoints.url}/api/v1/{kind}"
        async with self._session.get(url, params=wanted, raise_for_status=True) as answer:
            return list((await answer.json())[kind])

    async def _until_ready(self, process: Process) -> None:
        while not await self._is_ready():
            process.check()
            await asyncio.sleep(RETRY_SECONDS)

    async def _is_ready(self) -> bool:
        try:
            async with self._session.get(f"{self._endpoints.url}/readyz") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False
