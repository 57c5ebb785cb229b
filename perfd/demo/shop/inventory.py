"""The inventory service: how much of an article is in stock."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web

from perfd.demo.shop import service
from perfd.demo.shop.stock import Stock

STOCK = web.AppKey("stock", Stock)


async def several(request: web.Request) -> web.Response:
    """`GET /stock?sku=…&sku=…`, by one query."""
    return web.json_response(request.app[STOCK].several(request.query.getall("sku", [])))


async def each(request: web.Request) -> web.Response:
    """`GET /stock/each?sku=…&sku=…`, by a query for each: the N+1, harmless for one article."""
    stock = request.app[STOCK]
    return web.json_response({sku: stock.one(sku) for sku in request.query.getall("sku", [])})


def build(options: argparse.Namespace) -> web.Application:
    """Inventory over the database file that it was given."""

    async def stock(app: web.Application) -> AsyncIterator[None]:
        app[STOCK] = Stock(options.database)
        yield
        app[STOCK].close()

    app = service.application()
    app.cleanup_ctx.append(stock)
    app.router.add_get("/stock", several)
    app.router.add_get("/stock/each", each)
    return app


if __name__ == "__main__":
    parser = service.arguments("inventory")
    parser.add_argument("--database", type=Path, required=True)
    service.run(parser.parse_args(), "inventory", build)
