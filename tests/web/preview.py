"""Serves the shop's pages to look at: `python -m tests.web.preview [port] [empty]`."""

from __future__ import annotations

import sys

from aiohttp import web

from tests.web.world import empty_world, shop


def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 4140
    world = empty_world() if "empty" in sys.argv else shop()
    web.run_app(world.app(), host="127.0.0.1", port=port)


if __name__ == "__main__":
    main()
