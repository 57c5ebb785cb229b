"""Pages: they answer one question first, are never empty, and never a dead end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from perfd.model.ticket import Resolution, State
from perfd.web.access import Access
from perfd.web.headers import POLICY
from perfd.web.static import address, files
from tests.web.reading import Page, read
from tests.web.world import DEPLOYED, ID, BoardOfTwo, World, empty_world, finding, put, shop, ticket

Client = TestClient[Any, Any]
TOKEN = "correct-horse-battery"
HTML = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def world() -> World:
    return shop()


@pytest.fixture
async def client(world: World) -> AsyncIterator[Client]:
    async with TestClient(TestServer(world.app())) as made:
        yield made


async def page(client: Client, path: str, status: int = 200) -> Page:
    answer = await client.get(path, headers=HTML)
    text = await answer.text()
    assert answer.status == status, text
    assert answer.content_type == "text/html"
    return read(text)


async def test_the_overview_begins_with_the_verdict(client: Client) -> None:
    shown = await page(client, "/")
    assert shown.heading == "pricing got slower with 1.1.0."
    assert f"/tickets/{ID}" in shown.links
    assert {"/services/pricing", "/services/storefront", "/services/inventory"} <= set(shown.links)
    assert "2.4.1 being judged, 12 min of 30 min" in shown.text
    assert "ptrace is not permitted" in shown.text
    assert "build-7" in shown.text


async def test_the_overview_without_any_service_says_what_to_type() -> None:
    async with TestClient(TestServer(empty_world().app())) as client:
        shown = await page(client, "/")
    assert shown.heading.startswith("No service sends telemetry yet")
    assert "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318" in shown.text


async def test_the_overview_of_healthy_services() -> None:
    world = shop()
    put(world.store, ticket("f", state=State.CLOSED, resolution=Resolution.WONT_FIX), ID, 1.0)
    world.clock.advance(3600)
    async with TestClient(TestServer(world.app())) as client:
        shown = await page(client, "/")
    assert shown.heading.startswith("No telemetry for an hour from inventory, pricing")
    world = shop()
    put(world.store, ticket("f", state=State.CLOSED), ID, DEPLOYED)
    async with TestClient(TestServer(world.app())) as client:
        shown = await page(client, "/")
    assert "pricing" in shown.heading
    assert "not confirmed" in shown.heading


async def test_a_service_page_shows_deploys_and_what_was_not_opened(client: Client) -> None:
    shown = await page(client, "/services/pricing")
    assert shown.heading == "pricing got slower with 1.1.0."
    assert "under the floor of 10 %" in shown.text
    assert "judged: 1 finding opened" in shown.text
    assert shown.count("svg", class_="chart") == 4
    assert "POST /quote" in shown.text
    storefront = await page(client, "/services/storefront")
    assert storefront.heading == "storefront 2.4.1 is being judged, 12 min of 30 min."


async def test_a_service_name_with_a_slash_has_a_page() -> None:
    world = empty_world()
    put(world.store, ticket("f", service="shop/pricing v2?"), ID, 1.0)
    async with TestClient(TestServer(world.app())) as client:
        listed = await page(client, "/tickets")
        (link,) = [href for href in listed.links if href.startswith("/services/")]
        assert "shop/pricing v2?" in (await page(client, link)).heading


async def test_the_list_of_tickets_filters_by_links(client: Client) -> None:
    shown = await page(client, "/tickets")
    assert shown.heading == "1 ticket to follow, on 1 service."
    assert "/tickets?state=open" in shown.links
    none = await page(client, "/tickets?state=closed")
    assert "No ticket fits these filters" in none.text


async def test_the_evidence_page_holds_the_whole_proof(client: Client) -> None:
    shown = await page(client, f"/tickets/{ID}")
    assert "p95 40.8 ms → 72 ms" in shown.heading.replace("\xa0", " ")
    assert "95 % interval +69 … +83 %" in shown.heading.replace("\xa0", " ")
    for words in (
        "apply_rules", "SELECT price FROM rule", "one call for each item (N+1)?", "× 29",
        "39 … 44 ms", "no container was throttled", "logarithmic scale",
        "confirmed by a second sample",
        "To go back: redeploy", "none seen; +90 % would have been", "trace",
    ):  # fmt: skip
        assert words in shown.text.replace("\xa0", " "), words
    assert shown.count("svg", class_="flame") == 2
    assert f"/api/v1/tickets/{ID}" in shown.links
    assert "https://code.example/pricing/1.1.0/shop/pricing.py#L48" in shown.links


async def test_the_evidence_page_without_evidence_keeps_the_claim() -> None:
    world = empty_world()
    bare = ticket(
        "gone", before=None, after=None, effect=None, suspects=(), hotspots=(), impact=None
    )
    put(world.store, bare, ID, 1.0)
    async with TestClient(TestServer(world.app())) as client:
        shown = await page(client, f"/tickets/{ID}")
    assert "not in the store" in shown.text
    assert "No deploy coincides" in shown.text


async def test_the_ticket_as_markdown(client: Client) -> None:
    answer = await client.get(f"/tickets/{ID}/markdown")
    assert answer.content_type == "text/markdown"
    assert (await answer.text()).startswith("# pricing POST /quote: p95")


async def test_error_pages_say_what_to_do(client: Client) -> None:
    shown = await page(client, "/tickets/PERF-NONE22", 404)
    assert "PERF-NONE22" in shown.heading
    assert {"/", "/tickets"} <= set(shown.links)
    assert "nothing at this address" in (await page(client, "/none", 404)).heading


async def test_programs_get_problems_as_json(client: Client) -> None:
    answer = await client.get("/none")
    assert (answer.status, answer.content_type) == (404, "application/json")


async def test_what_breaks_inside_stays_inside() -> None:
    def broken() -> tuple[bytes, str]:
        raise RuntimeError("secret detail")

    world = empty_world()
    world.context.render_metrics = broken
    async with TestClient(TestServer(world.app())) as client:
        answer = await client.get("/metrics")
        assert answer.status == 500
        assert "secret detail" not in await answer.text()
        assert answer.headers["Content-Security-Policy"] == POLICY
    assert world.meter.total("perfd_http_requests", route="/metrics", code="500") == 1


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/tickets",
        f"/tickets/{ID}",
        "/none",
        "/metrics",
        "/healthz",
        "/api/v1/tickets",
        "/api/v1/x",
    ],
)
async def test_every_answer_is_guarded_by_headers(client: Client, path: str) -> None:
    headers = (await client.get(path)).headers
    assert headers["Content-Security-Policy"] == POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/", "/services/pricing", "/tickets", f"/tickets/{ID}"])
async def test_pages_obey_their_own_policy(client: Client, path: str) -> None:
    shown = await page(client, path)
    assert not shown.inline, shown.inline
    assert shown.loads == [address("style.css"), address("icon.svg"), address("perfd.js")]


async def test_own_files_are_small_and_cached(client: Client) -> None:
    assert len(files()["style.css"]) < 15_000
    assert len(files()["perfd.js"]) < 30_000
    answer = await client.get(address("style.css"))
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.content_type == "text/css"
    assert (await client.get("/static/..%2fapp.py")).status == 404


async def test_every_link_within_leads_somewhere(client: Client) -> None:
    seen: set[str] = set()
    waiting = ["/"]
    while waiting:
        path = waiting.pop()
        answer = await client.get(path, headers=HTML)
        # The world keeps the evidence of a profile, not the profile itself.
        assert answer.status == (404 if "/profiles/diff" in path else 200), path
        if answer.content_type != "text/html":
            continue
        links = {link.partition("#")[0] for link in read(await answer.text()).links}
        found = {link for link in links if link.startswith("/")} - seen
        seen |= found
        waiting += found
    assert len(seen) > 12


# --- changes --------------------------------------------------------------------------------------


async def act(client: Client, origin: str | None = None, **fields: str) -> Any:
    headers = {"Origin": origin} if origin else {}
    return await client.post(
        f"/tickets/{ID}/act", data=fields, headers=HTML | headers, allow_redirects=False
    )


async def test_a_form_acts_and_leads_back() -> None:
    world = shop()
    async with TestClient(TestServer(world.app())) as client:
        answer = await act(client, str(client.make_url("")).rstrip("/"), action="ack")
        assert (answer.status, answer.headers["Location"]) == (303, f"/tickets/{ID}")
        assert "acknowledged" in (await page(client, f"/tickets/{ID}")).text
        answer = await act(client, action="close", resolution="wrong", text="it was the load test")
        assert answer.status == 303
    assert [asked[1:3] for asked in world.desk.asked] == [("ack", "page"), ("close", "page")]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"action": "explode"}, 400),
        ({}, 400),
        ({"action": "close"}, 400),
        ({"action": "unmute"}, 409),
        ({"action": "ack", "extra": "field"}, 400),
        ({"action": "ack", "text": "a" * 20_000}, 413),
    ],
)
async def test_forms_that_cannot_be(client: Client, fields: dict[str, str], status: int) -> None:
    assert (await act(client, **fields)).status == status


async def test_a_form_of_another_site_changes_nothing(client: Client, world: World) -> None:
    before = list(world.desk.asked)
    answer = await act(client, "https://evil.example", action="ack")
    assert answer.status == 403
    assert "another site" in read(await answer.text()).heading
    assert world.desk.asked == before


async def test_with_a_token_one_signs_in_to_act() -> None:
    world = shop(access=Access(loopback=True, token=TOKEN))
    async with TestClient(TestServer(world.app())) as client:
        refused = await act(client, action="ack")
        assert refused.status == 403
        assert read(await refused.text()).count("form") == 1
        wrong = await client.post("/signin", data={"token": "wrong"}, allow_redirects=False)
        assert wrong.status == 403
        right = await client.post(
            "/signin", data={"token": TOKEN, "to": f"/tickets/{ID}"}, allow_redirects=False
        )
        assert (right.status, right.headers["Location"]) == (303, f"/tickets/{ID}")
        assert "HttpOnly" in right.headers["Set-Cookie"]
        assert (await act(client, action="ack")).status == 303
        assert (await act(client, "https://evil.example", action="ack")).status == 403
        await client.post("/signout")
        assert (await act(client, action="ack")).status == 403


@pytest.mark.parametrize(
    "to",
    ["//evil.example", "https://evil.example", "/\\evil.example", "x", "/a\r\nSet-Cookie: x=1"],
)
async def test_signing_in_never_leads_to_another_site(to: str) -> None:
    world = empty_world(access=Access(loopback=False, token=TOKEN))
    async with TestClient(TestServer(world.app())) as client:
        answer = await client.post(
            "/signin", data={"token": TOKEN, "to": to}, allow_redirects=False
        )
        assert answer.headers["Location"] == "/"


async def test_off_loopback_everything_but_probes_is_closed() -> None:
    async def push(_: web.Request) -> web.Response:
        return web.Response(text="taken")

    world = shop(access=Access(loopback=False, token=TOKEN))
    app = world.app([web.post("/ingest", push)])
    async with TestClient(TestServer(app)) as client:
        for path in (
            "/",
            "/tickets",
            "/metrics",
            "/api/v1/services",
            "/api/v1/openapi.json",
            "/none",
        ):
            assert (await client.get(path)).status == 403, path
        assert (await client.post("/ingest")).status == 403
        assert (await client.get("/healthz")).status == 200
        ready = await client.get("/readyz")
        assert (ready.status, await ready.json()) == (200, {"status": "ready"})
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        assert (await client.get("/metrics", headers=bearer)).status == 200
        assert await (await client.post("/ingest", headers=bearer)).text() == "taken"


async def test_readiness_names_the_parts(client: Client, world: World) -> None:
    answer = await client.get("/readyz")
    assert answer.status == 200
    parts = {part["component"]: part for part in (await answer.json())["components"]}
    assert parts["py-spy"]["state"] == "degraded"
    assert isinstance(world.context.board, BoardOfTwo)
    world.context.board.ready = False
    answer = await client.get("/readyz")
    world.context.board.ready = True
    assert answer.status == 503


async def test_a_finding_alone_does_not_make_a_service() -> None:
    world = empty_world()
    known = finding(service="ghost")
    put(world.store, known, known.id, known.found_at)
    async with TestClient(TestServer(world.app())) as client:
        assert (await client.get("/services/ghost")).status == 404
