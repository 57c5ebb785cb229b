"""How the commands reach a running perfd: its address, the token, and the certificates of TLS.

The token comes from a file or the environment and never from an option, which everybody on the
machine could read in the list of processes.
"""

from __future__ import annotations

import argparse
import os
import ssl
import urllib.parse
from pathlib import Path
from typing import NamedTuple

DEFAULT_URL = "http://127.0.0.1:4040"
TOKEN = "PERFD_TOKEN"  # noqa: S105 - the variable's name
# Option, environment variable and what it is.
FILES = (
    ("--token-file", "PERFD_TOKEN_FILE", "the file with the token (or PERFD_TOKEN holds it)"),
    ("--ca-file", "PERFD_CA_FILE", "the authority that signed perfd's certificate"),
    ("--cert-file", "PERFD_CERT_FILE", "your certificate, where perfd asks for one"),
    ("--key-file", "PERFD_KEY_FILE", "its key"),
)
VARIABLES = frozenset({"PERFD_URL", TOKEN, *(variable for _, variable, _ in FILES)})


class Unusable(Exception):
    """An option that cannot be used; its text says which and why."""


class Connection(NamedTuple):
    """Where to ask, and what to show there; `token` is "" and `tls` None where not needed."""

    url: str
    token: str
    tls: ssl.SSLContext | None
    timeout: float

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


def add_connection_options(parser: argparse.ArgumentParser, timeout: float = 10.0) -> None:
    """`--url`, `--token-file`, `--ca-file`, `--cert-file`, `--key-file` and `--timeout`."""
    url = os.environ.get("PERFD_URL", DEFAULT_URL)
    parser.add_argument("--url", default=url, help=f"where perfd listens ({DEFAULT_URL})")
    for option, variable, words in FILES:
        given = os.environ.get(variable) or None
        parser.add_argument(option, type=Path, default=given, metavar="FILE", help=words)
    parser.add_argument("--timeout", type=float, default=timeout, metavar="SECONDS")


def connection(args: argparse.Namespace) -> Connection:
    """From the options and the environment. Raises Unusable."""
    parts = urllib.parse.urlsplit(args.url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Unusable(f"{args.url!r} is not an http URL")
    tls = _tls(args) if parts.scheme == "https" else None
    return Connection(args.url.rstrip("/"), _token(args.token_file), tls, args.timeout)


def _token(file: Path | str | None) -> str:
    if not file:
        return os.environ.get(TOKEN, "").strip()
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Unusable(f"{file}: the token cannot be read: {error}") from error


def _tls(args: argparse.Namespace) -> ssl.SSLContext:
    """The usual authorities, or the one that is named; and a certificate of one's own."""
    try:
        context = ssl.create_default_context(cafile=args.ca_file)
        if args.cert_file:
            context.load_cert_chain(args.cert_file, args.key_file)
    except (OSError, ssl.SSLError) as error:
        raise Unusable(f"the certificates cannot be used: {error}") from error
    return context
