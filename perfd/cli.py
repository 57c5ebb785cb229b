"""The command line. A subcommand's module is imported only when that subcommand is called."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import NamedTuple

from perfd import __version__


class Command(NamedTuple):
    """A subcommand: its module has `configure(parser)` and `run(args) -> exit code`."""

    name: str
    module: str
    help: str


COMMANDS = (
    Command("run", "run", "run the daemon"),
    Command("check", "check", "check the configuration; every error with its line"),
    Command("demo", "demo", "a sample shop gets slower, perfd finds it, the fix is verified"),
    Command("backtest", "backtest", "what perfd would have found in a history of yours"),
    Command("detect", "detect", "try the thresholds of detection on your own history"),
    Command("tickets", "tickets", "list, show and act on tickets of a running perfd"),
    Command("doctor", "doctor", "what could stop perfd from working here, and what to do"),
    Command("health", "health", "is the running perfd ready? exit 0 when it is"),
    Command("version", "version", "the version of perfd and of what it stands on"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(
        prog="perfd",
        description="Finds performance regressions in running services, proves them, "
        "and verifies the fix.",
    )
    parser.add_argument("--version", action="version", version=f"perfd {__version__}")
    choices = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    chosen = words[0] if words else ""
    for command in COMMANDS:
        sub = choices.add_parser(command.name, help=command.help, description=command.help)
        if command.name == chosen:
            module = importlib.import_module(f"perfd.commands.{command.module}")
            module.configure(sub)
            sub.set_defaults(run=module.run)
    args = parser.parse_args(words)
    try:
        return int(args.run(args))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `perfd tickets | head`
        return 0
