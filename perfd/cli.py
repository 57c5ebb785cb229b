"""The command line. A subcommand's module is imported only when that subcommand is called."""

from __future__ import annotations


def main() -> int:
    """Entry point of the console script."""
    return 0
