"""The door to a Prometheus, against a server that says whatever a test wants."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from perfd.errors import QueryError
from perfd.sources.prometheus import MOST_POINTS, Prometheus, pieces
from perfd.sources.prometheus_answer import MOST_SERIES

Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]
START = 1_700_000_000.0


def matrix(*series: dict[str, Any], **more: Any) -> dict[str, Any]:
    data = {"resultType": "matrix", "result": list(series)}
    return {"status": "success", "data": data, **more}


def one(*values: tuple[float, str], **labels: str) -> dict[str, Any]:
    return {"metric": labels, "values": [list(value) for value in values]}


async def asked(answering: Answering, end: float = START, **options: Any) -> Any:
    app = web.Application(client_max_size=2**20)
    app.router.add_post("/base/api/v1/query_range", answering)
    async with TestServer(app) as server:
        address = str(server.make_url("/base"))
        async with Prometheus(address, **options) as client:
            return await client.range("up", START, end, 60.0)


async def said(body: Any, status: int = 200) -> Any:
    """What comes of one body."""

    async def answering(_: web.Request) -> web.StreamResponse:
        text = body if isinstance(body, str) else json.dumps(body)
        return web.Response(status=status, text=text)

    return await asked(answering)


async def refused(body: Any, status: int = 200) -> QueryError:
    with pytest.raises(QueryError) as caught:
        await said(body, status)
    return caught.value


async def test_values_and_what_is_none() -> None:
    rows = ((1.0, "2.5"), (2.0, "NaN"), (3.0, "+Inf"), (4.5, "1e-3"), (5.0, "no number"))
    answer = await said(matrix(one(*rows, job="shop"), warnings=["half of it"]))
    (series,) = answer.series
    assert series.labels == {"job": "shop"}
    assert series.times.tolist() == [1.0, 4.5]
    assert series.values.tolist() == [2.5, 0.001]
    assert series.odd == 3
    assert answer.warnings == ("half of it",)


async def test_no_series_is_an_answer() -> None:
    assert (await said(matrix())).series == ()


async def test_pieces_are_put_together_and_no_point_is_asked_for_twice() -> None:
    forms: list[dict[str, str]] = []

    async def answering(request: web.Request) -> web.StreamResponse:
        form = {key: str(value) for key, value in (await request.post()).items()}
        forms.append(form)
        times = np.arange(float(form["start"]), float(form["end"]) + 1.0, float(form["step"]))
        return web.json_response(matrix(one(*((t, "1") for t in times.tolist()), job="a")))

    points = MOST_POINTS * 2 + 7
    answer = await asked(answering, START + 60.0 * (points - 1))
    assert [form["query"] for form in forms] == ["up"] * 3
    (series,) = answer.series
    assert np.array_equal(series.times, START + 60.0 * np.arange(points))


@given(st.floats(1.0, 1e5), st.integers(1, 30_000))
def test_every_point_is_in_one_piece_and_none_is_too_long(step: float, points: int) -> None:
    cut = list(pieces(START, START + (points - 1) * step, step))
    held = [round((last - first) / step) + 1 for first, last in cut]
    assert sum(held) == points
    assert max(held) <= 11_000
    ends = [first for first, _ in cut[1:]]
    assert all(after > last for after, (_, last) in zip(ends, cut, strict=False))


async def test_the_token_is_asked_for_each_time() -> None:
    seen: list[str | None] = []
    tokens = iter(("first", "second"))

    async def answering(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers.get("Authorization"))
        return web.json_response(matrix())

    await asked(answering, START + 60.0 * MOST_POINTS, token=lambda: next(tokens))
    assert seen == ["Bearer first", "Bearer second"]
    await asked(answering)
    assert seen[-1] is None


async def test_a_token_that_cannot_be_read_is_no_silence_of_the_server() -> None:
    def gone() -> str:
        raise FileNotFoundError("token")

    async def answering(_: web.Request) -> web.StreamResponse:
        raise AssertionError("nothing is sent without the token")

    with pytest.raises(QueryError, match=r"the token of .* cannot be read"):
        await asked(answering, token=gone)


async def test_a_redirect_is_not_followed() -> None:
    async def answering(_: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/base/api/v1/query_range")

    with pytest.raises(QueryError, match="HTTP 302") as caught:
        await asked(answering)
    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("status", "body", "words", "retryable"),
    [
        (400, {"status": "error", "error": "parse error"}, "parse error", False),
        (422, {"status": "error", "error": "too many samples"}, "too many samples", False),
        (503, {"status": "error", "error": "query timed out"}, "query timed out", True),
        (502, "<html>", "HTTP 502", True),
        (401, "", "token", False),
        (403, "no", "token", False),
        (404, "404 page not found", "before /api/v1", False),
    ],
)  # fmt: skip
async def test_a_refusal_is_told_in_the_servers_words(
    status: int, body: Any, words: str, retryable: bool
) -> None:
    error = await refused(body, status)
    assert words in str(error)
    assert error.retryable is retryable


@pytest.mark.parametrize(
    "body",
    [
        "", "[]", "{", '"\udcff"', "null", "{}",
        {"status": "success"},
        {"status": "success", "data": {"resultType": "vector", "result": []}},
        {"status": "success", "data": {"resultType": "matrix", "result": {}}},
        matrix({"metric": {}, "values": [[1]]}),
    ],
)  # fmt: skip
async def test_what_is_no_answer_of_a_prometheus(body: Any) -> None:
    text = body if not isinstance(body, str) else body.encode("utf-8", "replace").decode()
    assert "no answer of a Prometheus" in str(await refused(text))


async def test_an_error_with_status_200() -> None:
    assert "out of memory" in str(await refused({"status": "error", "error": "out of memory"}))


async def test_native_histograms_are_not_taken_for_numbers() -> None:
    series = {"metric": {}, "histograms": [[1.0, {"count": "1", "sum": "2"}]]}
    assert "histogram_quantile" in str(await refused(matrix(series)))


async def test_a_long_answer_is_not_read_to_its_end() -> None:
    async def answering(_: web.Request) -> web.StreamResponse:
        return web.json_response(matrix(one(*((float(i), "1") for i in range(200)))))

    with pytest.raises(QueryError, match="longer than 1,000 bytes"):
        await asked(answering, longest=1000)


async def test_too_many_series_are_refused() -> None:
    many = [one((1.0, "1"), job=str(number)) for number in range(MOST_SERIES + 1)]
    assert "fewer labels" in str(await refused(matrix(*many)))
    assert len((await said(matrix(*many[1:]))).series) == MOST_SERIES


async def test_a_server_that_is_silent() -> None:
    async with Prometheus("http://127.0.0.1:9", timeout=2.0) as client:
        with pytest.raises(QueryError, match="does not answer") as caught:
            await client.range("up", START, START, 60.0)
    assert caught.value.retryable
