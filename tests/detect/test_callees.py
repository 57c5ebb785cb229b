"""The filter that sends a ticket to where the time was added, with its reason in words."""

from dataclasses import replace

from perfd.model.batch import Batch
from perfd.model.finding import Check, Finding
from perfd.model.histogram import Histogram
from perfd.model.series import CALLS, OWN_TIME, Series
from perfd.model.window import Window
from tests.detect.world import Version, World

OLD = Version("1.0.0")
SLOW = replace(OLD, name="1.1.0", latency=0.030, cpu=0.4)  # half as long again, by waiting
REQUESTS = 30  # put together each minute


def serve(world: World, minutes: int, version: Version, own: float, calls: float) -> None:
    """Serve, with so many seconds of own time, and calls of 10 ms (or longer) to a database.

    `calls` is their number per request.
    """
    labels = {"service": "pricing", "version": version.name, "environment": "test"}
    labels["operation"] = version.operation
    target = {"peer": "postgresql/shop", "call": "SELECT prices"}
    mean = version.latency * 1.133  # of a log-normal with this spread
    for _ in range(minutes):
        at, made = world.now, round(REQUESTS * calls)
        waited = (mean - own) * REQUESTS
        windows = (
            _window(Series.of(OWN_TIME, **labels), at, REQUESTS, own * REQUESTS),
            _window(Series.of(CALLS, **labels, **target), at, made, waited),
        )
        world.store.append(Batch(windows))
        world.run(1, version)


def _window(series: Series, at: float, count: int, seconds: float) -> Window:
    return Window(series, at, 60.0, count, 0, Histogram({}, count, count, seconds))


def callees(finding: Finding) -> Check:
    (check,) = [c for c in finding.checks if c.name == "callees"]
    return check


def test_what_a_database_adds_opens_nothing_and_is_a_finding_of_its_own() -> None:
    world = World()
    serve(world, 65, OLD, own=0.0127, calls=1.0)
    serve(world, 34, SLOW, own=0.0127, calls=1.0)
    assert world.opened == []
    found = [f for f in world.findings.values() if f.service == "pricing"]
    check = callees(found[0])
    assert not check.passed
    assert check.inputs["callee"] == "postgresql/shop"
    assert check.verdict == "11 ms are waiting for postgresql/shop, nothing was added here"
    (database,) = [f for f in world.findings.values() if f.service == "postgresql/shop"]
    assert not database.opened
    assert database.operation == "SELECT prices"
    assert database.reason == (
        "postgresql/shop answers slower: 10.0 ms before, 21 ms now for the same call; "
        "pricing waits 11 ms longer in each request"
    )


def test_more_of_the_same_calls_open_a_ticket() -> None:
    world = World()
    serve(world, 65, OLD, own=0.0127, calls=1.0)
    serve(world, 34, SLOW, own=0.0127, calls=2.14)
    (opened,) = world.opened
    assert callees(opened).verdict == (
        "11 ms a request were added here (+50 %); its callees are as fast as before"
    )


def test_without_calls_nothing_is_said_of_them() -> None:
    world = World()
    world.run(65, OLD)
    world.run(34, SLOW)
    (opened,) = world.opened
    assert "callees" not in {c.name for c in opened.checks}
