"""Two agents and a centre as processes: what the end of one must not do to the others."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.daemon import Running, running
from tests.e2e.pod import REQUESTS, Pod

BASELINE = 20.0 + 60.0 + 12.0  # warm-up, an hour at pace 60, and some spare
JUDGEMENT = (
    20.0 + 4 * 30.0 + 15.0 + 30.0
)  # warm-up, every look at pace 60, lateness, a slow machine
PACE = "pace: 60\n"


def wait_for(look: Callable[[], list[dict[str, Any]]], seconds: float) -> list[dict[str, Any]]:
    """Poll until `look` finds something; nothing when it does not."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.5)
    return []


def tickets(centre: Running) -> list[dict[str, Any]]:
    """What people would see: pending ones are not open yet."""
    found: list[dict[str, Any]] = centre.json("/api/v1/tickets")["tickets"]
    return [ticket for ticket in found if ticket["state"] not in {"pending", "dropped"}]


def pods(folder: Path, centre: Running, version: str, seconds: float) -> list[Pod]:
    """Two pods of a version, started."""
    made = [
        Pod(folder / f"{version}-{n}", centre.http, f"shop-{version}-{n}", version, seconds, PACE)
        for n in (1, 2)
    ]
    for pod in made:
        pod.start()
    return made


@pytest.mark.soak
@pytest.mark.slow
@pytest.mark.parametrize("killed", [False, True], ids=["calm", "centre killed"])
def test_two_agents_replaced_with_empty_disks_are_one_ticket(tmp_path: Path, killed: bool) -> None:
    home = tmp_path / "centre"
    home.mkdir()
    with running(home, PACE) as centre:
        old = pods(tmp_path, centre, "1.0.0", 0.020)
        time.sleep(BASELINE)
        for pod in old:
            pod.stop()
        new = pods(tmp_path, centre, "1.1.0", 0.032)
        try:
            time.sleep(15)
            if killed:
                centre.kill()
                time.sleep(4)
                centre.start()
            found = wait_for(lambda: tickets(centre), JUDGEMENT)
            assert found, centre.log()[-3000:]
            time.sleep(10)  # would a second one follow?
            (ticket,) = tickets(centre)
            states = {a["name"]: a["state"] for a in centre.json("/api/v1/agents")["agents"]}
        finally:
            for pod in new:
                pod.stop()
        assert (ticket["service"], ticket["trigger"]) == ("shop", "deploy")
        assert ticket["after"]["version"] == "1.1.0"
        assert ticket["effect"]["ratio"] == pytest.approx(1.6, rel=0.1)
        deploys = centre.json("/api/v1/deploys")["deploys"]
        assert [d["version"] for d in deploys if d["service"] == "shop"] == ["1.1.0"]
        assert states == {
            "shop-1.0.0-1": "stopped",
            "shop-1.0.0-2": "stopped",
            "shop-1.1.0-1": "live",
            "shop-1.1.0-2": "live",
        }
        assert sum(pod.refused for pod in old + new) == 0, "the agents never refused anything"
        assert centre.metric("perfd_dropped_items_total", stage="absorb") == 0


@pytest.mark.slow
def test_grpc_is_loaded_by_its_first_export_which_is_not_lost(tmp_path: Path) -> None:
    """OTLP's own exporter against an agent: its first try is turned away, and its second taken."""
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    with running(tmp_path, "forward: {url: 'http://127.0.0.1:9'}\n") as agent:
        exporter = OTLPSpanExporter(endpoint=f"http://{agent.otlp_grpc}", insecure=True)
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        for number in range(3):
            provider.get_tracer("test").start_span(f"request {number}").end()
        provider.shutdown()
        accepted = agent.metric("perfd_receiver_accepted_items_total", transport="grpc")
        assert accepted == 3, agent.log()


@pytest.mark.slow
def test_an_agent_outlives_its_centre_and_is_not_a_second_one(tmp_path: Path) -> None:
    """The centre is away, the agent is killed meanwhile; all that it acknowledged arrives once."""
    home = tmp_path / "centre"
    home.mkdir()
    centre = Running(home, PACE)
    pod = Pod(tmp_path / "pod", centre.http, "shop-1", "1.0.0", 0.02, PACE)
    sent = 0
    pod.agent.start()
    for turn in range(12):
        assert pod.export() == 200
        sent += REQUESTS
        if turn == 6:
            pod.agent.kill()
            pod.agent.start()
        time.sleep(0.2)
    assert pod.agent.get("/tickets")[0] == 404, "an agent has no pages"
    assert "nothing is forwarded for now" in pod.agent.log()
    centre.start()
    try:

        def counted() -> list[dict[str, Any]]:
            total = centre.metric("perfd_service_requests_total", service="shop")
            return [{"total": total}] if total >= sent else []

        assert wait_for(counted, 60), centre.get("/api/v1/agents")
        pod.stop()
        assert counted() == [{"total": sent}]
        (agent,) = centre.json("/api/v1/agents")["agents"]
        assert (agent["name"], agent["state"], agent["dropped"]) == ("shop-1", "stopped", 0)
    finally:
        assert centre.stop() == 0
