"""Pyroscope's push API: POST /push.v1.PusherService/Push, a unary Connect call over HTTP.

The application that mounts it must leave bodies as they were sent (`auto_decompress=False`): they
are inflated here within bounds, and go into the request log as they are. Clients drop a profile
after any error, so an answer other than 200 is a profile lost, and counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from perfd.errors import TooLarge, Unsupported
from perfd.interfaces import Delivery
from perfd.sources.admission import Hold
from perfd.sources.door import Door
from perfd.sources.inflate import ACCEPTED
from perfd.sources.profile_decode import JSON, PROTO
from perfd.sources.reception import Reception
from perfd.sources.sample_settings import ProfileSettings
from perfd.sources.status import Code, Failure

PATH = "/push.v1.PusherService/Push"

# Parsing takes 60 ms per inflated MB, and pprof compresses to a quarter or less.
ASIDE = 64 * 1024
READ_TIMEOUT = 30.0

_Read = Callable[[Hold], Awaitable[bytes]]


class PyroscopePush:
    """The handler; `routes` mounts it."""

    def __init__(self, reception: Reception, settings: ProfileSettings) -> None:
        self._reception = reception
        self._limit = settings.max_request_body_size

    async def __call__(self, request: web.Request) -> web.Response:
        """Take one request."""
        taken = await self._reception.receive(
            "profiles",
            request.content_type,
            request.headers.get("Content-Encoding", ""),
            request.headers.get("Authorization"),
            self._reader(request),
            request.headers.get("Origin", ""),
        )
        response = _failed(taken) if isinstance(taken, Failure) else _accepted(taken)
        self._reception.answered("profiles", str(response.status))
        return response

    def _reader(self, request: web.Request) -> _Read:
        async def read(hold: Hold) -> bytes:
            _check_headers(request)
            self._check_size(request.content_length or 0)
            chunks: list[bytes] = []
            size = 0
            async with asyncio.timeout(READ_TIMEOUT):
                async for chunk in request.content.iter_any():
                    size += len(chunk)
                    self._check_size(size)
                    hold.grow(len(chunk))
                    chunks.append(chunk)
            return b"".join(chunks)

        return read

    def _check_size(self, size: int) -> None:
        if size > self._limit:
            raise TooLarge(f"the body is larger than {self._limit} bytes")


def routes(
    door: Door,
    settings: ProfileSettings = ProfileSettings(),  # noqa: B008 - frozen
) -> list[web.RouteDef]:
    """What to mount on the HTTP port."""
    reception = Reception("pyroscope", door, aside=ASIDE)
    return [web.post(PATH, PyroscopePush(reception, settings))]


def _check_headers(request: web.Request) -> None:
    """Refuse what is clear before the body is read."""
    if request.content_type not in (PROTO, JSON):
        raise Unsupported(f"media type {request.content_type!r}; use {PROTO} or {JSON}")
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ACCEPTED:
        raise Unsupported(f"compression {encoding!r}; use {', '.join(ACCEPTED)}")


def _accepted(delivery: Delivery) -> web.Response:
    body = b"{}" if delivery.media == JSON else b""
    return web.Response(body=body, content_type=delivery.media)


def _failed(failure: Failure) -> web.Response:
    """The error of the Connect protocol; its names of codes are gRPC's in lower case.

    Overload is 429 here, where OTLP has 503: it is what Pyroscope answers.
    """
    overloaded = failure.reason == "overloaded"
    code = Code.RESOURCE_EXHAUSTED if overloaded else failure.code
    document = {"code": code.name.lower(), "message": failure.message}
    response = web.Response(
        body=msgspec.json.encode(document),
        status=429 if overloaded else failure.http,
        content_type=JSON,
    )
    if failure.retry_after is not None:
        response.headers["Retry-After"] = failure.retry_after_header
    return response
