"""One API call as data: the same table makes routes, checks input and writes openapi.json."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

from perfd.errors import BadInput, TooLarge, Unsupported
from perfd.web.context import CONTEXT, Context

BODY_LIMIT = 64 * 1024


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """No parameters."""


@dataclass(frozen=True)
class Endpoint:
    """`query` holds the parameters of path and query string, `body` the JSON that is sent.

    `answer(context, query, body)` returns a value that msgspec can write as `response`.
    """

    method: str
    path: str
    summary: str
    answer: Callable[[Context, Any, Any], Awaitable[Any]]
    response: Any
    query: type[msgspec.Struct] = Nothing
    body: type[msgspec.Struct] | None = None
    status: int = 200

    def route(self) -> web.RouteDef:
        """The route that answers it."""

        async def answer(request: web.Request) -> web.Response:
            query = read_query(request, self.query)
            body = await read_body(request, self.body) if self.body else None
            return json_response(await self.answer(request.app[CONTEXT], query, body), self.status)

        # aiohttp's own pattern stops at braces, and a service may be named with them.
        return web.route(self.method, self.path.replace("}", ":[^/]+}"), answer)


def json_response(document: Any, status: int = 200) -> web.Response:
    """A JSON answer; a number that is not finite is null."""
    body = msgspec.json.encode(document)
    return web.Response(body=body, status=status, content_type="application/json")


def read_query(request: web.Request, type_: type[msgspec.Struct]) -> msgspec.Struct:
    """Path and query parameters as their struct; BadInput in words otherwise."""
    given: dict[str, str] = {}
    for name, value in request.query.items():
        if name in given:
            raise BadInput(f"The parameter {name!r} is given twice.")
        given[name] = value
    unknown = sorted(set(given) - set(type_.__struct_fields__))
    if unknown:
        allowed = ", ".join(sorted(set(type_.__struct_fields__) - set(request.match_info)))
        raise BadInput(f"Unknown parameter {unknown[0]!r}. Known here: {allowed or 'none'}.")
    try:
        return msgspec.convert({**given, **request.match_info}, type_, strict=False)
    except msgspec.ValidationError as problem:
        raise BadInput(in_words(problem)) from None


async def read_body(request: web.Request, type_: type[msgspec.Struct]) -> msgspec.Struct:
    """The JSON body as its struct; an absent body is an empty object."""
    if request.can_read_body and request.content_type != "application/json":
        raise Unsupported("Send JSON with Content-Type: application/json.")
    if (request.content_length or 0) > BODY_LIMIT:
        raise TooLarge(f"The body may have at most {BODY_LIMIT // 1024} KiB.")
    body = bytearray()
    async for piece in request.content.iter_chunked(BODY_LIMIT):
        body += piece
        if len(body) > BODY_LIMIT:
            raise TooLarge(f"The body may have at most {BODY_LIMIT // 1024} KiB.")
    try:
        return msgspec.json.decode(bytes(body) or b"{}", type=type_)
    except msgspec.ValidationError as problem:
        raise BadInput(in_words(problem)) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise BadInput("The body is not JSON.") from None


def in_words(problem: msgspec.ValidationError) -> str:
    """`Expected `int`, got `str` - at `$.limit`` as `limit: expected int, got str`."""
    what, _, where = str(problem).replace("`", "").partition(" - at ")
    place = where.removeprefix("$").removeprefix(".")
    return f"{place}: {what[:1].lower()}{what[1:]}." if place else f"{what}."
