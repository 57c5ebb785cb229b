"""`perfd check`: build everything from the configuration, without touching disk or network."""

from __future__ import annotations

import argparse
import json

from perfd.commands.configuration import add_config_option, read_config


def configure(parser: argparse.ArgumentParser) -> None:
    """Options."""
    add_config_option(parser)
    parser.add_argument("--json", action="store_true", help="print the whole configuration")


def run(args: argparse.Namespace) -> int:
    """Exit 0 when perfd could start with it, 2 when not."""
    config = read_config(args)
    if config is None:
        return 2
    if args.json:
        import msgspec

        print(json.dumps(msgspec.to_builtins(config), indent=2))
    else:
        print("the configuration is fine")
    return 0
