"""`perfd run`: the daemon in the foreground, as a service manager wants it."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys

from perfd.commands.configuration import add_config_option, read_config
from perfd.errors import PerfdError


def configure(parser: argparse.ArgumentParser) -> None:
    """Options."""
    add_config_option(parser)


def run(args: argparse.Namespace) -> int:
    """Exit 0 after a drain, 1 when an essential part failed, 2 on a bad configuration."""
    config = read_config(args)
    if config is None:
        return 2
    from perfd.config import load
    from perfd.daemon import Daemon

    try:
        daemon = Daemon(config, reload=lambda: load(args.config, os.environ))
        return asyncio.run(daemon.run())
    except (PerfdError, OSError) as error:
        print(f"perfd: {error}", file=sys.stderr)
        return 1
