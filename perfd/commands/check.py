"""`perfd check`: read the configuration and build from it what needs no disk and no network."""

from __future__ import annotations

import argparse
import json
import sys

from perfd.commands import access
from perfd.commands.configuration import add_config_option, read_config
from perfd.errors import ConfigError


def configure(parser: argparse.ArgumentParser) -> None:
    """Options."""
    add_config_option(parser)
    parser.add_argument("--json", action="store_true", help="print the whole configuration")


def run(args: argparse.Namespace) -> int:
    """Exit 0 when perfd could start with it, 2 when not."""
    config = read_config(args)
    if config is None:
        return 2
    from perfd.daemon import Daemon

    try:
        Daemon(config, lambda: config)
    except ConfigError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return 2
    # Only warnings: the files may be there for the daemon's user alone, and a closed door is safe.
    for look in (access.closed_doors, access.unusable_files, access.plain_doors):
        for words in look(config):
            print(f"warning: {words}", file=sys.stderr)
    if args.json:
        import msgspec

        print(json.dumps(msgspec.to_builtins(config), indent=2))
    else:
        print("the configuration is fine")
    return 0
