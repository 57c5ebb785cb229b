"""The `--config` option, shared by the commands that read the configuration."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from perfd.errors import ConfigError

if TYPE_CHECKING:
    from perfd.config import Config


def add_config_option(parser: argparse.ArgumentParser) -> None:
    """`--config FILE`, or `PERFD_CONFIG`; without either the defaults hold."""
    parser.add_argument(
        "--config",
        type=Path,
        default=os.environ.get("PERFD_CONFIG") or None,
        metavar="FILE",
        help="configuration file (YAML); defaults hold for what it leaves out",
    )


def read_config(args: argparse.Namespace) -> Config | None:
    """The configuration, or None after all its problems were printed."""
    from perfd.config import load

    try:
        return load(Path(args.config) if args.config else None, os.environ)
    except ConfigError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return None
