"""`perfd backtest`: what perfd would have found in a history, by the daemon's own code.

The history is a CSV file, perfd's own store, or what a Prometheus answers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from perfd.clock import SystemClock
from perfd.commands import backtest_options, backtest_pictures, backtest_words, series_prometheus
from perfd.commands.backtest_opening import Rules
from perfd.commands.backtest_run import Histories, backtest
from perfd.commands.configuration import read_config
from perfd.commands.series_csv import read_deploys, read_series
from perfd.commands.series_grid import grids
from perfd.commands.series_points import Deploy
from perfd.errors import BadInput, PerfdError

configure = backtest_options.configure

DAY = 86_400.0


class Unread(PerfdError):
    """The history cannot be read, for a reason that has been printed."""


def run(args: argparse.Namespace) -> int:
    """Exit 0, findings or not; 2 when the history cannot be read or the picture not written."""
    try:
        with ExitStack() as stack:
            histories = _histories(args, stack)
            report = backtest(histories, args.every, walk=args.walk)
        if args.svg:
            backtest_pictures.write(args.svg, histories, report)
    except Unread:
        return 2
    except (PerfdError, OSError) as error:
        lines = args.file is not None and isinstance(error, BadInput)  # that begin with its name
        print(error if lines else f"perfd backtest: {error}", file=sys.stderr)
        return 2
    print(json.dumps(report) if args.json else "\n".join(backtest_words.lines(report)))
    return 0


def _histories(args: argparse.Namespace, stack: ExitStack) -> Histories:
    """From the one place that the options name, which is open until the stack is left."""
    named = [args.file is not None, args.store is not None, args.prometheus is not None]
    if sum(named) != 1:
        raise BadInput("name one history: FILE.csv, --store or --prometheus")
    deploys = _deploys(args.deploys)
    if args.prometheus is not None:
        return _of_prometheus(args, deploys)
    if args.store is not None:
        return _of_store(args, deploys, stack)
    with _opened(args.file) as lines:
        kind = args.kind or "latency"
        return Histories(grids(read_series(lines, kind, args.file), kind), deploys)


def _of_prometheus(args: argparse.Namespace, deploys: list[Deploy]) -> Histories:
    asked = asyncio.run(series_prometheus.fetch(args, SystemClock().now()))
    for warning in asked.warnings:
        print(f"perfd backtest: {args.prometheus} warns: {warning}", file=sys.stderr)
    return Histories(grids(asked.series, asked.question.kind), deploys, asked.left_out)


def _of_store(args: argparse.Namespace, deploys: list[Deploy], stack: ExitStack) -> Histories:
    from perfd.commands.series_store import Kept
    from perfd.store.snapshot import snapshot

    config, clock = read_config(args), SystemClock()
    if config is None:
        raise Unread
    folder = Path(args.store or config.data_dir)
    copy = snapshot(folder, config.store, pace=config.pace, clock=clock)
    kept = Kept(stack.enter_context(copy), config.detect, config.pace, args.every)
    rules = Rules(config.detect, config.pace, kept.around)
    return Histories(
        kept.grids(clock.now(), args.days / DAY), deploys or kept.deploys(), rules=rules
    )


def _deploys(name: str | None) -> list[Deploy]:
    if name is None:
        return []
    with _opened(name) as lines:
        return read_deploys(lines, name)


@contextmanager
def _opened(name: str) -> Iterator[IO[str]]:
    """The lines of a file, of standard input for `-`. Raises BadInput where it is no text."""
    try:
        if name == "-":
            with open(sys.stdin.fileno(), encoding="utf-8-sig", newline="", closefd=False) as file:
                yield file
        else:
            with Path(name).open(encoding="utf-8-sig", newline="") as file:
                yield file
    except UnicodeDecodeError as error:
        raise BadInput(f"{name}: not UTF-8 (byte {error.start} of what was read)") from error
