"""Talks to the API of a running perfd: for commands that act on a daemon."""

from __future__ import annotations

import argparse
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

DEFAULT_URL = "http://127.0.0.1:4040"
LONGEST_ANSWER = 64 * 1024 * 1024


class ApiError(Exception):
    """The daemon did not do it; `usage` when asking differently could help."""

    def __init__(self, message: str, *, usage: bool = False) -> None:
        super().__init__(message)
        self.usage = usage


def add_api_options(parser: argparse.ArgumentParser) -> None:
    """`--url`, `--token-file` and `--timeout`, or PERFD_URL and PERFD_TOKEN_FILE."""
    url = os.environ.get("PERFD_URL", DEFAULT_URL)
    token = os.environ.get("PERFD_TOKEN_FILE") or None
    parser.add_argument("--url", default=url, help=f"where perfd listens ({DEFAULT_URL})")
    parser.add_argument("--token-file", type=Path, default=token, metavar="FILE")
    parser.add_argument("--timeout", type=float, default=10.0, metavar="SECONDS")


class Api:
    """One daemon. No redirects and no proxy: the token is for this address only."""

    def __init__(self, args: argparse.Namespace) -> None:
        parts = urllib.parse.urlsplit(args.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ApiError(f"{args.url!r} is not an http URL", usage=True)
        self._base = args.url.rstrip("/") + "/api/v1"
        self._timeout = args.timeout
        self._token = _token(args.token_file)
        self._opener = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))

    def get(self, path: str, query: Mapping[str, str | None] | None = None) -> Any:
        """The JSON at a path below /api/v1."""
        chosen = {k: v for k, v in (query or {}).items() if v}
        words = urllib.parse.urlencode(chosen)
        return self._ask("GET", f"{path}?{words}" if words else path, None)

    def post(self, path: str, document: Mapping[str, Any]) -> Any:
        """Send JSON, get JSON."""
        return self._ask("POST", path, json.dumps(document).encode())

    def pages(self, path: str, key: str, query: Mapping[str, str | None]) -> Iterator[Any]:
        """All items of a list, page by page."""
        cursor: str | None = None
        while True:
            answer = self.get(path, {**query, "cursor": cursor})
            yield from answer[key]
            cursor = answer.get("cursor")
            if not cursor:
                return

    def _ask(self, method: str, path: str, body: bytes | None) -> Any:
        request = urllib.request.Request(self._base + path, data=body, method=method)  # noqa: S310
        request.add_header("Accept", "application/json")
        if body is not None:
            request.add_header("Content-Type", "application/json")
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                return json.loads(answer.read(LONGEST_ANSWER))
        except urllib.error.HTTPError as error:
            raise _refusal(error) from error
        except urllib.error.URLError as error:
            raise ApiError(f"perfd does not answer at {self._base}: {error.reason}") from error
        except (OSError, ValueError) as error:
            raise ApiError(f"no sense in the answer of {self._base}: {error}") from error


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        """Answer a redirect with the HTTPError that it is."""
        del args


def _token(file: Path | str | None) -> str:
    if not file:
        return ""
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ApiError(f"{file}: the token cannot be read: {error}", usage=True) from error


def _refusal(error: urllib.error.HTTPError) -> ApiError:
    """The daemon's own words, where it said some."""
    try:
        words = str(json.loads(error.read(65_536))["error"]["message"])
    except (OSError, ValueError, KeyError, TypeError):
        words = f"HTTP {error.code} {error.reason}"
    return ApiError(words, usage=error.code == 400)
