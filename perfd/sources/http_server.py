"""aiohttp's low-level server with a bound on connections and quiet answers to what is not HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from perfd.sources.status import JSON, Code, Failure, status_body

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

LINGER = 2.0  # seconds of reading on after an early refusal, so that the sender sees the answer

_NOT_HTTP = Failure(400, Code.INVALID_ARGUMENT, "malformed", "this is not an HTTP request")
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\n"
    b"Retry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)


class BoundedServer(web.Server):
    """Answers each request by one function; connections beyond the bound get a 503 at once.

    `idle_timeout` (seconds) is what a connection may take until the last header of its next
    request: aiohttp's keepalive timer starts with the connection and runs while it waits.
    """

    def __init__(self, answer: Answer, *, max_connections: int, idle_timeout: float) -> None:
        super().__init__(answer)
        self._max_connections = max_connections
        self._options: dict[str, Any] = {
            "keepalive_timeout": idle_timeout,
            "auto_decompress": False,  # inflate.py does it, bounded
            "access_log": None,
            "lingering_time": LINGER,
        }

    def __call__(self) -> web.RequestHandler:
        """The protocol of one new connection."""
        full = len(self.connections) >= self._max_connections
        connection = _Turned if full else _Connection
        return connection(self, loop=asyncio.get_running_loop(), **self._options)


class _Connection(web.RequestHandler):
    __slots__ = ()

    def handle_error(self, *_: Any, **__: Any) -> web.StreamResponse:
        """Answer what could not be parsed, without a traceback in the log for each."""
        response = web.Response(body=status_body(_NOT_HTTP, JSON), status=400, content_type=JSON)
        response.force_close()
        return response


class _Turned(web.RequestHandler):
    """A connection too many: answered before it says anything, and closed."""

    __slots__ = ()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if isinstance(transport, asyncio.Transport):
            transport.write(_FULL)
        self.force_close()
