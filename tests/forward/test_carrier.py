"""The road by HTTP: what each answer of a centre, or of something else, becomes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from perfd.errors import BadInput, ConfigError, DeliveryError, TooLarge
from perfd.forward.body import MEDIA_TYPE
from perfd.forward.settings import ForwardSettings, ForwardTls
from perfd.jobs.carrier import HttpCarrier, client_context
from perfd.model.partial import Receipt
from tests.e2e.daemon import free_ports

SAID = '{"error": {"code": "x", "message": "in words"}}'


@dataclass
class Answering:
    """A server with one answer, and what it was asked."""

    status: int = 200
    text: str = '{"accepted": 5, "centre": 9}'
    retry_after: str = ""
    asked: web.Request | None = None
    body: bytes = b""

    async def answer(self, request: web.Request) -> web.Response:
        self.asked, self.body = request, await request.read()
        headers = {"Retry-After": self.retry_after} if self.retry_after else {}
        if self.status == 307:
            headers["Location"] = "http://elsewhere.invalid/"
        return web.Response(status=self.status, text=self.text, headers=headers)


@pytest.fixture
def centre() -> Answering:
    return Answering()


@pytest.fixture
async def carrier(centre: Answering) -> AsyncIterator[HttpCarrier]:
    app = web.Application()
    app.router.add_post("/api/v1/windows", centre.answer)
    async with TestServer(app) as server:
        made = HttpCarrier(
            ForwardSettings(url=f"http://127.0.0.1:{server.port}/"), lambda: "secret"
        )
        yield made
        await made.close()


async def test_a_body_is_posted_with_the_token(centre: Answering, carrier: HttpCarrier) -> None:
    assert await carrier.post(b"body") == Receipt(5, 9)
    assert centre.body == b"body"
    assert centre.asked is not None
    assert centre.asked.headers["Authorization"] == "Bearer secret"
    assert centre.asked.content_type == MEDIA_TYPE


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        (400, BadInput),
        (415, BadInput),
        (413, TooLarge),
        (401, DeliveryError),
        (403, DeliveryError),
        (404, DeliveryError),
        (409, DeliveryError),
        (307, DeliveryError),
        (500, DeliveryError),
        (503, DeliveryError),
    ],
)
async def test_answers_that_are_not_200(
    centre: Answering, carrier: HttpCarrier, status: int, problem: type[Exception]
) -> None:
    centre.status, centre.text = status, SAID
    with pytest.raises(problem, match="in words") as raised:
        await carrier.post(b"body")
    assert type(raised.value) is problem


async def test_retry_after_is_read(centre: Answering, carrier: HttpCarrier) -> None:
    centre.status, centre.text, centre.retry_after = 503, "busy", "7"
    with pytest.raises(DeliveryError) as raised:
        await carrier.post(b"body")
    assert raised.value.retry_after == 7.0


@pytest.mark.parametrize("text", ["", "<html>", "{}", '{"accepted": "x", "centre": 1}', "[" * 9000])
async def test_something_else_at_that_address_is_no_centre(
    centre: Answering, carrier: HttpCarrier, text: str
) -> None:
    centre.text = text
    with pytest.raises(DeliveryError, match="does not answer as a perfd does"):
        await carrier.post(b"body")


async def test_nobody_there_may_pass() -> None:
    (port,) = free_ports(1)
    carrier = HttpCarrier(ForwardSettings(url=f"http://127.0.0.1:{port}"), str)
    with pytest.raises(DeliveryError):
        await carrier.post(b"body")
    await carrier.close()


def test_files_that_cannot_be_used_are_said_at_the_start() -> None:
    tls = ForwardTls(ca_file="/nowhere/ca.pem")
    with pytest.raises(ConfigError, match=r"forward\.tls"):
        client_context(ForwardSettings(url="https://perfd:4040", tls=tls))

    def unreadable() -> str:
        raise ConfigError(["forward.token_file: cannot read it"])

    with pytest.raises(ConfigError):
        HttpCarrier(ForwardSettings(url="https://perfd:4040"), unreadable)


@pytest.mark.parametrize(
    "url",
    ["perfd:4040", "ftp://perfd", "http://", "http://perfd/api", "http://perfd?x=1", "http://["],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="url"):
        ForwardSettings(url=url)
