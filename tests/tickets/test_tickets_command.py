"""`perfd tickets` against the real pages and API over HTTP, as a user types it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer

from perfd.cli import main
from perfd.jobs.desk import TicketDesk
from perfd.jobs.follow import Follower
from perfd.model.ticket import State
from perfd.tickets.settings import TicketSettings
from perfd.web.access import Access
from tests.fakes import CountingMeter
from tests.tickets.samples import FOUND, found
from tests.web.world import World, empty_world

Answer = tuple[int, str, str]
Perfd = Callable[..., Awaitable[Answer]]


@pytest.fixture
def world() -> World:
    return empty_world(Access(loopback=True, token="open sesame"))


@pytest.fixture
def follower(world: World) -> Follower:
    follower = Follower(
        world.store, TicketSettings(), pace=1.0, base_url="http://p", meter=CountingMeter()
    )
    world.context.desk = TicketDesk(follower, world.clock)
    return follower


@pytest.fixture
async def perfd(
    world: World, follower: Follower, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[Perfd]:
    token = tmp_path / "token"
    token.write_text("open sesame\n")
    async with TestServer(world.app()) as server:
        url = str(server.make_url("/")).rstrip("/")

        async def run(*words: str) -> Answer:
            options = ["--url", url, "--token-file", str(token)]
            code = await asyncio.to_thread(main, ["tickets", *options, *words])
            out, err = capsys.readouterr()
            return code, out, err

        yield run


async def test_an_empty_list_says_what_would_fill_it(perfd: Perfd) -> None:
    code, out, _ = await perfd()
    assert code == 0
    assert "No tickets" in out


async def test_a_pipe_gets_plain_columns(perfd: Perfd, follower: Follower) -> None:
    follower.record([found()], [], FOUND)
    code, out, _ = await perfd("list", "--state", "open")
    head, row = (line.split("\t") for line in out.splitlines())
    told = dict(zip(head, row, strict=True))
    assert code == 0
    assert told["ticket"] == follower.tickets()[0].id
    assert told["change"] == "latency.p95 41 ms → 72 ms (+75 %)"


async def test_a_program_gets_json(perfd: Perfd, follower: Follower) -> None:
    follower.record([found()], [], FOUND)
    _, out, _ = await perfd("list", "--json")
    assert [t["state"] for t in json.loads(out)["tickets"]] == ["open"]
    name = follower.tickets()[0].id
    _, out, _ = await perfd("show", name.lower(), "--json")
    assert json.loads(out)["id"] == name


async def test_a_person_can_read_one(perfd: Perfd, follower: Follower) -> None:
    follower.record([found()], [], FOUND)
    code, out, _ = await perfd("show", follower.tickets()[0].id)
    assert code == 0
    for words in ("pricing POST /quote", "shop.pricing.apply_rules", "21 … 50 ms", "1.1.0"):
        assert words in out


async def test_actions_are_done(perfd: Perfd, follower: Follower) -> None:
    follower.record([found()], [], FOUND)
    name = follower.tickets()[0].id
    for words, state in (
        (("ack",), State.OPEN),
        (("mute", "--for", "2h"), State.MUTED),
        (("unmute",), State.OPEN),
        (("fix", "--version", "1.1.1", "--text", "rules compiled once"), State.OPEN),
        (("close", "--resolution", "wont_fix", "--actor", "ada"), State.CLOSED),
        (("reopen",), State.OPEN),
    ):
        code, _, err = await perfd(words[0], name, *words[1:])
        assert (code, err) == (0, "")
        assert follower.ticket(name).state is state
    assert {"ada"} <= {entry.actor for entry in follower.ticket(name).history}


async def test_export_writes_one_line_a_ticket(
    perfd: Perfd, follower: Follower, tmp_path: Path
) -> None:
    follower.record([found(), found(service="checkout")], [], FOUND)
    code, _, _ = await perfd("export", "--output", str(tmp_path / "out.jsonl"))
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert code == 0
    assert {json.loads(line)["service"] for line in lines} == {"pricing", "checkout"}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("show", "PERF-AAAAAA"), 1, "no ticket"),
        (("show", "../x"), 2, "not a ticket's id"),
        (("mute", "PERF-AAAAAA", "--for", "soon"), 2, "not a duration"),
        (("--url", "ftp://x", "list"), 2, "not an http URL"),
        (("list", "--url", "http://127.0.0.1:1"), 1, "does not answer"),
        (("list", "--token-file", "/nowhere/token"), 2, "cannot be read"),
    ],
)
async def test_what_went_wrong_is_said(
    perfd: Perfd, words: tuple[str, ...], code: int, said: str
) -> None:
    found_, out, err = await perfd(*words)
    assert (found_, out) == (code, "")
    assert said in err


async def test_a_conflict_is_a_negative_verdict(perfd: Perfd, follower: Follower) -> None:
    follower.record([found()], [], FOUND)
    code, _, err = await perfd("unmute", follower.tickets()[0].id)
    assert code == 1
    assert "cannot be unmuted" in err


async def test_without_the_token_nothing_is_changed(
    perfd: Perfd, follower: Follower, tmp_path: Path
) -> None:
    follower.record([found()], [], FOUND)
    (tmp_path / "other").write_text("guess")
    name = follower.tickets()[0].id
    code, _, err = await perfd("ack", name, "--token-file", str(tmp_path / "other"))
    assert code == 1
    assert "token" in err
    assert follower.ticket(name).acknowledged_at is None


def test_wrong_usage_is_two() -> None:
    with pytest.raises(SystemExit) as left:
        main(["tickets", "close", "PERF-AAAAAA"])
    assert left.value.code == 2
