"""`perfd health`: asks a running perfd whether it is ready. For containers and scripts."""

from __future__ import annotations

import argparse
import http.client
import json
import os
import urllib.parse

DEFAULT_URL = "http://127.0.0.1:4040"


def configure(parser: argparse.ArgumentParser) -> None:
    """Options."""
    url = os.environ.get("PERFD_URL", DEFAULT_URL)
    parser.add_argument("--url", default=url, help="where perfd listens")
    parser.add_argument("--timeout", type=float, default=3.0, metavar="SECONDS")
    parser.add_argument("--json", action="store_true", help="print perfd's own answer")


def run(args: argparse.Namespace) -> int:
    """Exit 0 when ready, 1 when not, 2 when the URL makes no sense."""
    parts = urllib.parse.urlsplit(args.url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        print(f"{args.url!r} is not an http URL")
        return 2
    try:
        status, body = _ask(parts, args.timeout)
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


def _ask(parts: urllib.parse.SplitResult, timeout: float) -> tuple[int, str]:
    secure = parts.scheme == "https"
    connect = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = connect(str(parts.hostname), parts.port, timeout=timeout)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return answer.status, answer.read(65536).decode("utf-8", "replace")
    finally:
        connection.close()


def _reasons(body: str) -> str:
    try:
        parts = json.loads(body).get("components", [])
    except (ValueError, AttributeError):
        return body.strip()[:200]
    return "; ".join(f"{p['component']} is {p['state']}" for p in parts if p["state"] != "ok")
