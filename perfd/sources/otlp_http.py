"""OTLP over HTTP: POST /v1/traces, /v1/metrics and /v1/logs, in protobuf or JSON.

Built on aiohttp's low-level server, without its router: there are four paths, and every answer that
is not 200 has to be a google.rpc.Status in the media type of the request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial

from aiohttp import web

from perfd.errors import BadInput, TooLarge, Unsupported
from perfd.interfaces import Delivery, Signal
from perfd.sources.admission import Hold
from perfd.sources.door import Door
from perfd.sources.http_server import BoundedServer
from perfd.sources.inflate import ACCEPTED
from perfd.sources.listen import join_address, split_address
from perfd.sources.reception import Reception
from perfd.sources.settings import OtlpSettings
from perfd.sources.status import JSON, PROTOBUF, Code, Failure, status_body, success_body
from perfd.tls.server import server_context

PATHS: Mapping[str, Signal] = {
    "/v1/traces": "traces",
    "/v1/metrics": "metrics",
    "/v1/logs": "logs",
    "/v1development/profiles": "profiles",
}

_UNKNOWN_PATH = Failure(
    404, Code.NOT_FOUND, "unknown_path", f"no such path; perfd takes {', '.join(PATHS)}"
)
_NOT_POST = Failure(405, Code.UNIMPLEMENTED, "method", "telemetry is sent by POST")
# Said, not hidden behind a 404: the path is right and the signal is known, but not built.
_NO_PROFILES = Failure(
    501,
    Code.UNIMPLEMENTED,
    "unimplemented",
    "OTLP profiles are not taken yet; push profiles by the Pyroscope protocol to perfd's HTTP port",
)


class OtlpHttp:
    """The OTLP/HTTP receiver: a Component that listens on one address."""

    name = "otlp_http"

    def __init__(self, settings: OtlpSettings, address: str, door: Door) -> None:
        self._settings = settings
        self._reception = Reception("http", door)
        self._runner: web.ServerRunner | None = None
        self.address = address

    async def start(self) -> None:
        """Listen; raises OSError, also for a certificate that cannot be read."""
        http = self._settings.http
        context = server_context(http.tls)
        server = BoundedServer(
            self._answer, max_connections=http.max_connections, idle_timeout=http.idle_timeout
        )
        runner = web.ServerRunner(server, shutdown_timeout=self._settings.drain_timeout)
        await runner.setup()
        try:
            await web.TCPSite(runner, *split_address(self.address), ssl_context=context).start()
        except BaseException:
            await runner.cleanup()
            raise
        self._runner = runner
        self.address = join_address(runner.addresses[0])

    async def stop(self) -> None:
        """Refuse new requests with 503 until those under way are answered, then stop listening."""
        if self._runner is None:
            return
        await self._reception.drain(self._settings.drain_timeout)
        await self._runner.cleanup()
        self._runner = None

    @property
    def connections(self) -> int:
        """How many senders are connected."""
        server = self._runner.server if self._runner else None
        return len(server.connections) if server else 0

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        media = request.content_type
        signal = PATHS.get(request.path)
        if signal is None:
            response = _failed(_UNKNOWN_PATH, media)
        elif request.method != "POST":
            response = _failed(_NOT_POST, media)
            response.headers["Allow"] = "POST"
        elif signal == "profiles":
            self._reception.settle_failure(signal, _NO_PROFILES)
            response = _failed(_NO_PROFILES, media)
        else:
            response = _response(await self._receive(request, signal), media)
        self._reception.answered(signal or "unknown", str(response.status))
        return response

    async def _receive(self, request: web.BaseRequest, signal: Signal) -> Delivery | Failure:
        return await self._reception.receive(
            signal,
            request.content_type,
            request.headers.get("Content-Encoding", ""),
            request.headers.get("Authorization"),
            partial(self._read, request),
            request.headers.get("Origin", ""),
        )

    async def _read(self, request: web.BaseRequest, hold: Hold) -> bytes:
        """The body as sent. Bytes count against the budget as they arrive, not as announced."""
        self._check_headers(request)
        await _invite(request)
        chunks, size = [], 0
        try:
            async with asyncio.timeout(self._settings.http.read_timeout):
                while chunk := await request.content.readany():
                    size += len(chunk)
                    self._check_size(size)
                    hold.grow(len(chunk))
                    chunks.append(chunk)
        except TimeoutError:
            raise TimeoutError("the body took too long to arrive") from None
        except web.RequestPayloadError as error:
            raise BadInput(f"the body is not framed as HTTP says: {error}") from None
        return b"".join(chunks)

    def _check_headers(self, request: web.BaseRequest) -> None:
        """Refuse what is clear before the body is sent."""
        if request.content_type not in (PROTOBUF, JSON):
            raise Unsupported(f"media type {request.content_type!r}; use {PROTOBUF} or {JSON}")
        encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in ACCEPTED:
            raise Unsupported(f"compression {encoding!r}; use {', '.join(ACCEPTED)}")
        self._check_size(request.content_length or 0)

    def _check_size(self, size: int) -> None:
        limit = self._settings.max_request_body_size
        if size > limit:
            raise TooLarge(f"the body is larger than {limit} bytes; send smaller batches")


async def _invite(request: web.BaseRequest) -> None:
    """Ask for the body of a sender that waits to be asked (curl does above 1 MiB)."""
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # else aiohttp takes the answer for begun


def _response(outcome: Delivery | Failure, media: str) -> web.Response:
    if isinstance(outcome, Failure):
        return _failed(outcome, media)
    return web.Response(body=success_body(outcome, media), content_type=media)


def _failed(failure: Failure, media: str) -> web.Response:
    """A Status; in JSON, which a person can read, for a request in neither media type."""
    spoken = media if media == PROTOBUF else JSON
    response = web.Response(
        body=status_body(failure, spoken), status=failure.http, content_type=spoken
    )
    if failure.retry_after is not None:
        response.headers["Retry-After"] = failure.retry_after_header
    return response
