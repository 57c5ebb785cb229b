"""The storefront service: what customers see. `PUT /-/upstream` points it at another pricing."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator

import aiohttp
from aiohttp import web
from yarl import URL

from perfd.demo.shop import service, tracing
from perfd.demo.shop.carts import cart
from perfd.demo.shop.upstream import Upstream


class Storefront:
    """Checkout, with pricing to ask."""

    def __init__(self, pricing: Upstream) -> None:
        self._pricing = pricing

    async def session(self, _: web.Application) -> AsyncIterator[None]:
        """Connections to pricing, for as long as the application lives."""
        async with aiohttp.ClientSession() as self._session:
            yield

    async def checkout(self, request: web.Request) -> web.Response:
        """`GET /checkout/{cart}`."""
        number = int(request.match_info["cart"])
        async with self._pricing.lease() as pricing:
            quoted = await tracing.call(self._session, "POST", pricing / "quote", cart(number))
        return web.json_response({"cart": number, **quoted})

    async def repoint(self, request: web.Request) -> web.Response:
        """`PUT /-/upstream`, the address as text; answers once nobody uses the old one any more."""
        await self._pricing.switch(URL(await request.text()))
        return web.Response(status=204)


def build(options: argparse.Namespace) -> web.Application:
    """The storefront in front of the pricing that it was given."""
    storefront = Storefront(Upstream(options.pricing))
    app = service.application()
    app.cleanup_ctx.append(storefront.session)
    app.router.add_get(r"/checkout/{cart:\d+}", storefront.checkout)
    app.router.add_put("/-/upstream", storefront.repoint)
    return app


if __name__ == "__main__":
    parser = service.arguments("storefront")
    parser.add_argument("--pricing", type=URL, required=True)
    service.run(parser.parse_args(), "storefront", build, with_metrics=True)
