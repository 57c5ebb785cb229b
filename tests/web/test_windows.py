"""`POST /api/v1/windows` and what is then known of agents, over the real application."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp.test_utils import TestClient, TestServer

from perfd.forward.body import MEDIA_TYPE, wrap
from perfd.forward.settings import AgentSettings
from perfd.forward.wire import encode
from perfd.jobs.agents import Agents
from perfd.model.agent import Agent
from perfd.model.histogram import Histogram
from perfd.model.partial import Partial, Shipment
from perfd.model.series import REQUESTS, Series
from perfd.model.window import Window
from perfd.web.api_windows import routes
from tests.web.world import NOW, World, empty_world

MINUTE = NOW // 60 * 60 - 120
LIMITS = AgentSettings(max_size=8192, max_inflated_size=65_536)
SERIES = Series.of(REQUESTS, service="shop", operation="GET /")
WINDOW = Window(SERIES, MINUTE, 60.0, 3, 1, Histogram.of([0.1, 0.2, 0.4]))
AGENT = Agent(7, "pod-1", "0.3.0", NOW - 500, MINUTE + 60, 12)
SHIPMENT = Shipment(AGENT, 5, 60.0, (Partial(5, WINDOW),))
KIND = {"Content-Type": MEDIA_TYPE}


@pytest.fixture
def world() -> World:
    world = empty_world()
    world.context.centre = Agents(
        world.store, world.desk, LIMITS, pace=1.0, clock=world.clock, meter=world.meter
    )
    return world


@pytest.fixture
async def client(world: World) -> AsyncIterator[TestClient]:  # type: ignore[type-arg]
    assert world.context.centre is not None
    app = world.app(routes(world.context.centre, LIMITS))
    async with TestClient(TestServer(app)) as client:
        yield client


def body(shipment: Shipment) -> bytes:
    return wrap(encode(shipment))


async def test_a_shipment_is_stored_once_however_often_it_comes(
    world: World,
    client: TestClient,  # type: ignore[type-arg]
) -> None:
    for _ in range(3):
        answer = await client.post("/api/v1/windows", data=body(SHIPMENT), headers=KIND)
        assert answer.status == 200
        assert await answer.json() == {"accepted": 5, "centre": world.store.writer}
    (found,) = world.store.windows(REQUESTS, {}, MINUTE, MINUTE + 60)
    assert (found.count, found.errors) == (3, 1)


@pytest.mark.parametrize(
    ("sent", "headers", "status", "words"),
    [
        (b"", KIND, 400, "PFDW"),
        (b"PFDW\x01" + bytes(20), KIND, 400, "checksum"),
        (wrap(b"nonsense"), KIND, 400, "not a shipment"),
        (wrap(bytes(70_000)), KIND, 413, "inflated"),
        (bytes(9000), KIND, 413, "8192"),
        (wrap(b"")[:4] + b"\x09" + wrap(b"")[5:], KIND, 409, "version 9"),
        (body(replace(SHIPMENT, width=1.0)), KIND, 409, "pace"),
        (body(replace(SHIPMENT, agent=replace(AGENT, writer=1))), KIND, 409, "itself"),
        (body(SHIPMENT), {"Content-Type": "application/json"}, 415, MEDIA_TYPE),
    ],
)
async def test_what_cannot_be_taken_is_refused_in_words(
    client: TestClient,  # type: ignore[type-arg]
    sent: bytes,
    headers: dict[str, str],
    status: int,
    words: str,
) -> None:
    answer = await client.post("/api/v1/windows", data=sent, headers=headers)
    assert answer.status == status
    assert words in (await answer.json())["error"]["message"]


async def test_too_many_at_once_are_told_to_come_again(world: World) -> None:
    none = replace_settings(max_requests=1)
    centre = Agents(world.store, world.desk, none, pace=1.0, clock=world.clock, meter=world.meter)
    centre._in_hand = 1  # one that does not end during this test
    async with TestClient(TestServer(world.app(routes(centre, none)))) as client:
        answer = await client.post("/api/v1/windows", data=body(SHIPMENT), headers=KIND)
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "2"


def replace_settings(**changes: int) -> AgentSettings:
    return AgentSettings(**changes)


async def test_rows_of_the_far_future_are_left_out(
    world: World,
    client: TestClient,  # type: ignore[type-arg]
) -> None:
    ahead = replace(WINDOW, start=MINUTE + 7200)
    sent = body(replace(SHIPMENT, partials=(Partial(5, ahead),)))
    assert (await client.post("/api/v1/windows", data=sent, headers=KIND)).status == 200
    assert not world.store.windows(REQUESTS, {}, 0, 2 * NOW)
    assert world.meter.total("perfd_dropped_items", reason="future") == 1


async def test_a_gap_is_not_taken_for_everything(
    client: TestClient,  # type: ignore[type-arg]
) -> None:
    """A body that goes on where this centre never was: the answer makes the agent begin anew."""
    sent = body(replace(SHIPMENT, after=4))
    answer = await client.post("/api/v1/windows", data=sent, headers=KIND)
    assert (await answer.json())["accepted"] == -1


async def test_agents_are_shown_and_the_silent_ones_first(
    world: World,
    client: TestClient,  # type: ignore[type-arg]
) -> None:
    for writer, name in ((7, "pod-1"), (8, "pod-2"), (9, "pod-3")):
        leaving = name == "pod-3"
        agent = replace(AGENT, writer=writer, name=name, leaving=leaving)
        await client.post(
            "/api/v1/windows", data=body(replace(SHIPMENT, agent=agent)), headers=KIND
        )
        world.clock.advance(50.0)
    listed = (await (await client.get("/api/v1/agents")).json())["agents"]
    assert [(a["name"], a["state"]) for a in listed] == [
        ("pod-1", "silent"),
        ("pod-2", "silent"),
        ("pod-3", "stopped"),
    ]
    assert listed[0]["waiting"] == 12
    assert listed[0]["lag"] == pytest.approx(world.clock.now() - MINUTE - 60)
    page = await (await client.get("/agents")).text()
    assert "2 silent" in page
    assert 'aria-current="page">Agents' in page
    scraped = await (await client.get("/metrics")).text()
    assert 'perfd_agent_silent{agent="pod-1",id="0000000000000007"} 1' in scraped
    assert 'agent="pod-3"' not in scraped


async def test_a_page_without_agents_says_what_one_is(
    client: TestClient,  # type: ignore[type-arg]
) -> None:
    page = await (await client.get("/agents")).text()
    assert "forward.url" in page
    assert "/agents" not in await (await client.get("/tickets")).text()


def test_the_envelope_is_what_the_documentation_says() -> None:
    content = encode(SHIPMENT)
    sent = body(SHIPMENT)
    assert sent[:5] == b"PFDW\x01"
    assert int.from_bytes(sent[5:9], "little") == zlib.crc32(sent[9:])
    assert int.from_bytes(sent[9:13], "little") == len(content)
    assert zlib.decompress(sent[13:]) == content
