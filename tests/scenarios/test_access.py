"""Access: who may push, read and change, asked of all three ports over real sockets.

The table of all routes, and the same with real processes on real addresses, are in
tests/web/test_every_route.py and tests/e2e/test_access.py.
"""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import grpc
import pytest
from aiohttp import web

from perfd.clock import SystemClock
from perfd.commands.access import closed_doors
from perfd.config import Config, Listen
from perfd.interfaces import Guard
from perfd.sources.admission import Admission
from perfd.sources.door import Door
from perfd.sources.otlp_decode import OtlpDecoder
from perfd.sources.otlp_grpc import METHODS, OtlpGrpc
from perfd.sources.otlp_http import OtlpHttp
from perfd.sources.settings import OtlpGrpcSettings, OtlpHttpSettings, OtlpSettings
from perfd.tls.settings import TlsSettings
from perfd.web.access import Access
from perfd.web.credentials import Doors, server_context
from perfd.web.session import COOKIE
from perfd.web.settings import AuthSettings
from tests import certificate
from tests.fakes import CountingMeter
from tests.sources.rig import Keeping
from tests.sources.telemetry_bodies import PROTOBUF, traces
from tests.web.routes import application

TOKEN = "correct-horse-battery"
RIGHT = {"Authorization": f"Bearer {TOKEN}"}
WRONG = {"Authorization": "Bearer wrong-horse-battery"}
OTHER_PAGE = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
REBOUND = {"Host": "evil.example", "Origin": "http://evil.example"}

LOCAL = Access(loopback=True)
LOCAL_TOKEN = Access(loopback=True, token=TOKEN)
REMOTE = Access(loopback=False, token=TOKEN)

# What is asked of perfd: method, path and what it is for.
READ, CHANGE, PUSH = "read", "change", "push"
ASKED = (
    (READ, "GET", "/api/v1/tickets"),
    (READ, "GET", "/metrics"),
    (CHANGE, "POST", "/api/v1/deploys"),
    (CHANGE, "POST", "/tickets/PERF-AAAAAA/act"),
    (PUSH, "POST", "/push.v1.PusherService/Push"),
)
PLAIN = TlsSettings()
ALL, NONE = {READ, CHANGE, PUSH}, set[str]()


class Ports:
    """The three ports of one perfd, and a client for them."""

    def __init__(self, http: str, otlp_http: str, otlp_grpc: str) -> None:
        self.http, self.otlp_http, self.otlp_grpc = http, otlp_http, otlp_grpc

    async def may(self, headers: Mapping[str, str] | None = None) -> set[str]:
        """What a caller with these headers may; fails where the ports do not agree."""
        may = {purpose: set[bool]() for purpose in ALL}
        async with aiohttp.ClientSession() as client:
            for purpose, method, path in ASKED:
                async with client.request(method, self.http + path, headers=headers) as answer:
                    assert answer.status < 500
                    may[purpose].add(answer.status != 403)
            may[PUSH].add(await self.export(client, headers) == 200)
        if not {"Origin", "Host"} & set(headers or {}):  # gRPC has no pages
            may[PUSH].add(await self.call(headers) == "OK")
        assert all(len(said) == 1 for said in may.values()), may
        return {purpose for purpose, said in may.items() if said == {True}}

    async def export(
        self, client: aiohttp.ClientSession, headers: Mapping[str, str] | None = None
    ) -> int:
        """Spans over OTLP/HTTP."""
        named = {**(headers or {}), "Content-Type": PROTOBUF}
        url = f"{self.otlp_http}/v1/traces"
        async with client.post(url, data=traces(1), headers=named) as answer:
            return answer.status

    async def call(self, headers: Mapping[str, str] | None = None) -> str:
        """The code of an export over OTLP/gRPC."""
        async with grpc.aio.insecure_channel(self.otlp_grpc) as channel:
            return await called(channel, headers)


async def called(channel: grpc.aio.Channel, headers: Mapping[str, str] | None = None) -> str:
    path = next(path for path, signal in METHODS.items() if signal == "traces")
    metadata = [(name.lower(), value) for name, value in (headers or {}).items()]
    try:
        await channel.unary_unary(path)(traces(1), timeout=5, metadata=metadata)
    except grpc.aio.AioRpcError as error:
        return str(error.code().name)
    return "OK"


