"""The options of `perfd backtest`."""

from __future__ import annotations

import argparse
from pathlib import Path

from perfd.commands.configuration import add_config_option
from perfd.commands.series_points import KINDS

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
DAYS = 30.0


def configure(parser: argparse.ArgumentParser) -> None:
    """What is looked at, and what is made of it."""
    parser.add_argument(
        "file",
        nargs="?",
        metavar="FILE.csv",
        help="series,time,value[,count] or …,k,n (- for stdin)",
    )
    _store(parser)
    _prometheus(parser)
    _history(parser)
    _answer(parser)


def duration(text: str) -> float:
    """`6h`, `90m`, `1d` or seconds, above 0."""
    number, unit = (text[:-1], UNITS[text[-1]]) if text[-1:] in UNITS else (text, 1.0)
    try:
        seconds = float(number) * unit
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration such as 6h")
    return seconds


def days(text: str) -> float:
    """A number of days, or any duration."""
    return duration(text if text[-1:] in UNITS else f"{text}d")


def _history(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--kind", choices=KINDS, help="what is measured; latency, where nothing tells"
    )
    parser.add_argument("--deploys", metavar="FILE", help="service,time,version")
    parser.add_argument(
        "--days", type=days, default=DAYS * UNITS["d"], help="of a store or a Prometheus (30)"
    )
    parser.add_argument(
        "--every", type=duration, default=21_600.0, metavar="6h", help="time between evaluations"
    )
    parser.add_argument(
        "--walk", action="store_true", help="every evaluation the daemon would have made"
    )


def _store(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--store",
        nargs="?",
        const="",
        metavar="DIR",
        help="the data directory (the configured one)",
    )
    add_config_option(parser)


def _prometheus(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--prometheus", metavar="URL", help="what stands before /api/v1")
    parser.add_argument("--query", metavar="Q", help="PromQL; one series for each set of labels")
    parser.add_argument(
        "--of", metavar="Q", help="for a ratio or share: --query counts k of these n"
    )
    parser.add_argument(
        "--step",
        type=duration,
        metavar="5m",
        help="between points; as long as the query looks back, 5m to 1h",
    )
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="sent as a bearer token")
    parser.add_argument(
        "--ca-file", metavar="FILE", help="the authority that signed its certificate"
    )
    parser.add_argument("--timeout", type=float, default=60.0, metavar="SECONDS")


def _answer(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--svg", metavar="FILE|DIR/", help="draw what was found; in DIR/ each series by itself"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
