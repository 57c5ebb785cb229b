"""What is read around a change that the scan found."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from perfd.detect.around.case import Change
from perfd.detect.scan.table import GAUGE, LEVEL, Subject
from perfd.detect.settings import DetectSettings
from perfd.jobs.scan_case import DAY, HOUR, ScanCaseReader
from perfd.model.batch import Batch
from perfd.model.histogram import Histogram
from perfd.model.series import CPU_TIME, INSTANCE_REQUESTS, METRIC_REQUESTS, REQUESTS, Series
from perfd.model.window import Gauge, Window
from perfd.store.memory import MemoryStore
from perfd.store.settings import StoreSettings
from tests.fakes import CountingMeter

START = 1_700_006_400.0
PLACE = {"service": "shop", "environment": "test"}
LABELS = {**PLACE, "version": "1", "phase": "steady"}
HELD = Histogram.of([0.1, 0.2])


def windows(pace: float, hours: range, count: int = 2) -> Iterator[Window]:
    series = Series.of(REQUESTS, **LABELS, operation="GET /a", status="ok")
    other = Series.of(REQUESTS, **{**LABELS, "service": "cart"}, operation="GET /b", status="ok")
    own = Series.of(INSTANCE_REQUESTS, **LABELS, instance="i")
    for hour in hours:
        at = START + hour * HOUR / pace
        for one in (series, other, own):
            yield Window(one, at, HOUR / pace / 60.0, count, 0, HELD)


def filled(pace: float, *parts: Window | Gauge) -> MemoryStore:
    store = MemoryStore(StoreSettings(), pace=pace, meter=CountingMeter())
    gauges = tuple(p for p in parts if isinstance(p, Gauge))
    store.append(Batch(tuple(p for p in parts if isinstance(p, Window)), gauges))
    return store


def change(pace: float, kind: str = LEVEL, service: str = "shop") -> Change:
    about = Subject(service, "test", "GET /a", "latency.mean", "s", Series.of(REQUESTS), kind)
    at = START + 200 * HOUR / pace
    width = HOUR / pace
    return Change(about, at, (at - width, at + width), 0.1, at + 12 * width)


@pytest.mark.parametrize("pace", [1.0, 60.0])
def test_a_week_before_and_all_after(pace: float) -> None:
    store = filled(pace, *windows(pace, range(220)))
    end = START + 220 * HOUR / pace
    case = ScanCaseReader(store, DetectSettings(), pace).read(change(pace), end)
    width = HOUR / pace
    assert case.before == pytest.approx((START + 31 * width, START + 199 * width))
    assert case.after == pytest.approx((START + 202 * width, end))
    assert case.before[1] - case.before[0] == pytest.approx(7 * DAY / pace)
    assert {w.series.label["service"] for w in case.requests} == {"shop"}
    assert len(case.requests) == len(case.instances) == 220 - 31
    assert [len(case.earlier[days]) for days in (7.0, 14.0)] == [220 - 168, 0]


def test_the_metric_speaks_for_sampled_spans() -> None:
    counted = Series.of(METRIC_REQUESTS, **LABELS, operation="GET /a", status="ok")
    metric = (Window(counted, START + hour * HOUR, 60.0, 200, 0, HELD) for hour in range(150, 220))
    spans = windows(1.0, range(150, 220))
    case = ScanCaseReader(filled(1.0, *metric, *spans), DetectSettings(), 1.0).read(
        change(1.0), START + 220 * HOUR
    )
    assert case.by_metric
    assert {w.series.name for w in case.requests} == {METRIC_REQUESTS}
    assert len(case.unspoken) == 70


def test_cpu_and_a_subject_without_a_service() -> None:
    spent = Gauge.single(Series.of(CPU_TIME, **LABELS, instance="i"), START + 190 * HOUR, 60.0, 3.0)
    reader = ScanCaseReader(filled(1.0, spent), DetectSettings(), 1.0)
    end = START + 220 * HOUR
    assert [g.total for g in reader.read(change(1.0), end).cpu] == [3.0]
    assert reader.read(change(1.0, GAUGE, ""), end).cpu == ()