@asynccontextmanager
async def ports(
    pages: Access, pushes: Guard | None = None, tls: TlsSettings = PLAIN
) -> AsyncIterator[Ports]:
    """All three on free ports."""
    scheme = "https" if tls.cert_file else "http"
    runner = web.AppRunner(application(pages), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_context(tls))
    await site.start()
    settings = OtlpSettings(
        drain_timeout=0.05, http=OtlpHttpSettings(tls=tls), grpc=OtlpGrpcSettings(tls=tls)
    )
    meter = CountingMeter()
    door = Door(
        OtlpDecoder(settings, meter), Keeping(), Admission(1 << 26, 64), pushes or pages,
        SystemClock(), meter,
    )  # fmt: skip
    receivers = [kind(settings, "127.0.0.1:0", door) for kind in (OtlpHttp, OtlpGrpc)]
    for receiver in receivers:
        await receiver.start()
    port = runner.addresses[0][1]
    try:
        yield Ports(
            f"{scheme}://127.0.0.1:{port}",
            f"{scheme}://{receivers[0].address}",
            receivers[1].address,
        )
    finally:
        for receiver in receivers:
            await receiver.stop()
        await runner.cleanup()


def allowed(access: Access, headers: Mapping[str, str] | None = None) -> set[str]:
    async def ask() -> set[str]:
        async with ports(access) as open_:
            return await open_.may(headers)

    return asyncio.run(ask())


def test_a_program_on_this_machine() -> None:
    """On loopback, without a token: a program reads, pushes and changes."""
    assert allowed(LOCAL) == ALL


def test_a_page_of_another_site() -> None:
    """On loopback, a page of another site: its changes and its telemetry are refused."""
    assert allowed(LOCAL, OTHER_PAGE) == {READ}  # which the browser does not show to the page


def test_a_name_that_another_site_points_here() -> None:
    """On loopback, a page whose own name leads to 127.0.0.1 (DNS rebinding): everything refused."""
    assert allowed(LOCAL, REBOUND) == NONE


def test_a_token_on_this_machine() -> None:
    """On loopback, with a token: changes need it, telemetry and reads do not."""
    assert allowed(LOCAL_TOKEN) == {READ, PUSH}
    assert allowed(LOCAL_TOKEN, WRONG) == {READ, PUSH}
    assert allowed(LOCAL_TOKEN, RIGHT) == ALL


def test_another_machine_without_the_token() -> None:
    """Off loopback, no token or a wrong one: every push, read and change is refused."""
    assert allowed(REMOTE) == NONE
    assert allowed(REMOTE, WRONG) == NONE


def test_another_machine_with_the_token() -> None:
    """Off loopback, with the token: every push, read and change is allowed."""
    assert allowed(REMOTE, RIGHT) == ALL


def test_no_token_is_configured() -> None:
    """Off loopback, and no token configured: everything is refused, and `check` warns of it."""
    assert allowed(Access(loopback=False)) == NONE
    assert allowed(Access(loopback=False), RIGHT) == NONE
    (warning,) = closed_doors(Config(listen=Listen(http="0.0.0.0:4040")))
    assert "auth.token_file is not set: everything is refused" in warning


def test_reads_for_everybody() -> None:
    """Off loopback, with `anonymous_read`: reads need no token, pushes and changes do."""
    assert allowed(Access(loopback=False, token=TOKEN, anonymous_read=True)) == {READ}


def test_an_exporter_without_the_token() -> None:
    """An exporter without the token: 403 with a Status, UNAUTHENTICATED over gRPC, no retries."""

    async def ask() -> None:
        async with ports(REMOTE) as open_, aiohttp.ClientSession() as client:
            url, media = f"{open_.otlp_http}/v1/traces", {"Content-Type": "application/json"}
            async with client.post(url, data=b"{}", headers=media) as answer:
                assert answer.status == 403
                assert "Retry-After" not in answer.headers
                assert (await answer.json())["code"] == 7  # PERMISSION_DENIED
            assert await open_.call() == "UNAUTHENTICATED"

    asyncio.run(ask())


