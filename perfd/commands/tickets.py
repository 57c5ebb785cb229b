"""`perfd tickets`: list, show and act on tickets of a running perfd."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from perfd.commands.api import Api, ApiError
from perfd.commands.connection import FILES, add_connection_options

STATES = ("pending", "open", "verifying", "verified", "closed", "muted", "dropped")
RESOLUTIONS = ("wont_fix", "wrong", "duplicate", "went_away", "superseded")
HELP = {
    "list": "tickets, newest first (the default)",
    "show": "one ticket",
    "ack": "say that somebody is on it",
    "mute": "be silent about it for a while",
    "unmute": "speak again",
    "fix": "say which version holds the fix, to be judged",
    "close": "end it without a verified fix, and say why",
    "reopen": "follow it again",
    "export": "all tickets as JSON, one a line",
}
ACTIONS = ("ack", "mute", "unmute", "fix", "close", "reopen")


def configure(parser: argparse.ArgumentParser) -> None:
    """Options and subcommands; options may stand before or after the subcommand."""
    shared = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    add_connection_options(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    for option in ("--url", "--timeout", *(option for option, _, _ in FILES)):
        shared.add_argument(option, help=argparse.SUPPRESS, type=_type_of(option))
    shared.add_argument("--json", action="store_true", help=argparse.SUPPRESS)
    choices = parser.add_subparsers(dest="verb", metavar="ACTION")
    verbs = {n: choices.add_parser(n, help=h, parents=[shared]) for n, h in HELP.items()}
    parser.set_defaults(verb="list", state=None, service=None, kind=None, limit=50)
    _filters(verbs["list"])
    for name in ("show", *ACTIONS):
        verbs[name].add_argument("id", metavar="PERF-XXXXXX")
    for name in ACTIONS:
        verbs[name].add_argument("--text", default="", help="why; kept in the history")
        verbs[name].add_argument("--actor", default=None, help="who; you by default")
    _details(verbs)


def run(args: argparse.Namespace) -> int:
    """Exit 0 when it was done, 1 when it was not, 2 on wrong usage."""
    run_verb: Callable[[Api, argparse.Namespace], None] = {
        "list": _list,
        "show": _show,
        "export": _export,
    }.get(args.verb, _act)
    try:
        run_verb(Api(args), args)
    except ApiError as error:
        print(f"perfd tickets: {error}", file=sys.stderr)
        return 2 if error.usage else 1
    return 0


def _type_of(option: str) -> Callable[[str], Any]:
    types: Mapping[str, Callable[[str], Any]] = {"--timeout": float, "--url": str}
    return types.get(option, Path)


def _filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--state", choices=STATES)
    parser.add_argument("--service")
    parser.add_argument("--kind")
    parser.add_argument("--limit", type=int, default=50)


def _details(verbs: Mapping[str, argparse.ArgumentParser]) -> None:
    verbs["mute"].add_argument("--for", dest="duration", default="1d", metavar="2h")
    verbs["fix"].add_argument("--version", default="", help="the next deploy when left out")
    verbs["close"].add_argument("--resolution", required=True, choices=RESOLUTIONS)
    verbs["export"].add_argument("--output", type=Path, metavar="FILE")


def _list(api: Api, args: argparse.Namespace) -> None:
    query = {"state": args.state, "service": args.service, "kind": args.kind}
    answer = api.get("/tickets", {**query, "limit": str(args.limit)})
    if args.json:
        print(json.dumps(answer))
        return
    from perfd.commands.ticket_table import print_table

    print_table(answer["tickets"], sys.stdout)


def _show(api: Api, args: argparse.Namespace) -> None:
    _print_one(api.get(_path(args.id)), args)


def _act(api: Api, args: argparse.Namespace) -> None:
    document = {"text": args.text, "actor": args.actor or _me(), **_words(args)}
    _print_one(api.post(f"{_path(args.id)}/{args.verb}", document), args)


def _export(api: Api, args: argparse.Namespace) -> None:
    lines = (json.dumps(ticket) + "\n" for ticket in api.pages("/tickets", "tickets", {}))
    if args.output is None:
        sys.stdout.writelines(lines)
        return
    try:
        with args.output.open("w", encoding="utf-8") as file:
            file.writelines(lines)
    except OSError as error:
        raise ApiError(f"{args.output}: {error.strerror}", usage=True) from error


def _print_one(ticket: Mapping[str, Any], args: argparse.Namespace) -> None:
    if args.json:
        print(json.dumps(ticket))
        return
    from perfd.commands.ticket_table import print_ticket

    print_ticket(ticket, sys.stdout)


def _words(args: argparse.Namespace) -> dict[str, Any]:
    if args.verb == "mute":
        return {"seconds": _seconds(args.duration)}
    if args.verb == "fix":
        return {"version": args.version}
    return {"resolution": args.resolution} if args.verb == "close" else {}


def _seconds(text: str) -> float:
    from perfd.config import measure

    try:
        return float(measure(text, "duration"))
    except ValueError as error:
        raise ApiError(str(error), usage=True) from error


def _path(ticket_id: str) -> str:
    """Ids are typed in any case; nothing else may get into the path."""
    name = ticket_id.upper()
    if not name.replace("-", "").isalnum() or not name.isascii():
        raise ApiError(f"{ticket_id!r} is not a ticket's id (PERF-XXXXXX)", usage=True)
    return f"/tickets/{name}"


def _me() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "cli"
