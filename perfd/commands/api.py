"""Talks to the API of a running perfd: for commands that act on a daemon."""

from __future__ import annotations

import argparse
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

from perfd.commands.connection import Unusable, connection

LONGEST_ANSWER = 64 * 1024 * 1024


class ApiError(Exception):
    """The daemon did not do it; `usage` when asking differently could help."""

    def __init__(self, message: str, *, usage: bool = False) -> None:
        super().__init__(message)
        self.usage = usage


class Api:
    """One daemon. No redirects and no proxy: the token is for this address only."""

    def __init__(self, args: argparse.Namespace) -> None:
        try:
            self._connection = connection(args)
        except Unusable as problem:
            raise ApiError(str(problem), usage=True) from problem
        self._base = self._connection.url + "/api/v1"
        self._opener = urllib.request.build_opener(
            _NoRedirect,
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=self._connection.tls),
        )

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
        request = urllib.request.Request(  # noqa: S310 - http or https, as was checked
            self._base + path, data=body, method=method, headers=self._connection.headers
        )
        request.add_header("Accept", "application/json")
        if body is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with self._opener.open(request, timeout=self._connection.timeout) as answer:
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


def _refusal(error: urllib.error.HTTPError) -> ApiError:
    """The daemon's own words, where it said some."""
    try:
        words = str(json.loads(error.read(65_536))["error"]["message"])
    except (OSError, ValueError, KeyError, TypeError):
        words = f"HTTP {error.code} {error.reason}"
    return ApiError(words, usage=error.code == 400)