def test_the_token_is_changed() -> None:
    """A new token in the file and a reload: the new one is good at once, the old one no more."""

    async def ask() -> None:
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(TOKEN)
            file.flush()
            doors = Doors(AuthSettings(token_file=file.name))
            access, guard = doors.access("0.0.0.0:4040"), doors.access("0.0.0.0:4318")
        async with ports(access, guard) as open_:
            assert await open_.may(RIGHT) == ALL
            doors.change_token("a-new-token-altogether")
            assert await open_.may(RIGHT) == NONE
            assert await open_.may({"Authorization": "Bearer a-new-token-altogether"}) == ALL

    asyncio.run(ask())


def test_a_person_signs_in() -> None:
    """Signed in with the token: forms of perfd's own pages work, those of other sites do not."""

    async def ask() -> None:
        async with ports(REMOTE) as open_:
            jar = aiohttp.CookieJar(unsafe=True)
            async with aiohttp.ClientSession(open_.http, cookie_jar=jar) as client:
                form = {"token": TOKEN, "to": "/tickets"}
                async with client.post("/signin", data=form, allow_redirects=False) as answer:
                    assert (answer.status, answer.headers["Location"]) == (303, "/tickets")
                    assert answer.cookies[COOKIE]["httponly"]
                    assert TOKEN not in str(answer.cookies)
                own = {"Origin": open_.http, "Sec-Fetch-Site": "same-origin"}
                for headers, status in ((own, 404), (OTHER_PAGE, 403)):
                    act = {"action": "ack"}
                    url = "/tickets/PERF-AAAAAA/act"
                    async with client.post(url, data=act, headers=headers) as answer:
                        assert answer.status == status

    asyncio.run(ask())


def test_a_probe() -> None:
    """Off loopback, a probe without the token: healthy and ready are answered, and nothing else."""

    async def ask() -> None:
        async with ports(REMOTE) as open_, aiohttp.ClientSession(open_.http) as client:
            async with client.get("/healthz") as answer:
                assert await answer.json() == {"status": "ok"}
            async with client.get("/readyz") as answer:
                assert await answer.json() == {"status": "ready"}
            async with client.get("/readyz", headers=RIGHT) as answer:
                assert "components" in await answer.json()

    asyncio.run(ask())


@pytest.mark.needs_package
def test_certificates_are_asked_of_clients() -> None:
    """TLS that asks for a certificate: without one no port says anything, with one all do."""

    async def ask(cert: Path, key: Path, own: bytes, own_key: bytes) -> None:
        tls = TlsSettings(cert_file=str(cert), key_file=str(key), client_ca_file=str(cert))
        async with ports(LOCAL, tls=tls) as open_:
            for known in (False, True):
                context = ssl.create_default_context(cafile=cert)
                if known:
                    context.load_cert_chain(cert, key)
                connector = aiohttp.TCPConnector(ssl=context)
                async with aiohttp.ClientSession(connector=connector) as client:
                    assert await _answers(client, open_) is known
                pair = (own_key, own) if known else (None, None)
                shown = grpc.ssl_channel_credentials(own, *pair)
                async with grpc.aio.secure_channel(open_.otlp_grpc, shown) as channel:
                    assert await called(channel) == ("OK" if known else "UNAVAILABLE")

    with tempfile.TemporaryDirectory() as folder:
        cert, key = certificate.made(Path(folder))
        asyncio.run(ask(cert, key, cert.read_bytes(), key.read_bytes()))


async def _answers(client: aiohttp.ClientSession, open_: Ports) -> bool:
    """Whether both HTTP ports answer; fails where one does and the other does not."""
    told = []
    for url in (f"{open_.http}/healthz", f"{open_.otlp_http}/v1/traces"):
        try:
            async with client.get(url) as answer:
                told.append(answer.status in {200, 405})
        except (aiohttp.ClientError, OSError):
            told.append(False)
    assert len(set(told)) == 1, told
    return told[0]
