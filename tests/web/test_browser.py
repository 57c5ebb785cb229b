"""The pages in a real browser: their own policy stops nothing, and the flame graph works."""

from __future__ import annotations

import os
import random

import pytest
from aiohttp.test_utils import TestServer

from tests.web.browser import CHROMIUM, Tab, chromium
from tests.web.world import ID, World, evidence, finding, put, shop

pytestmark = [
    pytest.mark.slow,
    pytest.mark.needs_package,
    pytest.mark.skipif(
        CHROMIUM is None and os.environ.get("CI") != "true", reason="needs the package chromium"
    ),
]

NODES = 20_000
# Milliseconds in which a frame of an animation would be noticed as late by anybody.
PATIENCE = 200


TIMED = """(async () => {
  const canvas = document.querySelector("canvas");
  const search = document.querySelector("[type=search]");
  const box = canvas.getBoundingClientRect();
  const place = { clientX: box.left + 300, clientY: box.top + 100 };
  const key = (key) => canvas.dispatchEvent(new KeyboardEvent("keydown", { key }));
  canvas.focus();
  search.value = "lookup";
  const acts = [
    () => document.querySelector("[data-side=before]").click(),
    () => document.querySelector("[data-side=after]").click(),
    () => key("ArrowDown"), () => key("ArrowDown"), () => key("Enter"), () => key("Escape"),
    () => search.dispatchEvent(new Event("input")),
    () => canvas.dispatchEvent(new MouseEvent("mousemove", place)),
  ];
  return acts.map((act) => {
    const start = performance.now();
    act();
    return performance.now() - start;
  });
})()"""


def world_of(nodes: int) -> World:
    world = shop()
    known = finding()
    put(world.store, evidence(random.Random(1), known.id, nodes), known.id, known.found_at)
    return world


async def reading(tab: Tab) -> str:
    return str(await tab.value("document.querySelector('.reading').textContent"))


async def focus(tab: Tab) -> None:
    await tab.value("document.querySelector('canvas').focus()")


@pytest.mark.parametrize("path", ["/", "/tickets", f"/tickets/{ID}", "/services/pricing", "/none"])
async def test_no_page_is_stopped_by_its_policy(path: str) -> None:
    async with TestServer(shop().app()) as server, chromium() as tab:
        await tab.open(str(server.make_url(path)))
        expected = [] if path != "/none" else [p for p in tab.problems if "404" in p]
        assert tab.problems == expected
        assert await tab.value("getComputedStyle(document.body).maxWidth") != "none"


async def test_the_flame_graph_by_keyboard_mouse_and_search() -> None:
    async with TestServer(world_of(400).app()) as server, chromium() as tab:
        await tab.open(str(server.make_url(f"/tickets/{ID}")))
        assert await tab.value("document.querySelector('.static').hidden")
        await focus(tab)
        assert (await reading(tab)).startswith("apply_rules ")  # what grew most, to begin with
        await tab.press("Home")
        assert (await reading(tab)).startswith("all ")
        names = []
        for _ in range(5):
            await tab.press("ArrowDown")
            names.append((await reading(tab)).split()[0])
        assert names == ["run", "_run_once", "handle_request", "quote", "apply_rules"]
        before = await tab.value("document.querySelector('canvas').toDataURL()")
        await tab.press("Enter")
        assert await tab.value("document.querySelector('canvas').toDataURL()") != before
        await tab.press("Escape")
        await tab.press("ArrowUp")
        assert (await reading(tab)).startswith("quote ")

        await tab.value("document.querySelector('[type=search]').value = 'cached_rules'")
        await tab.value("document.querySelector('[type=search]').dispatchEvent(new Event('input'))")
        found = await tab.value("document.querySelector('output').textContent")
        assert found.startswith("1 frame: 240 µs → 0 µs per request")

        assert not await pixels(tab, "cached_rules")  # it vanished: no width after
        await tab.value("document.querySelector('[data-side=before]').click()")
        assert await pixels(tab, "cached_rules")
        link = await tab.value("document.querySelector('.reading a')?.href")
        assert link == "https://code.example/pricing/1.1.0/shop/pricing.py#L1"
        assert tab.problems == []


async def pixels(tab: Tab, name: str) -> bool:
    """Whether the mouse finds a frame of that name anywhere on the canvas."""
    box = await tab.value(
        "(() => { const c = document.querySelector('canvas'); c.scrollIntoView();"
        "const b = c.getBoundingClientRect(); return [b.left, b.top, b.width, b.height] })()"
    )
    left, top, width, _ = box
    y = top + 5 * 19 + 9  # the row below `quote`
    for step in range(int(width / 2)):
        await tab.mouse(left + step * 2 + 1, y)
        if (await reading(tab)).startswith(f"{name} "):
            return True
    return False


async def test_twenty_thousand_nodes_draw_without_a_pause() -> None:
    async with TestServer(world_of(NODES).app()) as server, chromium() as tab:
        await tab.open(str(server.make_url(f"/tickets/{ID}")))
        times: list[float] = await tab.value(TIMED)
        print(f"flame graph of {NODES} nodes, ms:", [round(t, 1) for t in times])
        assert max(times) < PATIENCE
        assert tab.problems == []
