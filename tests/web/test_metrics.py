"""/metrics: what Grafana asks for, in a text that Prometheus' own checker accepts."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess

import pytest
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given
from hypothesis import strategies as st

from perfd.model.batch import Batch
from perfd.model.histogram import Histogram
from perfd.model.series import CPU_TIME, MEMORY, METRIC_REQUESTS, REQUESTS, Series
from perfd.model.window import Gauge, Window
from perfd.web.exposition import GAUGE, Family, render
from perfd.web.metrics import resource_families, service_families
from perfd.web.totals import BOUNDS, IDLE, MOST, ServiceTotals
from tests.web.world import DEPLOYED, ID, NOW, shop

PROMTOOL = shutil.which("promtool")
if PROMTOOL is None and os.environ.get("CI") == "true":
    pytest.fail("promtool is missing: install the package prometheus", pytrace=False)


def window(
    values: list[float], *, name: str = REQUESTS, errors: int = 0, at: float = NOW, **labels: str
) -> Window:
    known = {"service": "a", "version": "1", "environment": "prod", "operation": "GET /"} | labels
    series = Series.of(name, status="2xx", phase="steady", **known)
    return Window(series, at, 10.0, len(values), errors, Histogram.of(values))


def gauge(name: str, value: float, at: float = NOW, **labels: str) -> Gauge:
    return Gauge.single(Series.of(name, **labels), at, 10.0, value)


def text(totals: ServiceTotals, now: float = NOW) -> str:
    return render([*service_families(totals, now), *resource_families(totals, now)])


def samples(written: str) -> dict[str, float]:
    lines = (line.rpartition(" ") for line in written.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


async def scrape() -> str:
    world = shop()
    world.context.render_metrics = lambda: (
        b"# HELP perfd_up Works\n# TYPE perfd_up gauge\nperfd_up 1\n",
        "text/plain; version=0.0.4; charset=utf-8",
    )
    async with TestClient(TestServer(world.app())) as client:
        answer = await client.get("/metrics")
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        return await answer.text()


async def test_the_series_that_grafana_asks_for() -> None:
    found = samples(await scrape())
    names = {name.partition("{")[0] for name in found}
    assert names >= {
        "perfd_up", "perfd_service_requests_total", "perfd_service_errors_total",
        "perfd_service_request_duration_seconds_bucket", "perfd_service_cpu_seconds_total",
        "perfd_service_memory_bytes", "perfd_host_cpu_utilization_ratio", "perfd_ticket_info",
        "perfd_regression_detected_timestamp_seconds", "perfd_deploy_timestamp_seconds",
    }  # fmt: skip
    info = next(name for name in found if name.startswith("perfd_ticket_info"))
    assert f'id="{ID}"' in info
    assert f'url="http://127.0.0.1:4040/tickets/{ID}"' in info
    deploy = next(n for n in found if n.startswith("perfd_deploy") and '"pricing"' in n)
    assert found[deploy] == DEPLOYED


@pytest.mark.needs_package
@pytest.mark.skipif(PROMTOOL is None, reason="needs promtool (package prometheus)")
async def test_promtool_finds_no_fault() -> None:
    assert await asyncio.to_thread(_checked, await scrape()) == (0, "")


def _checked(metrics: str) -> tuple[int, str]:
    assert PROMTOOL is not None
    command = [PROMTOOL, "check", "metrics"]
    done = subprocess.run(command, input=metrics, text=True, capture_output=True, check=False)
    return done.returncode, done.stderr + done.stdout


@given(st.lists(st.lists(st.floats(0.0, 60.0), max_size=8), max_size=6))
def test_totals_are_the_sum_of_what_was_flushed(batches: list[list[float]]) -> None:
    totals = ServiceTotals()
    for values in batches:
        totals.add(Batch(windows=(window(values),)))
    values = [value for batch in batches for value in batch]
    found = samples(text(totals))
    labels = 'service="a",version="1",environment="prod",operation="GET /"'
    if not batches:
        return
    assert found[f"perfd_service_requests_total{{{labels}}}"] == len(values)
    buckets = [
        found[f'perfd_service_request_duration_seconds_bucket{{{labels},le="{bound:g}"}}']
        for bound in BOUNDS
    ]
    assert buckets == sorted(buckets)
    for bound, held in zip(BOUNDS, buckets, strict=True):
        # A bucket of scale 5 is 2.2 % wide; one that straddles a bound is counted above it.
        assert sum(v <= bound / 1.022 for v in values) <= held <= sum(v <= bound for v in values)
    count = found[f"perfd_service_request_duration_seconds_count{{{labels}}}"]
    assert found[f'perfd_service_request_duration_seconds_bucket{{{labels},le="+Inf"}}'] == count


def test_spans_and_the_metric_of_the_same_requests_are_not_added_up() -> None:
    totals = ServiceTotals()
    both = (window([0.1]), window([0.1], name=METRIC_REQUESTS))
    only = window([0.1, 0.2], name=METRIC_REQUESTS, service="metrics-only")
    totals.add(Batch(windows=(*both, only)))
    counts = {key[0]: operation.requests for key, operation in totals.operations().items()}
    assert counts == {"a": 1, "metrics-only": 2}


def test_cpu_seconds_outlive_their_process_and_memory_does_not() -> None:
    totals = ServiceTotals()
    labels = {"service": "a", "version": "1", "environment": "prod"}
    for instance, at in (("i1", NOW - 600), ("i2", NOW - 10)):
        cpu = gauge(CPU_TIME, 2.5, at, instance=instance, phase="steady", **labels)
        memory = gauge(MEMORY, 100.0, at, instance=instance, **labels)
        totals.add(Batch(gauges=(cpu, memory)))
    found = samples(text(totals))
    assert (
        found['perfd_service_cpu_seconds_total{service="a",version="1",environment="prod"}'] == 5.0
    )
    assert found['perfd_service_memory_bytes{service="a",version="1",environment="prod"}'] == 100.0


def test_operations_are_bounded_and_totals_stay_right() -> None:
    totals = ServiceTotals()
    many = tuple(window([], operation=f"GET /{n}") for n in range(MOST + 50))
    totals.add(Batch(windows=tuple(Window(w.series, w.start, w.width, 1, 0) for w in many)))
    operations = totals.operations()
    assert len(operations) == MOST + 1
    assert sum(operation.requests for operation in operations.values()) == MOST + 50
    totals.forget_idle(NOW + IDLE + 60)
    assert not totals.operations()


@pytest.mark.parametrize("hostile", ['a"b', "a\\", "a\nb", "\ud800", "{}", "a,b"])
def test_label_values_are_escaped(hostile: str) -> None:
    family = Family("perfd_x", GAUGE, "X")
    family.add(1, name=hostile)
    lines = render([family]).splitlines()
    assert len(lines) == 3
    assert lines[2].startswith('perfd_x{name="')
    assert lines[2].endswith('"} 1')


def test_a_family_without_a_sample_is_not_named() -> None:
    assert text(ServiceTotals()) == ""
