"""`perfd demo`: the whole story on this machine, with real processes and the real daemon."""

from __future__ import annotations

import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Options."""
    parser.add_argument("--fast", action="store_true", help="an hour in a minute: pace 60")
    parser.add_argument(
        "--then-fix", action="store_true", help="deploy the fix and see it verified"
    )
    parser.add_argument(
        "--no-regression", action="store_true", help="the control: a 1.1.0 that changes nothing"
    )
    parser.add_argument("--exit", action="store_true", help="end after the story")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")


def run(args: argparse.Namespace) -> int:
    """Exit 0 only when the story ended as it should."""
    from perfd.demo import DemoOptions, run_demo

    return run_demo(
        DemoOptions(
            fast=args.fast,
            then_fix=args.then_fix,
            no_regression=args.no_regression,
            exit=args.exit,
            json=args.json,
        )
    )
