"""`perfd version`."""

from __future__ import annotations

import argparse
import json
import platform
import sqlite3
from importlib.metadata import PackageNotFoundError, version

from perfd import __version__

STANDS_ON = ("aiohttp", "grpcio", "protobuf", "opentelemetry-sdk", "numpy", "msgspec")


def configure(parser: argparse.ArgumentParser) -> None:
    """Options."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print the versions; always 0."""
    found = {"perfd": __version__, "python": platform.python_version()}
    found["sqlite"] = sqlite3.sqlite_version
    for name in STANDS_ON:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    if args.json:
        print(json.dumps(found))
    else:
        print(f"perfd {__version__}")
        print("  ".join(f"{name} {at}" for name, at in found.items() if name != "perfd"))
    return 0
