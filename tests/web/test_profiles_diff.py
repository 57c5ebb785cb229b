"""GET profiles/diff: what two stretches of profiles hold, in cost per request."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from aiohttp.test_utils import TestClient, TestServer

from perfd.model.batch import Batch
from perfd.model.histogram import Histogram
from perfd.model.profile import PROFILE, Function, ProfileWindow, Symbols, Weight
from perfd.model.series import INSTANCE_REQUESTS, Series
from perfd.model.times import to_rfc3339
from perfd.model.window import Window
from perfd.web.api_profiles import ProfileDiffRecord
from tests.web.world import DEPLOYED, NOW, World, empty_world

MAIN = Function("main", "shop/app.py")
RULES = Function("apply_rules", "shop/pricing.py", 48)
CACHE = Function("cached_rules", "shop/pricing.py", 33)
MILLISECOND = 1_000_000
REQUESTS_A_MINUTE = 600


def profiled(*, requests: bool = True) -> World:
    """An hour of profiles: `apply_rules` takes over from `cached_rules` with 1.1.0."""
    world = empty_world()
    symbols = Symbols()
    rules, cache = symbols.intern((MAIN, RULES)), symbols.intern((MAIN, CACHE))
    profiles, windows = [], []
    for minute in range(60, 0, -1):
        at = NOW - minute * 60.0
        new = at >= DEPLOYED
        # 100 samples a second of 10 ms each: 600 ms of CPU a minute before, 1,800 ms after.
        weights = {rules: Weight(1800 * MILLISECOND, 180)} if new else {
            cache: Weight(300 * MILLISECOND, 30), rules: Weight(300 * MILLISECOND, 30)
        }  # fmt: skip
        labels = {"service": "pricing", "version": "1.1.0" if new else "1.0.0", "environment": "e"}
        series = Series.of(PROFILE, type="process_cpu:cpu", phase="steady", **labels)
        profiles.append(ProfileWindow(series, at, 60.0, "nanoseconds", weights, 60.0, 4))
        counted = Series.of(INSTANCE_REQUESTS, instance="i", phase="steady", **labels)
        windows.append(Window(counted, at, 60.0, REQUESTS_A_MINUTE, 0, Histogram()))
    batch = Batch(
        windows=tuple(windows) if requests else (), profiles=tuple(profiles), symbols=symbols
    )
    world.store.append(batch)
    return world


def asked(**changes: str) -> dict[str, str]:
    start, middle, end = (to_rfc3339(at) for at in (NOW - 3600, DEPLOYED, NOW))
    return {
        "service": "pricing", "before": f"{start}/{middle}", "after": f"{middle}/{end}",
    } | changes  # fmt: skip


async def get(world: World, **changes: str) -> tuple[int, Any]:
    async with TestClient(TestServer(world.app())) as client:
        answer = await client.get("/api/v1/profiles/diff", params=asked(**changes))
        return answer.status, await answer.json()


async def test_costs_are_per_request() -> None:
    status, found = await get(profiled())
    assert status == 200
    diff = msgspec.convert(found, ProfileDiffRecord)
    assert (diff.unit, diff.per) == ("s", "request")
    assert diff.before.cost == pytest.approx(0.6 / REQUESTS_A_MINUTE)
    assert diff.after.cost == pytest.approx(1.8 / REQUESTS_A_MINUTE)
    first = diff.functions[0]
    assert first.function == "apply_rules"
    assert (first.self_.before, first.self_.after) == (0.5, 1.0)
    assert first.cost.delta == pytest.approx(1.5 / REQUESTS_A_MINUTE)
    assert first.cost.ci[0] < first.cost.delta < first.cost.ci[1]  # type: ignore[operator]
    cached = next(f for f in diff.functions if f.function == "cached_rules")
    assert (cached.self_.after, cached.samples.after) == (0.0, 0)


async def test_nodes_add_up_to_the_cost_of_each_side() -> None:
    diff = msgspec.convert((await get(profiled()))[1], ProfileDiffRecord)
    assert sum(node.before for node in diff.nodes) == pytest.approx(diff.before.cost)
    assert sum(node.after for node in diff.nodes) == pytest.approx(diff.after.cost)
    assert diff.nodes[0].parent == -1


async def test_a_version_chooses_its_profiles() -> None:
    whole = f"{to_rfc3339(NOW - 3600)}/{to_rfc3339(NOW)}"
    status, found = await get(
        profiled(), before=whole, after=whole, before_version="1.0.0", after_version="1.1.0"
    )
    assert status == 200
    assert found["after"]["cost"] == pytest.approx(1.8 / REQUESTS_A_MINUTE)


async def test_without_requests_costs_are_per_second() -> None:
    _, found = await get(profiled(requests=False))
    assert found["per"] == "second"
    assert found["after"]["cost"] == pytest.approx(1.8 / 60)


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"service": "none"}, 404, "'before'"),
        ({"after_version": "9"}, 404, "'after'"),
        ({"type": "memory"}, 404, "memory"),
        ({"before": "yesterday"}, 400, "FROM/TO"),
        ({"before": "2026-05-01T13:00:00Z/2026-05-01T12:00:00Z"}, 400, "end after it begins"),
        ({"before": "2025-05-01T13:00:00Z/2026-05-01T12:00:00Z"}, 400, "31 days"),
        ({"service": ""}, 400, "service"),
    ],
)
async def test_what_cannot_be_compared_is_said(
    changes: dict[str, str], status: int, words: str
) -> None:
    code, found = await get(profiled(), **changes)
    assert code == status
    assert words in found["error"]["message"]
