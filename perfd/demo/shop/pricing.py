"""The pricing service: what a cart costs, and whether it can be promised."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator, Sequence

import aiohttp
from aiohttp import web
from yarl import URL

from perfd.demo.shop import rules, service, tracing
from perfd.demo.shop.carts import Line
from perfd.demo.shop.releases import RELEASES, Release


class Pricing:
    """One release of pricing, with inventory to ask."""

    def __init__(self, release: Release, inventory: URL) -> None:
        self._release = release
        self._inventory = inventory

    async def session(self, _: web.Application) -> AsyncIterator[None]:
        """Connections to inventory, for as long as the application lives."""
        async with aiohttp.ClientSession() as self._session:
            yield

    async def quote(self, request: web.Request) -> web.Response:
        """`POST /quote`."""
        lines = [Line(*line) for line in await request.json()]
        stock = await self._stock(lines)
        quoted = rules.quote(lines, self._release.new_receipt())
        late = [line.sku for line in lines if not stock.get(line.sku)]
        return web.json_response({**quoted, "late": late})

    async def _stock(self, lines: Sequence[Line]) -> dict[str, int]:
        wanted = [("sku", line.sku) for line in lines]
        url = self._inventory.joinpath(self._release.stock_path).with_query(wanted)
        found: dict[str, int] = await tracing.call(self._session, "GET", url)
        return found


def build(options: argparse.Namespace) -> web.Application:
    """Pricing as the wanted release does it."""
    pricing = Pricing(RELEASES[options.like or options.version], options.inventory)
    app = service.application()
    app.cleanup_ctx.append(pricing.session)
    app.router.add_post("/quote", pricing.quote)
    return app


if __name__ == "__main__":
    parser = service.arguments("pricing")
    parser.add_argument("--inventory", type=URL, required=True)
    parser.add_argument(
        "--like", choices=RELEASES, help="behave as this version, whatever is reported"
    )
    service.run(parser.parse_args(), "pricing", build)
