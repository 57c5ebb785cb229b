"""The hours that the scan reads, against histograms merged by hand."""

from collections.abc import Iterator

import numpy as np
import pytest

from perfd.jobs.cells import CellReader
from perfd.model.batch import Batch
from perfd.model.histogram import EMPTY, Histogram
from perfd.model.series import (
    CPU_TIME,
    HOST_CPU,
    MEMORY,
    METRIC_REQUESTS,
    REQUESTS,
    STEADY,
    WARMUP,
    Series,
)
from perfd.model.window import Gauge, Window
from perfd.store.memory import MemoryStore
from perfd.store.settings import StoreSettings
from tests.fakes import CountingMeter

START = 1_700_006_400.0 + 20 * 3600.0  # the cells reach over midnight
PLACE = {"service": "shop", "environment": "prod"}


def _store(windows: list[Window], gauges: list[Gauge], pace: float = 1.0) -> MemoryStore:
    store = MemoryStore(StoreSettings(), pace=pace, meter=CountingMeter())
    store.append(Batch(tuple(windows), tuple(gauges)))
    return store


def _window(at: float, values: np.ndarray, errors: int = 0, **labels: str) -> Window:
    of = {**PLACE, "version": "1", "operation": "GET /", "status": "2xx", "phase": STEADY, **labels}
    name = of.pop("name", REQUESTS)
    return Window(Series.of(name, **of), at, 60.0, len(values), errors, Histogram.of(values))


def _minutes(rng: np.random.Generator, hours: int) -> Iterator[Window]:
    for minute in range(0, hours * 60, 10):
        at = START + 60.0 * minute
        for status, version in (("2xx", "1"), ("5xx", "1"), ("2xx", "2")):
            values = np.exp(rng.normal(-3.0, 0.5, 40))
            errors = len(values) if status == "5xx" else 0
            yield _window(at, values, errors, status=status, version=version)


def test_a_cell_is_what_one_histogram_of_its_hour_says() -> None:
    windows = list(_minutes(np.random.default_rng(1), 6))
    reader = CellReader(_store(windows, []), 1.0)
    levels = reader.levels("shop", "prod", START + 6 * 3600.0, cells=6)
    rates = reader.rates("shop", "prod", START + 6 * 3600.0, cells=6)
    assert [s.metric for s in levels.subjects] == [
        "latency.mean", "latency.p50", "latency.p95", "latency.p99",
    ]  # fmt: skip
    assert (levels.start, levels.width, levels.end) == (START, 3600.0, START + 6 * 3600.0)
    for cell in range(6):
        merged = EMPTY
        for window in windows:
            if START + cell * 3600.0 <= window.start < START + (cell + 1) * 3600.0:
                merged = merged.merge(window.histogram)
        assert levels.first[0, cell] == pytest.approx(np.exp(merged.mean_log))
        assert levels.first[1, cell] == pytest.approx(merged.quantile(0.50))
        assert levels.first[2, cell] == pytest.approx(merged.quantile(0.95))
        assert levels.first[3, cell] == pytest.approx(merged.quantile(0.99))
        assert (rates.first[0, cell], rates.second[0, cell]) == (240.0, 720.0)


def test_an_hour_that_is_not_over_is_left_out_and_an_empty_one_is_nothing() -> None:
    windows = list(_minutes(np.random.default_rng(2), 3))
    reader = CellReader(_store(windows, []), 1.0)
    levels = reader.levels("shop", "prod", START + 2 * 3600.0 + 1800.0, cells=5)
    assert levels.end == START + 2 * 3600.0
    assert np.isfinite(levels.first[0]).tolist() == [False, False, False, True, True]
    assert np.isfinite(levels.second[0]).tolist() == [False, False, False, True, True]


def test_a_quantile_of_few_requests_is_left_out() -> None:
    values = np.exp(np.random.default_rng(3).normal(-3.0, 0.5, 120))
    reader = CellReader(_store([_window(START, values)], []), 1.0)
    levels = reader.levels("shop", "prod", START + 3600.0, cells=1)
    assert np.isfinite(levels.first[:, 0]).tolist() == [True, True, True, False]
    assert levels.second[:, 0].tolist() == [120.0] * 4


