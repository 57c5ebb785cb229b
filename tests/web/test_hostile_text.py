"""Names come from telemetry: whatever they hold, a page keeps the tree of nodes of its template."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from perfd.model.batch import Batch
from perfd.model.finding import Check
from perfd.model.series import Series
from perfd.web.templating import json_script
from tests.web import world as shop
from tests.web.reading import Page, read

ATTACKS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</script><script>alert(1)</script>",
    "</title></svg><svg onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "<!--<script>",
    "\u2028\u202e\x00]]>&lt;",
]
# What decides how a page is built, and what is looked up by: no sender chooses these.
KEPT = {
    "id", "fingerprint", "finding_id", "finding_ids", "state", "kind", "trigger", "status",
    "metric", "unit", "event", "side", "reason", "source", "trace_id", "span_id", "parent_id",
    "phase",
}  # fmt: skip


def with_text(value: Any, text: str, name: str = "") -> Any:
    """The same record with `text` behind every string that a sender may choose."""
    if isinstance(value, Series):
        labels = {k: v if k in KEPT else v + text for k, v in value.labels}
        return Series.of(value.name, **labels)
    if isinstance(value, Check):
        inputs = {f"k{text}": f"v{text}"}
        return Check(value.name + text, value.passed, value.verdict + text, inputs)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [f.name for f in dataclasses.fields(value) if f.init]
        changed = {f: with_text(getattr(value, f), text, f) for f in fields if f not in KEPT}
        return dataclasses.replace(value, **changed)
    if isinstance(value, tuple):
        return tuple(with_text(inner, text, name) for inner in value)
    return value + text if type(value) is str else value


def hostile(text: str) -> shop.World:
    """A small shop all of whose names end in `text`."""
    made = shop.empty_world()
    rng = shop.random.Random(1)
    batch = Batch(windows=tuple(shop.traffic(rng, 4)), gauges=tuple(shop.resources(rng)[:40]))
    made.store.append(with_text(batch, text))
    for record, known, at in shop.documents(rng, 40):
        shop.put(made.store, with_text(record, text), known, at)
    return made


async def pages(text: str) -> list[Page]:
    made = hostile(text)
    async with TestClient(TestServer(made.app())) as client:
        overview = read(await (await client.get("/")).text())
        (service,) = {h for h in overview.links if h.startswith("/services/pricing")}
        paths = [service, "/tickets", f"/tickets/{shop.ID}"]
        answers = [await client.get(path) for path in paths]
        assert [answer.status for answer in answers] == [200, 200, 200]
        return [overview, *[read(await answer.text()) for answer in answers]]


def outside(page: Page) -> list[str]:
    return [href for href in page.links if not href.startswith(("/", "?", "#"))]


@pytest.fixture(scope="module")
def harmless() -> list[Page]:
    return asyncio.run(pages("plain"))


@pytest.mark.parametrize("attack", ATTACKS)
async def test_an_attack_stays_text(attack: str, harmless: list[Page]) -> None:
    for found, expected in zip(await pages(attack), harmless, strict=True):
        assert found.nodes == expected.nodes
        assert not found.inline
        assert all(href.startswith(("https://", "http://")) for href in outside(found))
        assert attack.split(maxsplit=1)[0].replace("\x00", "")[:4] in found.text.replace("\x00", "")


def built(page: Page) -> list[Any]:
    """The nodes but for labels of pictures: a name that is too long for its frame has none."""
    return [node for node in page.nodes if node[1] != "text"]


@pytest.mark.soak
@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@example(text="0" * 16)
@given(text=st.text(min_size=1, max_size=40).filter(lambda t: t.strip() == t))
def test_any_text_stays_text(text: str, harmless: list[Page]) -> None:
    for found, expected in zip(asyncio.run(pages(text)), harmless, strict=True):
        assert built(found) == built(expected)
        assert not found.inline


@given(st.recursive(st.text() | st.integers(-9, 9), lambda inner: st.lists(inner, max_size=3)))
def test_json_within_a_page_cannot_end_its_element(document: Any) -> None:
    text = json_script(document)
    assert not set("<>&") & set(text)
    assert json.loads(text) == document
