"""Trends: what grows without a change of anything, and what only seems to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from perfd.model.batch import Batch
from perfd.model.finding import CONFIRMED, TREND, Finding
from perfd.model.series import CPU_SHARE, HOST_CPU, MEMORY, Series
from perfd.model.window import Gauge
from tests.scenarios.world import HOUR, MINUTE, Operation, World

MB = float(1 << 20)
DAYS = 3
Level = Callable[[np.ndarray], np.ndarray]  # by hours since three days ago


def shop(seed: int, *instances: str) -> World:
    """`pricing` with little traffic, and the processes that it has had for three days."""
    world = World(seed=seed, history=2.0 * HOUR)
    world.service("pricing", Operation(rate=0.2), instances=max(len(instances), 1))
    for name in instances:
        read(world, Series.of(CPU_SHARE, **process(name), host="node-1"), lambda t: 0.0 * t + 0.05)
    return world


def process(instance: str) -> dict[str, str]:
    place = {"service": "pricing", "version": "1.0.0", "environment": "prod"}
    return {**place, "instance": instance}


def read(world: World, series: Series, level: Level) -> None:
    """Readings of the last three days, every ten minutes."""
    draw = np.random.default_rng(series.id % 2**32)
    hours = np.arange(0.0, DAYS * 24.0, 1.0 / 6.0)
    values = level(hours) * (1.0 + 0.005 * draw.standard_normal(len(hours)))
    begin = world.now - DAYS * 24.0 * HOUR
    readings = zip(begin + hours * HOUR, values.tolist(), strict=True)
    gauges = [Gauge.single(series, float(at), MINUTE, value) for at, value in readings]
    world.store.append(Batch((), tuple(gauges)))


def found(world: World, hours: float = 1.0) -> list[Finding]:
    """After the looks at resources of so many hours."""
    world.run(hours=hours, minutes=5)
    assert world.tickets() == []
    return world.findings()


def test_a_leak_in_every_instance() -> None:
    """All processes of a version grow: one finding that names them and the day memory ends."""
    world = shop(901, "a", "b", "c")
    for number, name in enumerate("abc"):
        rate = (4.0 + 0.2 * number) * MB
        read(world, Series.of(MEMORY, **process(name)), lambda t, r=rate: 300.0 * MB + r * t)  # type: ignore[misc]
    free = Series.of("host.memory.available", host="node-1")
    read(world, free, lambda t: (4000.0 - 12.6 * t) * MB)
    used = Series.of("host.memory.used", host="node-1")
    read(world, used, lambda t: (60_000.0 + 12.6 * t) * MB)
    told = {finding.kind: finding for finding in found(world)}
    leak = told["leak"]
    assert leak.status == CONFIRMED
    assert leak.reason.startswith("c, b, a of 1.0.0 grow by 4."), leak.reason
    assert "host node-1 has" in leak.reason
    room = next(check for check in leak.checks if check.name == "room")
    hours = (4000.0 - 12.6 * 72.0) / 12.6
    assert float(room.inputs["early"]) <= hours <= float(room.inputs["late"])


def test_a_cache_that_fills_and_stops() -> None:
    """A process whose cache fills within a day and then stays: nothing to tell."""
    world = shop(902, "a", "b")
    for name in "ab":
        level = lambda t: (300.0 + 900.0 * (1.0 - np.exp(-t / 9.0))) * MB  # noqa: E731
        read(world, Series.of(MEMORY, **process(name)), level)
    assert found(world) == []


def test_garbage_that_is_collected() -> None:
    """Memory that goes up and down with the garbage collector: nothing to tell."""
    world = shop(903, "a")
    read(world, Series.of(MEMORY, **process("a")), lambda t: (300.0 + 150.0 * (t / 7.0 % 1.0)) * MB)
    assert found(world) == []


def test_one_process_among_three_grows() -> None:
    """One of three processes of a version grows: its users, and not the program; no leak."""
    world = shop(904, "a", "b", "c")
    for name, rate in (("a", 5.0), ("b", 0.0), ("c", 0.0)):
        level = lambda t, r=rate: (300.0 + r * t) * MB  # noqa: E731
        read(world, Series.of(MEMORY, **process(name)), level)
    assert found(world) == []


def test_a_host_whose_memory_fills() -> None:
    """A host's memory fills by one percent of it in two hours: a finding with the date."""
    world = shop(905, "a")
    whole = 16_000.0 * MB
    read(world, Series.of("host.memory.used", host="node-1"), lambda t: (0.3 + 0.005 * t) * whole)
    read(
        world,
        Series.of("host.memory.available", host="node-1"),
        lambda t: (0.7 - 0.005 * t) * whole,
    )
    (told,) = found(world)
    assert (told.kind, told.status, told.metric) == ("saturation", TREND, "host.memory.used")
    assert told.service == "pricing"
    date = next(check for check in told.checks if check.name == "date")
    assert float(date.inputs["early"]) <= 68.0 <= float(date.inputs["late"])


def test_a_batch_that_takes_all_cores_every_night() -> None:
    """All cores are busy from midnight to two, as on every night: nothing to tell."""
    world = shop(906, "a")
    read(world, Series.of(HOST_CPU, host="node-1"), lambda t: np.where(t % 24.0 < 2.0, 0.97, 0.3))
    world.host("node-1").gauges[HOST_CPU] = 0.97
    assert found(world, hours=2.0) == []


def test_a_host_that_has_no_core_left_since_an_hour() -> None:
    """A host that was never that busy has had no core to spare for an hour: a finding says so."""
    world = shop(907, "a")
    read(world, Series.of(HOST_CPU, host="node-1"), lambda t: 0.0 * t + 0.3)
    world.host("node-1").gauges[HOST_CPU] = 0.97
    (told,) = found(world, hours=2.0)
    assert (told.kind, told.status, told.metric) == ("saturation", CONFIRMED, HOST_CPU)
