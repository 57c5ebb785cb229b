"""`perfd detect tune`: how often the thresholds are wrong on your own history."""

from __future__ import annotations

import argparse
import json
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from perfd.commands.configuration import add_config_option, read_config
from perfd.errors import PerfdError

if TYPE_CHECKING:
    from perfd.config import Config
    from perfd.jobs.tune import Asked, Tuned

HELP = {"tune": "try the thresholds on your own history; changes nothing, prints what to set"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Options; the store is that of the configuration's data_dir, also of a running perfd."""
    choices = parser.add_subparsers(dest="verb", metavar="ACTION", required=True)
    tune = choices.add_parser("tune", help=HELP["tune"], description=HELP["tune"])
    add_config_option(tune)
    tune.add_argument("--service", help="this service alone")
    tune.add_argument("--days", type=_positive, default=14.0, help="of the past (14)")
    tune.add_argument(
        "--moments", type=_whole, default=100, help="without a deploy, of each service (100)"
    )
    tune.add_argument(
        "--copies", type=_whole, default=20, help="of each series, in which nothing changed (20)"
    )
    tune.add_argument("--seed", type=int, default=1, help="the same seed tries the same (1)")
    tune.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Exit 0, whatever was found; 2 where the configuration or the store cannot be used."""
    config = read_config(args)
    if config is None:
        return 2
    from perfd.jobs.tune import Asked

    asked = Asked(args.service, args.days, args.moments, args.copies)
    try:
        tuned = _tuned(config, asked, args.seed)
    except PerfdError as error:
        print(f"perfd detect tune: {error}", file=sys.stderr)
        return 2
    from perfd.commands.tune_report import report, told

    document = report(tuned, config.detect.wrong_tickets)
    if args.json:
        print(json.dumps(document))
    else:
        sys.stdout.writelines(f"{line}\n" for line in told(document))
    return 0


def _tuned(config: Config, asked: Asked, seed: int) -> Tuned:
    from perfd.clock import SystemClock
    from perfd.jobs.tune import Tuning
    from perfd.store.snapshot import snapshot

    clock = SystemClock()
    with snapshot(Path(config.data_dir), config.store, pace=config.pace, clock=clock) as store:
        tuning = Tuning(store, config.detect, config.pace, random.Random(seed))
        return tuning.run(asked, clock.now(), _say)


def _say(service: str) -> None:
    print(f"trying {service}", file=sys.stderr)


def _positive(text: str) -> float:
    value = float(text)
    if not 0.0 < value < 1e4:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days")
    return value


def _whole(text: str) -> int:
    value = int(text)
    if not 0 < value <= 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 1 and 10,000")
    return value
