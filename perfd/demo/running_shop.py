"""The running shop: its processes, and the exchange of one pricing for another under load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp

from perfd.demo.endpoints import Endpoints
from perfd.demo.process import Process

RATE = 42.0
SEED = 7
# Longer than anybody watches, so that a forgotten demo still ends its load.
LOAD_SECONDS = 24 * 3600

# One of the three speaks gRPC, so that both of perfd's doors are used.
PROTOCOLS = {"storefront": "grpc", "pricing": "http/protobuf", "inventory": "http/protobuf"}


class RunningShop:
    """Storefront, pricing and inventory as processes, and the customers as a fourth."""

    def __init__(self, endpoints: Endpoints, workdir: Path, session: aiohttp.ClientSession) -> None:
        self._endpoints = endpoints
        self._workdir = workdir
        self._session = session
        self._processes: dict[str, Process] = {}
        self._addresses: dict[str, str] = {}

    async def open(self, version: str) -> None:
        """Start the services, the innermost first, then let the customers in."""
        database = self._workdir / "stock.db"
        await self._serve("inventory", "inventory", "--database", str(database))
        self._pricing = await self._serve_pricing(version, like=version)
        await self._serve("storefront", "storefront", "--pricing", self._addresses[self._pricing])
        await self._let_customers_in()

    async def deploy(self, version: str, like: str) -> None:
        """Exchange pricing for a version that behaves like this one, without losing a request.

        The new process listens before the storefront is pointed at it, and the old one is stopped
        when the storefront has its last answer; it then only has telemetry to send.
        """
        old, self._pricing = self._pricing, await self._serve_pricing(version, like)
        await self._put("storefront", "upstream", self._addresses[self._pricing])
        await self._processes.pop(old).drain()

    async def start_measuring(self) -> None:
        """From now on, not counting what was before, pricing measures itself."""
        await self._put(self._pricing, "truth")

    async def measured(self) -> dict[str, Any]:
        """Pricing's own latencies and CPU since then."""
        url = f"{self._addresses[self._pricing]}/-/truth"
        async with self._session.get(url, raise_for_status=True) as answer:
            return dict(await answer.json())

    def customers(self) -> dict[str, Any]:
        """What the load generator last said."""
        load = self._processes.get("load")
        return load.latest if load else {}

    def check(self) -> None:
        """Complain if any process has ended by itself."""
        for process in self._processes.values():
            process.check()

    async def send_customers_home(self) -> dict[str, Any]:
        """Stop the load, when each customer has an answer; its summary."""
        load = self._processes.pop("load")
        await load.drain()
        return load.latest

    async def close(self) -> None:
        """Stop the customers first, then each service before the one that it needs."""
        for process in reversed(self._processes.values()):
            await process.stop()

    async def _serve_pricing(self, version: str, like: str) -> str:
        name = f"pricing-{version}"
        inventory = self._addresses["inventory"]
        arguments = ("--version", version, "--like", like, "--inventory", inventory)
        await self._serve(name, "pricing", *arguments)
        return name

    async def _serve(self, name: str, service: str, *arguments: str) -> None:
        process = self._processes[name] = await Process.start(
            name,
            f"perfd.demo.shop.{service}",
            *arguments,
            logs=self._workdir,
            env=self._environment(service),
        )
        port = (await process.first_line())["listening"]
        self._addresses[name] = f"http://127.0.0.1:{port}"

    async def _let_customers_in(self) -> None:
        self._processes["load"] = await Process.start(
            "load",
            "perfd.demo.load",
            self._addresses["storefront"],
            *("--rate", str(RATE), "--seconds", str(LOAD_SECONDS), "--seed", str(SEED)),
            logs=self._workdir,
        )

    async def _put(self, name: str, what: str, text: str = "") -> None:
        url = f"{self._addresses[name]}/-/{what}"
        async with self._session.put(url, data=text, raise_for_status=True):
            pass

    def _environment(self, service: str) -> dict[str, str]:
        """Only what any user of the SDKs would set."""
        protocol = PROTOCOLS[service]
        return {
            "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
            "OTEL_EXPORTER_OTLP_ENDPOINT": self._endpoints.otlp(protocol),
            "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=demo",
            "OTEL_BSP_SCHEDULE_DELAY": "1000",
            "OTEL_METRIC_EXPORT_INTERVAL": "5000",
            "PYROSCOPE_SERVER_ADDRESS": self._endpoints.url,
            "PYROSCOPE_UPLOAD_INTERVAL": "5",
        }
