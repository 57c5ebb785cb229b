"""Every query of the dashboards, answered by a real Prometheus that scraped perfd's /metrics."""

import asyncio
import random
import re
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp import web

from perfd.model.batch import Batch
from tests.grafana.boards import FILES, board, filled, panels, queries, variables
from tests.packages import require_package
from tests.web.world import resources, shop, traffic

SCRAPE = 0.25
VALUES = {"service": "pricing", "environment": "prod", "operation": ".*"}

pytestmark = [pytest.mark.slow, pytest.mark.needs_package]

Row = dict[str, Any]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Prometheus:
    """Debian's Prometheus, scraping one address."""

    def __init__(self, folder: Path, target: str) -> None:
        self.address = f"http://127.0.0.1:{free_port()}"
        config = folder / "prometheus.yml"
        job = {"job_name": "perfd", "static_configs": [{"targets": [target]}]}
        every = f"{round(SCRAPE * 1000)}ms"
        times = {"scrape_interval": every, "scrape_timeout": every}
        config.write_text(yaml.safe_dump({"global": times, "scrape_configs": [job]}))
        self._process = subprocess.Popen(
            [
                require_package("prometheus"),
                f"--config.file={config}",
                f"--storage.tsdb.path={folder}",
                f"--web.listen-address={self.address.removeprefix('http://')}",
                "--log.level=error",
            ]
        )

    async def ask(self, path: str, **parameters: str) -> Any:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.address}/api/v1/{path}", params=parameters) as answer,
        ):
            document = await answer.json()
            assert document["status"] == "success", document
            return document["data"]

    async def query(self, promql: str) -> list[Row]:
        return list((await self.ask("query", query=promql))["result"])

    async def has(self, promql: str) -> None:
        """Wait until a query has an answer."""
        async with asyncio.timeout(20):
            while True:
                try:
                    if await self.query(promql):
                        return
                except aiohttp.ClientError:
                    pass  # it is still starting
                await asyncio.sleep(SCRAPE)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(20)


@pytest.fixture
async def prometheus(tmp_path: Path) -> AsyncIterator[Prometheus]:
    world = shop()
    runner = web.AppRunner(world.app())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    started = Prometheus(tmp_path, f"{host}:{port}")
    try:
        await started.has("perfd_service_requests_total")
        # As much again, so that there is something to take the rate of.
        rng = random.Random(2)
        world.context.totals.add(Batch(windows=tuple(traffic(rng)), gauges=tuple(resources(rng))))
        await started.has('sum(rate(perfd_service_requests_total{service="pricing"}[1m])) > 0')
        yield started
    finally:
        started.close()
        await runner.cleanup()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_every_query_has_an_answer(file: Path, prometheus: Prometheus) -> None:
    asked = board(file)
    for title, query in queries(asked):
        rows = await prometheus.query(filled(query, VALUES))
        assert rows, title
        values = [float(row["value"][1]) for row in rows]
        assert any(value > 0 for value in values) or title == "Errors", (title, values)
    for name, variable in variables(asked).items():
        if variable["type"] == "query":
            await chosen(prometheus, name, variable["query"])
    (tickets,) = (panel for panel in panels(asked) if panel["type"] == "table")
    await table_of(prometheus, tickets)


async def chosen(prometheus: Prometheus, name: str, query: str) -> None:
    """What a variable offers holds what the queries are asked with."""
    found = re.fullmatch(r"label_values\((.*), (\w+)\)", query)
    assert found is not None
    offered = await prometheus.ask(
        f"label/{found[2]}/values", **{"match[]": filled(found[1], VALUES)}
    )
    assert offered, name
    assert VALUES[name] in [*offered, ".*"]


async def table_of(prometheus: Prometheus, panel: Row) -> None:
    """Every label of a ticket is a column or is hidden on purpose, and its link leads to it."""
    (row,) = await prometheus.query(filled(panel["targets"][0]["expr"], VALUES))
    (organize,) = panel["transformations"]
    options = organize["options"]
    shown = set(row["metric"]) - set(options["excludeByName"])
    assert shown == set(options["indexByName"])
    assert row["metric"]["url"].endswith(f"/tickets/{row['metric']['id']}")
