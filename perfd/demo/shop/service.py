"""The life of a shop process: listen, announce the port, serve, drain on a signal, flush."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
from collections.abc import Callable

from aiohttp import web

from perfd.demo.shop.telemetry import Telemetry
from perfd.demo.shop.tracing import OPERATIONAL, traced
from perfd.demo.shop.truth import Truth

# Longer than any request of the shop takes, so that draining cuts none off.
DRAIN_SECONDS = 5.0

Build = Callable[[argparse.Namespace], web.Application]


def arguments(service: str) -> argparse.ArgumentParser:
    """The options that all three services share."""
    parser = argparse.ArgumentParser(prog=service)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one and prints it")
    parser.add_argument("--version", default="1.0.0", help="the version to report")
    return parser


def run(
    options: argparse.Namespace, service: str, build: Build, with_metrics: bool = False
) -> None:
    """Be that service until SIGTERM or SIGINT."""
    telemetry = Telemetry(service, options.version, with_metrics)
    try:
        asyncio.run(_serve(build(options), options.host, options.port))
    finally:
        telemetry.close()


def application() -> web.Application:
    """A traced application that can be asked for its health and for what it measured itself."""
    truth = Truth()
    app = web.Application(middlewares=[truth.measured, traced])
    app.router.add_get(f"{OPERATIONAL}healthz", _healthy)
    app.router.add_get(f"{OPERATIONAL}truth", truth.get)
    app.router.add_put(f"{OPERATIONAL}truth", truth.put)
    return app


async def _healthy(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


async def _serve(app: web.Application, host: str, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=DRAIN_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        print(json.dumps({"listening": runner.addresses[0][1]}), flush=True)
        await stop.wait()
    finally:
        await runner.cleanup()
