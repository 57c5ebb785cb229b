"""The API: lists, single items, actions, announcements, and what is said to bad input."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from aiohttp.test_utils import TestClient, TestServer

from perfd.detect.budget import WRONG, full, spend
from perfd.model.series import REQUESTS
from perfd.web.schemas import ServiceDetail, ServiceList
from perfd.web.ticket_schemas import DeployList, FindingList, TicketList, TicketRecord
from tests.web.world import ID, World, empty_world, finding, put, shop, ticket

Client = TestClient[Any, Any]


@pytest.fixture(scope="module")
def world() -> World:
    return shop()


@pytest.fixture
async def client(world: World) -> AsyncIterator[Client]:
    async with TestClient(TestServer(world.app())) as made:
        yield made


async def json(client: Client, path: str, status: int = 200) -> Any:
    answer = await client.get(path)
    assert answer.status == status, await answer.text()
    assert answer.content_type == "application/json"
    return await answer.json()


async def test_services_with_their_figures(client: Client) -> None:
    found = await json(client, "/api/v1/services")
    msgspec.convert(found, ServiceList)
    services = {service["service"]: service for service in found["services"]}
    assert set(services) == {"inventory", "perfd", "pricing", "storefront"}
    pricing = services["pricing"]
    assert pricing["state"] == "regressed"
    assert pricing["versions"] == ["1.0.0", "1.1.0"]
    assert pricing["tickets"] == [ID]
    assert pricing["red"]["requests_per_second"] == pytest.approx(12.4, rel=0.1)
    assert services["storefront"]["state"] == "judging"
    assert services["perfd"]["state"] == "quiet"


async def test_one_service_adds_up(client: Client, world: World) -> None:
    found = msgspec.convert(await json(client, "/api/v1/services/pricing"), ServiceDetail)
    by_operation = sum(operation.red.requests for operation in found.operations)
    now = world.clock.now()
    stored = world.store.windows(REQUESTS, {"service": "pricing"}, now - 3600, now)
    assert found.red.requests == by_operation == sum(window.count for window in stored)


async def test_a_service_says_what_it_may_still_be_told_wrongly(
    client: Client, world: World
) -> None:
    found = msgspec.convert(await json(client, "/api/v1/services/inventory"), ServiceDetail)
    assert found.budget is None
    now = world.clock.now()
    budget = spend(full("inventory", 1.0, now), "deploy", "a", 0.005, now)
    put(world.store, spend(budget, WRONG, "PERF-AAAAAA 1", 1.0, now), "inventory", now)
    found = msgspec.convert(await json(client, "/api/v1/services/inventory"), ServiceDetail)
    assert found.budget is not None
    assert (found.budget.allowed, found.budget.spent, found.budget.wrong) == (1.0, 1.005, 1.0)


async def test_the_course_of_a_service_adds_up(client: Client) -> None:
    for hours in (1, 6):
        found = await json(client, f"/api/v1/services/pricing?hours={hours}")
        course = msgspec.convert(found, ServiceDetail).course
        assert len(course) in {60, 61}  # the last one has only begun
        counted = sum(operation["red"]["requests"] for operation in found["operations"])
        assert sum(step.red.requests for step in course) == counted
    await json(client, "/api/v1/services/pricing?hours=0", 400)


async def test_an_unknown_service_is_a_404(client: Client) -> None:
    assert (await json(client, "/api/v1/services/none", 404))["error"]["code"] == "not_found"


async def test_the_json_of_tickets_is_as_described(client: Client) -> None:
    found = await json(client, "/api/v1/tickets")
    assert msgspec.convert(found, TicketList).tickets[0].id == ID
    one = await json(client, f"/api/v1/tickets/{ID}")
    assert found["tickets"] == [one]
    assert msgspec.convert(one, TicketRecord).url == f"http://127.0.0.1:4040/tickets/{ID}"


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("state=open", 1),
        ("state=closed", 0),
        ("service=pricing&kind=regression", 1),
        ("service=inventory", 0),
        ("kind=leak", 0),
    ],
)
async def test_filters(client: Client, query: str, count: int) -> None:
    assert len((await json(client, f"/api/v1/tickets?{query}"))["tickets"]) == count


async def test_pages_of_a_list_hold_every_ticket_once() -> None:
    world = empty_world()
    for number in range(7):
        made = ticket("f", id=f"PERF-AAAAA{number + 2}", opened_at=float(number // 2))
        put(world.store, made, made.id, made.opened_at)
    async with TestClient(TestServer(world.app())) as client:
        seen, cursor, pages = [], "", 0
        while cursor is not None:
            found = await json(client, f"/api/v1/tickets?limit=3&cursor={cursor}")
            seen += [one["id"] for one in found["tickets"]]
            cursor, pages = found["cursor"], pages + 1
    assert seen == [f"PERF-AAAAA{number}" for number in (8, 7, 6, 5, 4, 3, 2)]
    assert pages == 3


async def test_findings_that_were_not_opened_tell_the_reason(client: Client) -> None:
    found = await json(client, "/api/v1/findings?service=pricing&opened=false")
    (only,) = msgspec.convert(found, FindingList).findings
    assert "under the floor" in only.reason
    assert len((await json(client, "/api/v1/findings"))["findings"]) == 2
    assert not (await json(client, "/api/v1/findings?service=inventory"))["findings"]


async def test_deploys(client: Client) -> None:
    found = await json(client, "/api/v1/deploys?service=pricing")
    (only,) = msgspec.convert(found, DeployList).deploys
    assert (only.version, only.previous, only.source) == ("1.1.0", "1.0.0", "traffic")


async def test_a_deploy_is_announced() -> None:
    world = empty_world()
    async with TestClient(TestServer(world.app())) as client:
        body = {
            "service": "a",
            "version": "2",
            "at": "2026-09-21T14:00:00+00:00",
            "commit": "c0ffee",
        }
        answer = await client.post("/api/v1/deploys", json=body)
        assert answer.status == 201
        assert (await answer.json())["at"] == "2026-09-21T14:00:00.000Z"
        (kept,) = (await json(client, "/api/v1/deploys"))["deploys"]
        assert (kept["source"], kept["environment"], kept["commit"]) == (
            "announced",
            "unknown",
            "c0ffee",
        )


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "service"),
        ({"service": "a"}, "version"),
        ({"service": "a", "version": 2}, "version: expected str, got int"),
        ({"service": "", "version": "2"}, "service"),
        ({"service": "a", "version": "2", "when": "now"}, "unknown field when"),
        ({"service": "a", "version": "2", "at": "yesterday"}, "at: not an RFC 3339 time"),
        ({"service": "a", "version": "2", "at": "2026-09-21T14:00:00"}, "time zone"),
        ({"service": "a", "version": "2", "at": "2126-09-21T14:00:00Z"}, "a day ahead"),
        ([], "expected object, got array"),
    ],
)
async def test_bad_announcements_are_refused_in_words(
    client: Client, body: Any, words: str
) -> None:
    answer = await client.post("/api/v1/deploys", json=body)
    assert answer.status == 400
    error = (await answer.json())["error"]
    assert error["code"] == "bad_request"
    assert words.lower() in error["message"].lower()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"[" * 60_000, 400),
        (b'"' + b"a" * 70_000 + b'"', 413),
    ],
)
async def test_bodies_that_are_not_json_or_too_long(
    client: Client, body: bytes, status: int
) -> None:
    answer = await client.post(
        "/api/v1/deploys", data=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status == status
    assert (await answer.json())["error"]["message"]


async def test_a_body_of_another_type_is_a_415(client: Client) -> None:
    answer = await client.post("/api/v1/deploys", data={"service": "a", "version": "2"})
    assert answer.status == 415


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("limit=many", "limit: expected int, got str"),
        ("limit=0", "limit"),
        ("limit=1000000", "limit"),
        ("stat=open", "Unknown parameter 'stat'. Known here: cursor, kind, limit, service, state"),
        ("state=sleeping", "state"),
        ("state=open&state=closed", "given twice"),
        ("cursor=%21%21", "cursor"),
        ("cursor=AAAA", "cursor"),
    ],
)
async def test_bad_queries_are_refused_in_words(client: Client, query: str, words: str) -> None:
    error = (await json(client, f"/api/v1/tickets?{query}", 400))["error"]
    assert words in error["message"]


@pytest.mark.parametrize(
    ("action", "body", "details"),
    [
        ("ack", {}, {"text": ""}),
        ("mute", {"seconds": 3600, "text": "known"}, {"seconds": 3600.0, "text": "known"}),
        ("mute", {}, {"seconds": None, "text": ""}),
        ("fix", {"version": "1.1.1"}, {"version": "1.1.1", "text": ""}),
        ("close", {"resolution": "wont_fix"}, {"resolution": "wont_fix", "text": ""}),
        ("reopen", {"actor": "ada"}, {"text": ""}),
    ],
)
async def test_actions_reach_the_desk(action: str, body: Any, details: Any) -> None:
    world = shop()
    async with TestClient(TestServer(world.app())) as client:
        answer = await client.post(f"/api/v1/tickets/{ID}/{action}", json=body)
        assert answer.status == 200
        msgspec.convert(await answer.json(), TicketRecord)
    assert world.desk.asked == [(ID, action, body.get("actor", "api"), details)]


async def test_an_action_without_a_body_is_fine() -> None:
    world = shop()
    async with TestClient(TestServer(world.app())) as client:
        assert (await client.post(f"/api/v1/tickets/{ID}/ack")).status == 200


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (f"{ID}/unmute", {}, 409),
        ("PERF-NONE22/ack", {}, 404),
        (f"{ID}/explode", {}, 404),
        (f"{ID}/close", {}, 400),
        (f"{ID}/close", {"resolution": "bored"}, 400),
        (f"{ID}/mute", {"seconds": -1}, 400),
        (f"{ID}/mute", {"seconds": "long"}, 400),
        (f"{ID}/ack", {"actor": " "}, 400),
    ],
)
async def test_actions_that_cannot_be(client: Client, path: str, body: Any, status: int) -> None:
    answer = await client.post(f"/api/v1/tickets/{path}", json=body)
    assert answer.status == status
    assert (await answer.json())["error"]["message"]


async def test_a_method_that_an_address_does_not_take(client: Client) -> None:
    answer = await client.put("/api/v1/tickets")
    assert answer.status == 405
    assert "GET" in answer.headers["Allow"]
    assert (await answer.json())["error"]["code"] == "method_not_allowed"


async def test_a_record_of_a_newer_perfd_does_not_take_the_list_with_it() -> None:
    world = empty_world()
    known = finding()
    put(world.store, known, known.id, known.found_at)
    world.store.put(
        [
            type(world.store.documents("finding")[0])(
                "finding", "other", 2**40, 1.0, b"\x93\x01\x02\x03"
            )
        ]
    )
    async with TestClient(TestServer(world.app())) as client:
        (only,) = (await json(client, "/api/v1/findings"))["findings"]
    assert only["id"] == known.id