def test_warm_up_and_other_services_do_not_count() -> None:
    values = np.full(50, 0.1)
    windows = [
        _window(START, values),
        _window(START, values, phase=WARMUP),
        _window(START, values, service="other"),
    ]
    reader = CellReader(_store(windows, []), 1.0)
    assert reader.services() == [("other", "prod"), ("shop", "prod")]
    assert reader.rates("shop", "prod", START + 3600.0, cells=1).second[0, 0] == 50.0


def test_cpu_is_that_of_the_versions_whose_requests_are_known() -> None:
    values = np.full(100, 0.1)
    windows = [_window(START, values), _window(START, values, version="2")]
    spent = {"1": 5.0, "3": 7.0}
    gauges = [
        Gauge.single(
            Series.of(CPU_TIME, **PLACE, version=v, instance="a", phase=STEADY), START, 60.0, s
        )
        for v, s in spent.items()
    ]
    levels = CellReader(_store(windows, gauges), 1.0).levels("shop", "prod", START + 3600.0, 1)
    at = [s.metric for s in levels.subjects].index("cpu_per_request")
    assert (levels.first[at, 0], levels.second[at, 0]) == (0.05, 100.0)
    assert levels.subjects[at].operation == ""


def test_the_metric_speaks_where_spans_are_sampled_and_its_quantiles_are_not_believed() -> None:
    rng = np.random.default_rng(4)
    values = np.exp(rng.normal(-3.0, 0.5, 1000))
    windows = [
        _window(START, values[:100]),
        _window(START, values, name=METRIC_REQUESTS, buckets="0.1"),
        _window(START, values, operation="process order"),
    ]
    levels = CellReader(_store(windows, []), 1.0).levels("shop", "prod", START + 3600.0, cells=1)
    told = {(s.operation, s.metric): levels.first[i, 0] for i, s in enumerate(levels.subjects)}
    assert told["GET /", "latency.mean"] == pytest.approx(values.mean())
    assert told["process order", "latency.mean"] == pytest.approx(np.exp(np.log(values).mean()))
    assert ("GET /", "latency.p95") not in told
    assert ("process order", "latency.p95") in told


def test_resources_are_read_by_host_and_memory_by_service() -> None:
    gauges = []
    for minute in range(120):
        at = START + 60.0 * minute
        gauges.append(Gauge.single(Series.of(HOST_CPU, host="node-1"), at, 60.0, 0.5))
        for number, instance in enumerate(("a", "b")):
            of = Series.of(MEMORY, **PLACE, version="1", instance=instance)
            gauges.append(Gauge.single(of, at, 60.0, 100.0 + 100.0 * number))
        if minute < 90:  # the second hour was read for half of it
            of = Series.of("host.disk.write", host="node-1")
            gauges.append(Gauge.single(of, at, 60.0, 10.0))
    held = CellReader(_store([], gauges), 1.0).gauges(START + 7200.0, cells=2)
    told = {(s.service, s.operation, s.metric): held.first[i] for i, s in enumerate(held.subjects)}
    assert told["shop", "", "memory"].tolist() == [150.0, 150.0]
    assert told["", "node-1", "host.cpu.utilization"].tolist() == [0.5, 0.5]
    assert told["", "node-1", "host.disk.write"][0] == 600.0
    assert np.isnan(told["", "node-1", "host.disk.write"][1])


def test_a_resource_that_is_mostly_zero_is_no_level() -> None:
    series = Series.of("container.cpu.throttled.time", container="c")
    gauges = [
        Gauge.single(series, START + 3600.0 * hour, 60.0, float(hour % 4 == 0)) for hour in range(8)
    ]
    assert len(CellReader(_store([], gauges), 1.0).gauges(START + 8 * 3600.0, cells=8)) == 0


@pytest.mark.parametrize("pace", [7.0, 60.0])
def test_pace_divides_the_cells(pace: float) -> None:
    width = 3600.0 / pace
    first = round(START / width) * width
    windows = [
        Window(w.series, first + i * width, 60.0 / pace, w.count, w.errors, w.histogram)
        for i in range(5)
        for w in [_window(0.0, np.full(20, 0.01 * (i + 1)))]
    ]
    reader = CellReader(_store(windows, [], pace), pace)
    levels = reader.levels("shop", "prod", first + 5 * width + 0.01, cells=5)
    assert levels.first[0] == pytest.approx([0.01, 0.02, 0.03, 0.04, 0.05])
