"""What perfd would see: in the API, in the metrics and on the service's page."""

from __future__ import annotations

from aiohttp.test_utils import TestClient, TestServer

from perfd.model.batch import DETECTABILITY, Document
from perfd.model.detectability import BlindSpot, Detectability, Detectable, Recall
from perfd.tickets.codec import encode
from tests.web.world import NOW, World, shop

RECALLS = (Recall(0.05, 3, 20), Recall(0.10, 12, 20), Recall(0.20, 20, 20))
FOUND = Detectability(
    "pricing",
    NOW - 600.0,
    (
        Detectable(
            "prod", "POST /quote", "latency.p95", "s", NOW - 600.0, 86_400.0, 0.1189, RECALLS, 1,
            20.0, 0.14,
        ),
        Detectable(
            "prod", "POST /quote", "error_rate", "1", NOW - 600.0, 86_400.0, 0.0042, RECALLS, 0,
            20.0, 0.006,
        ),
        Detectable(
            "prod", "GET /report", "latency.p95", "s", NOW - 600.0, 24.0,
            reason="12 of 336 hours have requests enough for a value; 96 are needed",
        ),
    ),
    (
        BlindSpot("prod", "GET /report", ("latency.p95",), "12 of 336 hours <have> requests",
                  "more traffic: it has 24 requests a day"),
    ),
    waiting=4,
)  # fmt: skip


def sighted() -> World:
    world = shop()
    revision = world.store.next_revision()
    world.store.put([Document(DETECTABILITY, "pricing", revision, FOUND.at, encode(FOUND))])
    return world


async def test_the_api_says_what_was_measured() -> None:
    async with TestClient(TestServer(sighted().app())) as client:
        answer = await (await client.get("/api/v1/detectability?service=pricing")).json()
        (one,) = answer["detectability"]
        assert (one["service"], one["waiting"]) == ("pricing", 4)
        p95, _, report = one["series"]
        assert p95["smallest"] == 0.1189
        assert p95["recall"][1] == {"size": 0.1, "caught": 12, "of": 20}
        assert (report["smallest"], report["requests_per_day"]) == (None, 24.0)
        assert one["blind"][0]["metrics"] == ["latency.p95"]
        nobody = await (await client.get("/api/v1/detectability?service=cart")).json()
        assert nobody == {"detectability": [], "cursor": None}
        assert len((await (await client.get("/api/v1/detectability")).json())["detectability"]) == 1


async def test_the_page_says_it_in_words() -> None:
    async with TestClient(TestServer(sighted().app())) as client:
        page = await (await client.get("/services/pricing")).text()
    words = page.replace("\u00a0", " ")
    assert "A 12 % slower p95 of POST /quote would be seen within a day; below that" in words
    assert "12 of 336 hours &lt;have&gt; requests" in words
    assert "In 40 weeks of copies without a change, one was found." in words
    assert "5.0 %: 3 of 20, 10 %: 12 of 20" in words or "5 %: 3 of 20, 10 %: 12 of 20" in words


async def test_before_anything_was_tried_the_page_says_so() -> None:
    async with TestClient(TestServer(shop().app())) as client:
        page = await (await client.get("/services/pricing")).text()
    assert "Not tried yet" in page


async def test_metrics_hold_what_can_be_seen_and_count_what_cannot() -> None:
    async with TestClient(TestServer(sighted().app())) as client:
        text = await (await client.get("/metrics")).text()
    about = 'service="pricing",environment="prod",operation="POST /quote"'
    assert f'perfd_detectable_change_ratio{{{about},metric="latency.p95"}} 0.1189' in text
    assert 'perfd_blind_series{service="pricing"} 1' in text
    assert 'perfd_self_test_waiting_series{service="pricing"} 4' in text
    assert "GET /report" not in text.partition("perfd_detectable_change_ratio")[2]
