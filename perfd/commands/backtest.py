"""`perfd backtest FILE.csv`: what perfd would have found in a history, by the daemon's own code."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from perfd.commands import backtest_run
from perfd.commands.backtest_picture import picture
from perfd.commands.series_csv import SHARES, read_deploys, read_series
from perfd.commands.series_grid import Grid
from perfd.errors import BadInput

KINDS = ("latency", "gauge", "share", "ratio")
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def configure(parser: argparse.ArgumentParser) -> None:
    """Options."""
    parser.add_argument("file", metavar="FILE.csv", help="series,time,value[,count] or …,k,n")
    parser.add_argument("--kind", choices=KINDS, default="latency", help="what the columns hold")
    parser.add_argument("--deploys", metavar="FILE", help="service,time,version")
    parser.add_argument(
        "--every", type=_duration, default=21600.0, metavar="6h", help="time between evaluations"
    )
    parser.add_argument(
        "--walk", action="store_true", help="every evaluation the daemon would have made"
    )
    parser.add_argument("--svg", type=Path, metavar="FILE.svg", help="draw what was found")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Exit 0, findings or not; 2 when a file cannot be used."""
    try:
        with _opened(args.file) as lines:
            series = read_series(lines, args.kind, args.file)
        deploys = []
        if args.deploys:
            with _opened(args.deploys) as lines:
                deploys = read_deploys(lines, args.deploys)
    except (BadInput, OSError, UnicodeDecodeError) as error:
        print(f"perfd backtest: {error}" if isinstance(error, OSError) else error, file=sys.stderr)
        return 2
    report, grids = backtest_run.backtest(series, args.kind, deploys, args.every, walk=args.walk)
    if args.svg and not _drawn(args, report, grids):
        return 2
    if args.json:
        print(json.dumps(report))
    else:
        _tell(report)
    return 0


def _drawn(args: argparse.Namespace, report: dict[str, Any], grids: list[Grid]) -> bool:
    found = [*report["findings"], *report["trends"]]
    try:
        args.svg.write_text(picture(grids, found, args.kind in SHARES), "utf-8")
    except OSError as error:
        print(f"perfd backtest: {error}", file=sys.stderr)
        return False
    return True


def _opened(name: str) -> Any:
    """The lines of a file, of standard input for `-`."""
    if name == "-":
        return open(sys.stdin.fileno(), encoding="utf-8-sig", newline="", closefd=False)
    return Path(name).open(encoding="utf-8-sig", newline="")


def _duration(text: str) -> float:
    """`6h`, `90m`, `1d` or seconds, above 0."""
    number, unit = (text[:-1], UNITS[text[-1]]) if text[-1:] in UNITS else (text, 1.0)
    try:
        seconds = float(number) * unit
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration such as 6h")
    return seconds


def _ratio(ratio: float | None) -> str:
    return "from nothing" if ratio is None else f"×{ratio:.3f}"


def _tell(report: dict[str, Any]) -> None:
    """Lines for a person: findings first, then what could not be judged."""
    for found in (*report["findings"], *report["trends"]):
        low, high = found["ci"]
        print(
            f"{found['status']:<10} {found['series']}  {found['at'][:16]}Z  "
            f"{found['before']:.4g} → {found['after']:.4g}  {_ratio(found['ratio'])} "
            f"({low:.3f} to {high:.3f})  p {found['p']:.1g}"
            + (f"  at the deploy of {found['deploy']['version']}" if found["deploy"] else "")
        )
    for left in report["not_judged"]:
        print(f"not judged {left['series']}: {left['reason']}")
    confirmed = sum(found["status"] == "confirmed" for found in report["findings"])
    print(
        f"{report['series']} series, {report['evaluations']} evaluations: {confirmed} confirmed, "
        f"{len(report['findings']) - confirmed} suspected, {len(report['trends'])} trends"
    )
