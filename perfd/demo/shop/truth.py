"""What a service knows of itself without telemetry: the yardstick for what others say of it."""

from __future__ import annotations

import time
from typing import Any

from aiohttp import web

from perfd.demo.latencies import Latencies
from perfd.demo.shop.tracing import OPERATIONAL, Handler


class Truth:
    """Own latencies and own CPU since the last `PUT /-/truth`; `GET` reads them."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all, for instance once the process is warm."""
        self._latencies = Latencies()
        self._since = time.perf_counter()
        self._cpu = time.process_time()

    def summary(self) -> dict[str, Any]:
        """Quantiles in seconds, and CPU in cores."""
        elapsed = time.perf_counter() - self._since
        return {
            "count": self._latencies.count,
            "latency": self._latencies.summary(),
            "cpu_cores": round((time.process_time() - self._cpu) / elapsed, 4),
            "seconds": round(elapsed, 1),
        }

    @web.middleware
    async def measured(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The middleware that does the measuring."""
        if request.path.startswith(OPERATIONAL):
            return await handler(request)
        begun = time.perf_counter()
        try:
            return await handler(request)
        finally:
            self._latencies.add(time.perf_counter() - begun)

    async def get(self, _: web.Request) -> web.Response:
        """`GET /-/truth`."""
        return web.json_response(self.summary())

    async def put(self, _: web.Request) -> web.Response:
        """`PUT /-/truth`."""
        self.reset()
        return web.Response(status=204)
