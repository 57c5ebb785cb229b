import asyncio
import gzip
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from perfd.clock import SystemClock
from perfd.errors import Overloaded
from perfd.sources.admission import Admission
from perfd.sources.door import Door
from perfd.sources.profile_decode import JSON, PROTO, ProfileDecoder
from perfd.sources.pyroscope_push import PATH, routes
from perfd.sources.sample_settings import ProfileSettings
from tests.fakes import CountingMeter
from tests.sources.pprof_body import Writer, push
from tests.sources.rig import Keeping, Token

BODY = (Path(__file__).parent / "captured/pyroscope-io-1.4.0_pyspy_push.proto.gz").read_bytes()
HEADERS = {"Content-Type": PROTO, "Content-Encoding": "gzip"}


class Server:
    """The route on a free port, with everything real but the intake."""

    def __init__(self, token: str | None = None, room: int = 1 << 26) -> None:
        self.meter = CountingMeter()
        self.intake = Keeping()
        self.admission = Admission(room, 100)
        settings = ProfileSettings(max_request_body_size=1 << 19)
        app = web.Application()
        app.add_routes(
            routes(
                Door(
                    ProfileDecoder(settings, self.meter),
                    self.intake,
                    self.admission,
                    Token(token),
                    SystemClock(),
                    self.meter,
                ),
                settings,
            )
        )
        self._runner = web.AppRunner(app, auto_decompress=False)

    async def __aenter__(self) -> "Server":
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0]
        self.address = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
        assert (self.admission.size, self.admission.requests) == (0, 0)

    async def post(self, body: Any, headers: dict[str, str] = HEADERS) -> tuple[int, bytes]:
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.post(self.address + PATH, data=body, headers=headers) as response,
        ):
            return response.status, await response.read()

    def count(self, what: str) -> float:
        return self.meter.total(f"perfd_receiver_{what}_items", signal="profiles")

    def check_identity(self) -> None:
        settled = sum(self.count(what) for what in ("accepted", "refused", "rejected"))
        assert self.count("offered") == settled > 0
        assert self.count("accepted") == self.intake.items


async def test_a_captured_request_is_taken_as_it_was_sent() -> None:
    async with Server() as server:
        assert await server.post(BODY) == (200, b"")
        (delivery,) = server.intake.deliveries
        assert (delivery.body, delivery.media, delivery.encoding) == (BODY, PROTO, "gzip")
        assert delivery.content[0].resource.service == "perfd.bench"
        assert server.count("accepted") == 37
        server.check_identity()


async def test_json_is_answered_in_json() -> None:
    async with Server() as server:
        assert await server.post(b"{}", {"Content-Type": JSON}) == (200, b"{}")


async def test_a_chunked_body_is_taken() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield BODY[:100]
        yield BODY[100:]

    async with Server() as server:
        assert (await server.post(chunks()))[0] == 200


async def test_a_large_body_is_decoded_beside_the_loop() -> None:
    profile = Writer()
    for n in range(4000):
        profile.stack([f"function_{n}"], 10_000_000)
    body = push({"service_name": "shop"}, profile.bytes())
    async with Server() as server:
        assert (await server.post(body, {"Content-Type": PROTO}))[0] == 200
        assert server.count("accepted") == 4000


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"not gzip", {}, 400, b"invalid_argument"),
        (BODY[:-9], {}, 400, b"invalid_argument"),
        (gzip.compress(b"\xff" * 40), {}, 400, b"invalid_argument"),
        (gzip.compress(push({}, b"not pprof")), {}, 400, b"invalid_argument"),
        (bytes(1 << 20), {}, 413, b"resource_exhausted"),
        (gzip.compress(bytes(16 << 20)), {}, 413, b"resource_exhausted"),
        (BODY, {"Content-Encoding": "snappy"}, 415, b"invalid_argument"),
        (BODY, {"Content-Type": "text/plain"}, 415, b"invalid_argument"),
    ],
    ids=["no gzip", "torn", "no protobuf", "no pprof", "large", "bomb", "snappy", "text"],
)
async def test_bad_requests_get_a_connect_error(
    body: bytes, headers: dict[str, str], status: int, code: bytes
) -> None:
    async with Server() as server:
        answer, text = await server.post(body, HEADERS | headers)
        assert answer == status
        assert b'"code":"%s"' % code in text
        assert server.count("rejected") >= 1
        server.check_identity()


async def test_overload_is_429_and_counted_as_refused() -> None:
    async with Server() as server:
        server.intake.raises = [Overloaded("the log is full", 3.0)]
        assert (await server.post(BODY))[0] == 429
        assert server.count("refused") == 37
        assert (await server.post(BODY))[0] == 200
        server.check_identity()


async def test_no_room_is_429() -> None:
    async with Server(room=100) as server:
        status, text = await server.post(BODY)
        assert (status, b"resource_exhausted" in text) == (429, True)
        server.check_identity()


async def test_a_push_without_the_token_is_refused() -> None:
    async with Server(token="secret") as server:
        assert (await server.post(BODY))[0] == 403
        assert (await server.post(BODY, HEADERS | {"Authorization": "Bearer secret"}))[0] == 200
        server.check_identity()


PROFILED = """
import sys, time, pyroscope
pyroscope.configure(application_name="shop", server_address=sys.argv[1], upload_interval=1,
    tags={"service.version": "1.1.0", "service.instance.id": "shop-1"}, gil_only=False)
def busy():
    end = time.process_time() + 0.5
    while time.process_time() < end:
        sum(range(1000))
busy()
pyroscope.shutdown()
"""


async def test_the_real_client_pushes_what_it_saw() -> None:
    async with Server() as server:
        client = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROFILED, server.address
        )
        assert await asyncio.wait_for(client.wait(), 30) == 0
        profiles = [p for d in server.intake.deliveries for p in d.content]
        assert {(p.resource.service, p.resource.version) for p in profiles} == {("shop", "1.1.0")}
        assert {p.resource.instance for p in profiles} == {"shop-1"}
        assert {p.type for p in profiles} == {"process_cpu:cpu"}
        busy = sum(
            s.value for p in profiles for s in p.samples if "busy" in {f.name for f in s.stack}
        )
        # Half a second; on a machine that is short of cores it counts the waiting for one as well.
        assert busy / 1e9 > 0.2
        server.check_identity()
