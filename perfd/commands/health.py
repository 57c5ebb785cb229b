"""`perfd health`: asks a running perfd whether it is ready. For containers and scripts."""

from __future__ import annotations

import argparse
import http.client
import json
import urllib.parse

from perfd.commands.connection import Connection, Unusable, add_connection_options, connection


def configure(parser: argparse.ArgumentParser) -> None:
    """Options."""
    add_connection_options(parser, timeout=3.0)
    parser.add_argument("--json", action="store_true", help="print perfd's own answer")


def run(args: argparse.Namespace) -> int:
    """Exit 0 when ready, 1 when not, 2 when an option makes no sense."""
    try:
        status, body = _ask(connection(args))
    except Unusable as problem:
        print(problem)
        return 2
    except (OSError, http.client.HTTPException) as error:
        print(f"perfd does not answer at {args.url}: {error}")
        return 1
    if args.json:
        print(body)
    elif status == http.HTTPStatus.OK:
        print("ready")
    else:
        print(f"not ready ({status}): {_reasons(body)}")
    return 0 if status == http.HTTPStatus.OK else 1


def _ask(to: Connection) -> tuple[int, str]:
    """Without the token the answer is the same but for the list of components."""
    parts = urllib.parse.urlsplit(to.url)
    host, port = str(parts.hostname), parts.port
    door = (
        http.client.HTTPConnection(host, port, timeout=to.timeout)
        if to.tls is None
        else http.client.HTTPSConnection(host, port, timeout=to.timeout, context=to.tls)
    )
    try:
        door.request("GET", "/readyz", headers=to.headers)
        answer = door.getresponse()
        return answer.status, answer.read(65536).decode("utf-8", "replace")
    finally:
        door.close()


def _reasons(body: str) -> str:
    try:
        parts = json.loads(body).get("components", [])
    except (ValueError, AttributeError):
        return body.strip()[:200]
    return "; ".join(f"{p['component']} is {p['state']}" for p in parts if p["state"] != "ok")
