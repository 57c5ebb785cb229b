"""OTLP over gRPC: Export of the trace, metrics and logs services, on raw bytes.

Handlers without (de)serializers leave sizes, access and decoding to perfd, and the work is done on
the event loop: a thread pool costs 40 % more CPU. Import this module only when it is used: grpc
takes 40 ms and 10 MiB.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial

import grpc

from perfd.errors import Overloaded, TooLarge
from perfd.interfaces import Delivery, Signal
from perfd.sources.admission import Hold
from perfd.sources.door import Door
from perfd.sources.reception import Reception
from perfd.sources.settings import OtlpSettings
from perfd.sources.status import PROTOBUF, Code, Failure, retry_info, status_body, success_body
from perfd.tls.server import Newest, Pem, read_pem
from perfd.tls.settings import TlsSettings

METHODS: Mapping[str, Signal] = {
    "/opentelemetry.proto.collector.trace.v1.TraceService/Export": "traces",
    "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export": "metrics",
    "/opentelemetry.proto.collector.logs.v1.LogsService/Export": "logs",
}

Trailers = tuple[tuple[str, bytes], ...]
_CODES = {code.value[0]: code for code in grpc.StatusCode}


class OtlpGrpc:
    """The OTLP/gRPC receiver: a Component that listens on one address."""

    name = "otlp_grpc"

    def __init__(self, settings: OtlpSettings, address: str, door: Door) -> None:
        self._settings = settings
        self._reception = Reception("grpc", door)
        self._server: grpc.aio.Server | None = None
        self.address = address

    async def start(self) -> None:
        """Listen; raises OSError, also for a certificate that cannot be read."""
        server = grpc.aio.server(options=channel_options(self._settings))
        server.add_generic_rpc_handlers((_Export(self._reception, self._settings),))
        port = _bind(server, self.address, self._settings.grpc.tls)
        await server.start()
        self._server = server
        self.address = f"{self.address.rpartition(':')[0]}:{port}"

    async def stop(self) -> None:
        """Refuse new requests with UNAVAILABLE until those under way are answered, then close."""
        if self._server is None:
            return
        await self._reception.drain(self._settings.drain_timeout)
        await self._server.stop(self._settings.drain_timeout)
        self._server = None


class _Export:
    """A GenericRpcHandler: finds the signal of a call.

    Calls are handled as streams of requests, which a unary call is on the wire: so access and the
    budget are checked before its message is read, and a message that gRPC itself refuses for its
    size is still seen, as a stream without one, and counted.
    """

    def __init__(self, reception: Reception, settings: OtlpSettings) -> None:
        self._reception = reception
        self._limit = settings.max_request_body_size
        self._timeout = settings.grpc.read_timeout

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler | None:
        """The handler of a method, or None for UNIMPLEMENTED."""
        signal = METHODS.get(handler_call_details.method)
        if signal is None:
            return None
        return grpc.stream_unary_rpc_method_handler(partial(self._answer, signal))

    async def _answer(
        self, signal: Signal, _: AsyncIterator[bytes], context: grpc.aio.ServicerContext
    ) -> bytes:
        authorization = dict(context.invocation_metadata() or ()).get("authorization")
        read = partial(self._read, context)
        code = grpc.StatusCode.CANCELLED  # unless it gets as far as an answer
        try:
            outcome = await self._reception.receive(signal, PROTOBUF, "", authorization, read)
            if isinstance(outcome, Delivery):
                code = grpc.StatusCode.OK
                return success_body(outcome, PROTOBUF)
            code = _code(outcome)
            context.set_code(code)
            context.set_details(outcome.message)
            context.set_trailing_metadata(_trailers(outcome))
            return b""
        finally:
            self._reception.answered(signal, code.name)

    async def _read(self, context: grpc.aio.ServicerContext, hold: Hold) -> bytes:
        # Not from the iterator, which would keep the message until the garbage collector finds it:
        # forty of 8 MiB took 236 MiB that way, and take 36.
        try:
            async with asyncio.timeout(self._timeout):
                body = await context.read()
        except TimeoutError:
            raise Overloaded(f"no message arrived in {self._timeout:g} s; retry") from None
        if body is grpc.aio.EOF:  # or the sender ended the call without one, which no exporter does
            raise TooLarge(f"no message of at most {self._limit} bytes arrived")
        hold.grow(len(body))
        return bytes(body)


def _code(failure: Failure) -> grpc.StatusCode:
    """As gRPC has it: PERMISSION_DENIED would mean that the caller is known, and may not."""
    return _CODES[Code.UNAUTHENTICATED if failure.http == 403 else failure.code]


def _trailers(failure: Failure) -> Trailers:
    """Both ways to say when to retry: Go clients read the first, Python clients the second."""
    if failure.retry_after is None:
        return ()
    return (
        ("grpc-status-details-bin", status_body(failure, PROTOBUF)),
        ("google.rpc.retryinfo-bin", retry_info(failure)),
    )


def channel_options(settings: OtlpSettings) -> Sequence[tuple[str, int]]:
    """The settings by the names of gRPC's channel arguments; 0 seconds means never."""
    server = settings.grpc.keepalive.server_parameters
    policy = settings.grpc.keepalive.enforcement_policy
    seconds = {
        "grpc.keepalive_time_ms": server.time,
        "grpc.keepalive_timeout_ms": server.timeout,
        "grpc.max_connection_idle_ms": server.max_connection_idle,
        "grpc.max_connection_age_ms": server.max_connection_age,
        "grpc.max_connection_age_grace_ms": server.max_connection_age_grace,
        "grpc.http2.min_recv_ping_interval_without_data_ms": policy.min_time,
    }
    return [
        ("grpc.max_receive_message_length", settings.max_request_body_size),
        ("grpc.max_concurrent_streams", settings.grpc.max_concurrent_streams),
        ("grpc.keepalive_permit_without_calls", int(policy.permit_without_stream)),
        ("grpc.so_reuseport", 0),  # a second perfd fails to start instead of taking half the calls
        *((name, int(value * 1000)) for name, value in seconds.items() if value),
    ]


def _bind(server: grpc.aio.Server, address: str, tls: TlsSettings) -> int:
    try:
        if tls.cert_file:
            port = server.add_secure_port(address, _credentials(tls))
        else:
            port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise OSError(f"cannot listen on {address}: {error}") from None
    return int(port)


def _credentials(tls: TlsSettings) -> grpc.ServerCredentials:
    newest = Newest(tls, read_pem)
    shown = newest.get()

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        """Asked in every handshake; None says that nothing has changed."""
        nonlocal shown
        now = newest.get()
        if now is shown:
            return None
        shown = now
        return _certificate(now)

    first = _certificate(shown)
    return grpc.dynamic_ssl_server_credentials(first, fetch, shown.authority is not None)


def _certificate(pem: Pem) -> grpc.ServerCertificateConfiguration:
    pairs = [(pem.key, pem.certificate)]
    return grpc.ssl_server_certificate_configuration(pairs, root_certificates=pem.authority)
