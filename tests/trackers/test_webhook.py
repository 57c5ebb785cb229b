"""The webhook, against a real HTTP server that behaves well, badly, and strangely."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from perfd.clock import ManualClock
from perfd.errors import DeliveryError
from perfd.trackers.webhook import Webhook, signature
from tests.contracts.tracker_contract import Mirror, TrackerContract
from tests.trackers.messages import Story

SECRET = b"correct horse"


class Receiver(Mirror):
    """A ticket system: keeps keys, one mirror a fingerprint, and answers as it is told to."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.keys: set[str] = set()
        self.mirrors: dict[str, dict[str, Any]] = {}
        self.changes = 0
        self.answers: list[web.StreamResponse] = []

    async def take(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.requests.append((dict(request.headers), body))
        document = json.loads(body)
        key = request.headers["Idempotency-Key"]
        newest = self.mirrors.get(document["ticket"]["id"], {"key": ""})["key"]
        if key not in self.keys and key > newest:
            self.keys.add(key)
            self.mirrors[document["ticket"]["id"]] = document
            self.changes += 1
        if self.answers:
            return self.answers.pop(0)
        return web.json_response({"url": "https://tickets.example/7"})

    async def tickets(self) -> list[str]:
        return list(self.mirrors)

    async def shown(self, ticket_id: str) -> str:
        return str(self.mirrors[ticket_id]["body"])

    async def effects(self) -> int:
        return self.changes


@pytest.fixture
async def server(mirror: Receiver) -> AsyncIterator[TestServer]:
    app = web.Application()
    app.router.add_post("/hook", mirror.take)
    async with TestServer(app) as server:
        yield server


class TestWebhook(TrackerContract):
    @pytest.fixture
    def mirror(self) -> Receiver:
        return Receiver()

    @pytest.fixture
    def tracker(self, server: TestServer) -> Webhook:
        return Webhook("hook", str(server.make_url("/hook")), ManualClock(), lambda: SECRET)

    @pytest.fixture
    def restarted(self, server: TestServer) -> Webhook:
        return Webhook("hook", str(server.make_url("/hook")), ManualClock(), lambda: SECRET)

    async def test_what_is_sent_is_signed(
        self, tracker: Webhook, mirror: Receiver, story: Story
    ) -> None:
        await tracker.deliver(story.opened)
        headers, body = mirror.requests[0]
        assert headers["Perfd-Signature"] == signature(SECRET, headers["Perfd-Timestamp"], body)
        assert headers["Perfd-Signature"] != signature(b"other", headers["Perfd-Timestamp"], body)
        assert headers["Perfd-Event"] == "opened"
        assert headers["Idempotency-Key"] == story.opened.key
        assert json.loads(body)["ticket"]["schema"] == "perfd.ticket/v1"

    async def test_an_error_after_the_commit_creates_nothing_twice(
        self, tracker: Webhook, mirror: Receiver, story: Story
    ) -> None:
        mirror.answers = [web.Response(status=502)]
        with pytest.raises(DeliveryError) as refused:
            await tracker.deliver(story.opened)
        assert refused.value.retryable
        assert await tracker.deliver(story.opened) == "https://tickets.example/7"
        assert mirror.changes == 1

    @pytest.mark.parametrize(
        ("status", "headers", "retryable", "after"),
        [
            (429, {"Retry-After": "17"}, True, 17.0),
            (503, {"Retry-After": "Tue, 14 Nov 2023 22:14:20 GMT"}, True, 60.0),
            (503, {"Retry-After": "soon"}, True, None),
            (500, {}, True, None),
            (408, {}, True, None),
            (400, {}, False, None),
            (401, {}, False, None),
            (410, {}, False, None),
            (302, {"Location": "http://elsewhere.example/"}, False, None),
        ],
    )
    async def test_answers_are_understood(
        self,
        tracker: Webhook,
        mirror: Receiver,
        story: Story,
        status: int,
        headers: dict[str, str],
        retryable: bool,
        after: float | None,
    ) -> None:
        mirror.answers = [web.Response(status=status, headers=headers)]
        with pytest.raises(DeliveryError) as refused:
            await tracker.deliver(story.opened)
        assert (refused.value.retryable, refused.value.retry_after) == (retryable, after)
        assert len(mirror.requests) == 1

    @pytest.mark.parametrize(
        "text",
        ["", "ok", "[]", '{"url": 7}', '{"url": "javascript:alert(1)"}', '{"url": "http://a\\n"}'],
    )
    async def test_an_answer_without_a_sensible_url_leads_to_the_ticket(
        self, tracker: Webhook, mirror: Receiver, story: Story, text: str
    ) -> None:
        mirror.answers = [web.Response(text=text)]
        url = await tracker.deliver(story.opened)
        assert url == f"http://perfd:4040/tickets/{story.opened.ticket.id}"

    async def test_nobody_there_is_tried_again(self, story: Story) -> None:
        nobody = Webhook("hook", "http://127.0.0.1:1/hook", ManualClock())
        with pytest.raises(DeliveryError) as refused:
            await nobody.deliver(story.opened)
        assert refused.value.retryable

    async def test_a_secret_that_cannot_be_read_sends_nothing(
        self, server: TestServer, mirror: Receiver, story: Story
    ) -> None:
        def missing() -> bytes:
            raise FileNotFoundError(2, "No such file")

        hook = Webhook("hook", str(server.make_url("/hook")), ManualClock(), missing)
        with pytest.raises(DeliveryError) as refused:
            await hook.deliver(story.opened)
        assert refused.value.retryable
        assert not mirror.requests


async def test_an_endless_answer_is_cut(story_server: TestServer) -> None:
    hook = Webhook("hook", str(story_server.make_url("/endless")), ManualClock(), timeout=5.0)
    story = Story()
    url = await asyncio.wait_for(hook.deliver(story.opened), 5.0)
    assert url.endswith(story.opened.ticket.id)


async def test_a_silent_receiver_is_given_up(story_server: TestServer) -> None:
    hook = Webhook("hook", str(story_server.make_url("/silent")), ManualClock(), timeout=0.05)
    with pytest.raises(DeliveryError) as refused:
        await hook.deliver(Story().opened)
    assert refused.value.retryable


@pytest.fixture
async def story_server() -> AsyncIterator[TestServer]:
    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        try:
            while True:
                await answer.write(b" " * 65_536)
        except ConnectionResetError:
            return answer

    async def silent(request: web.Request) -> web.StreamResponse:
        gone = asyncio.Event()
        await gone.wait()
        return web.Response()

    app = web.Application()
    app.router.add_post("/endless", endless)
    app.router.add_post("/silent", silent)
    async with TestServer(app, shutdown_timeout=0.01) as server:
        yield server
