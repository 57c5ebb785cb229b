"""`perfd run`: the daemon in the foreground, as a service manager wants it."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

from perfd.commands.configuration import add_config_option, read_config
from perfd.errors import ConfigError, PerfdError


def configure(parser: argparse.ArgumentParser) -> None:
    """Options."""
    add_config_option(parser)


def run(args: argparse.Namespace) -> int:
    """Exit 0 after a drain, 1 when an essential part failed, 2 on a bad configuration."""
    config = read_config(args)
    if config is None:
        return 2
    from perfd.commands.logs import set_up
    from perfd.config import Config, load
    from perfd.daemon import Daemon

    set_up(config.telemetry.log_level)

    def reload() -> Config:
        return load(Path(args.config) if args.config else None, os.environ)

    try:
        return asyncio.run(Daemon(config, reload).run())
    except ConfigError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return 2
    except (PerfdError, OSError) as error:
        print(f"perfd: {error}", file=sys.stderr)
        return 1
