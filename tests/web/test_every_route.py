"""Every route under every access rule: enumerated from the application, so none is forgotten."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import TestClient, TestServer

from perfd.web.access import Access, Purpose
from tests.web.routes import TABLE, application, filled, routes

TOKEN = "correct-horse-battery"
NOTHING: dict[str, str] = {}
RIGHT = {"Authorization": f"Bearer {TOKEN}"}
WRONG = {"Authorization": "Bearer wrong-horse-battery"}
BYTES = {"Authorization": "Bearer \udcff\udcfe"}  # as aiohttp reads what is no UTF-8
OTHER_PAGE = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
REBOUND = {"Host": "evil.example", "Origin": "http://evil.example"}

READ, CHANGE, PUSH = Purpose.READ, Purpose.CHANGE, Purpose.PUSH
LOCAL = Access(loopback=True)
LOCAL_TOKEN = Access(loopback=True, token=TOKEN)
REMOTE = Access(loopback=False, token=TOKEN)
REMOTE_READ = Access(loopback=False, token=TOKEN, anonymous_read=True)
NO_TOKEN = Access(loopback=False)

CASES = [
    ("local", LOCAL, NOTHING, {READ, CHANGE, PUSH}),
    ("local, other page", LOCAL, OTHER_PAGE, {READ}),
    ("local, rebound", LOCAL, REBOUND, set()),
    ("local with token, none sent", LOCAL_TOKEN, NOTHING, {READ, PUSH}),
    ("local with token, wrong", LOCAL_TOKEN, WRONG, {READ, PUSH}),
    ("local with token, right", LOCAL_TOKEN, RIGHT, {READ, CHANGE, PUSH}),
    ("remote, none sent", REMOTE, NOTHING, set()),
    ("remote, wrong", REMOTE, WRONG, set()),
    ("remote, bytes", REMOTE, BYTES, set()),
    ("remote, right", REMOTE, RIGHT, {READ, CHANGE, PUSH}),
    ("remote, right, from another page", REMOTE, RIGHT | OTHER_PAGE, {READ, CHANGE, PUSH}),
    ("remote, anonymous read", REMOTE_READ, NOTHING, {READ}),
    ("remote without a token", NO_TOKEN, RIGHT, set()),
]


def test_every_route_is_in_the_table_and_nothing_else() -> None:
    assert routes(application(LOCAL)) == set(TABLE)


@pytest.mark.parametrize(
    ("access", "headers", "allowed"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
async def test_every_route(access: Access, headers: dict[str, str], allowed: set[Purpose]) -> None:
    async with TestClient(TestServer(application(access))) as client:
        for (method, path), purpose in TABLE.items():
            may = purpose is None or purpose in allowed
            if path == "/signin":
                continue  # refuses by itself, see test_pages.py
            answer = await client.request(method, filled(path), headers=headers)
            assert (answer.status != 403) is may, f"{method} {path}: {answer.status}"
            assert answer.status < 500, f"{method} {path}: {answer.status}"


@pytest.mark.parametrize("path", ["/nowhere", "/static/../metrics", "/healthz/../metrics", "//"])
async def test_what_leads_nowhere_is_refused_like_the_rest(path: str) -> None:
    async with TestClient(TestServer(application(REMOTE))) as client:
        assert (await client.get(path)).status == 403
        assert (await client.options(path)).status == 403


@pytest.mark.parametrize("charset", ["nonsense", "utf-7", "utf-16"])
async def test_a_form_is_read_as_utf8_whatever_it_says(charset: str) -> None:
    kind = {"Content-Type": f"application/x-www-form-urlencoded; charset={charset}"}
    async with TestClient(TestServer(application(REMOTE))) as client:
        answer = await client.post("/signin", data=f"token={TOKEN}".encode(), headers=kind)
        assert answer.status in {200, 303, 404}, "signed in and led on"
        many = "&".join("a=b" for _ in range(100)).encode()
        assert (await client.post("/signin", data=many, headers=kind)).status == 400
