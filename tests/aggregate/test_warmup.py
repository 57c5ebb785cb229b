"""The first 20 s and 50 requests of an instance, and who is counted how."""

from collections import Counter

from perfd.aggregate.warmup import InstanceKey, Warmup
from perfd.model.series import CPU_TIME, INSTANCE_REQUESTS, MEMORY, REQUESTS, Resource, Series
from perfd.model.window import Reading
from tests.aggregate.sent import NOW, Perfd, named, resource_of, span
from tests.fakes import CountingMeter

LATER = NOW + 120.0  # when everything arrives
KEY = InstanceKey("shop", "1.0.0", "prod", "pod-1")


def phases(windows, name=REQUESTS):
    counts = {"steady": 0, "warmup": 0}
    for window in named(windows, name):
        counts[window.series.label["phase"]] += window.count
    return counts


def test_it_takes_both_the_seconds_and_the_requests():
    perfd = Perfd()
    perfd.spans([span(end=NOW + i * 0.1) for i in range(100)], now=LATER)  # 10 s
    assert phases(perfd.take().windows) == {"steady": 0, "warmup": 100}
    perfd.spans([span(end=NOW + 19.9), span(end=NOW + 20.0)], now=LATER)
    assert phases(perfd.take().windows) == {"steady": 1, "warmup": 1}

    slow = Perfd()
    slow.spans([span(end=NOW + i) for i in range(60)], now=LATER)  # one a second
    windows = slow.take().windows
    assert phases(windows, REQUESTS) == {"steady": 10, "warmup": 50}
    assert phases(windows, INSTANCE_REQUESTS) == {"steady": 10, "warmup": 50}


def test_the_fifty_first_request_is_the_first_steady_one():
    perfd = Perfd()
    perfd.spans([span(end=NOW)], now=LATER)
    perfd.spans([span(end=NOW + 25.0) for _ in range(60)], now=LATER)
    assert phases(perfd.take().windows) == {"steady": 11, "warmup": 50}


def test_each_instance_and_each_version_warms_up_for_itself():
    perfd = Perfd()
    old = resource_of(service_instance_id="pod")
    perfd.spans([span(end=NOW + i) for i in range(60)], old, now=LATER)
    perfd.take()
    perfd.spans([span(end=NOW + 100)], old, now=LATER)
    perfd.spans([span(end=NOW + 100)], old | {"service.version": "1.1.0"}, now=LATER)
    perfd.spans([span(end=NOW + 100)], old | {"service.instance.id": "other"}, now=LATER)
    windows = named(perfd.take().windows, REQUESTS)
    found = {(w.series.label["version"], w.series.label["phase"]): w.count for w in windows}
    assert found == {("1.0.0", "steady"): 1, ("1.0.0", "warmup"): 1, ("1.1.0", "warmup"): 1}


def test_pace_does_not_divide_it():
    perfd = Perfd(pace=60.0)
    perfd.spans([span(end=NOW + i / 5) for i in range(99)], now=NOW + 20.0)  # 19.6 s
    assert phases(perfd.take().windows) == {"steady": 0, "warmup": 99}


def test_a_span_that_comes_late_moves_the_beginning_back():
    warmup = Warmup(10, CountingMeter())
    warmup.seen(KEY, NOW)
    assert warmup.phase(KEY, NOW + 19.0) == "warmup"
    warmup.seen(KEY, NOW - 5.0)
    assert warmup.phase(KEY, NOW + 15.0) == "steady"


def test_without_requests_the_seconds_decide():
    warmup = Warmup(10, CountingMeter())
    assert warmup.phase(KEY, NOW) == "warmup"  # unknown
    warmup.seen(KEY, NOW)
    assert warmup.phase(KEY, NOW + 19.9) == "warmup"
    assert warmup.phase(KEY, NOW + 20.0) == "steady"
    warmup.split(KEY, [NOW + 30.0])
    assert warmup.phase(KEY, NOW + 40.0) == "warmup"  # it serves requests after all


def test_a_flood_of_instances_neither_evicts_nor_grows():
    meter = CountingMeter()
    warmup = Warmup(10, meter)
    warmup.split(KEY, [NOW + i for i in range(60)])
    for i in range(1_000):
        warmup.seen(KEY._replace(instance=f"made up {i}"), NOW + 60.0)
    assert len(warmup) == 10
    assert meter.total("perfd_evicted", what="instances") == 991
    assert warmup.phase(KEY, NOW + 60.0) == "steady"
    assert warmup.phase(KEY._replace(instance="made up 999"), NOW + 600.0) == "warmup"
    # An hour later the idle ones give their places away.
    assert warmup.seen(KEY._replace(instance="real"), NOW + 4_000.0) is not None


def test_a_resource_is_as_good_as_its_key():
    warmup = Warmup(10, CountingMeter())
    resource = Resource("shop", "1.0.0", "prod", "pod-1", (("process.pid", "7"),))
    warmup.seen(resource, NOW)
    assert warmup.phase(KEY, NOW + 21.0) == warmup.phase(resource, NOW + 21.0) == "steady"


def test_cpu_time_gets_the_phase_of_its_instance():
    perfd = Perfd()
    resource = resource_of(service_instance_id="pod-1") | {"deployment.environment.name": "prod"}
    perfd.spans([span(end=NOW + i) for i in range(60)], resource)
    series = Series.of(CPU_TIME, **KEY._asdict())
    host = Series.of("host.cpu.utilization", host="h")
    memory = Series.of(MEMORY, **KEY._asdict())
    # What was spent between 5 s and 65 s began in the warm-up.
    spent = ((5.0, 0.5), (65.0, 1.5), (75.0, 0.25))
    perfd.aggregator.add_readings([Reading(series, NOW + at, value) for at, value in spent])
    perfd.aggregator.add_readings([Reading(host, NOW, 0.25), Reading(memory, NOW, 1e6)])
    gauges: Counter[tuple[str, str | None]] = Counter()
    for gauge in perfd.take(NOW + 75).gauges:
        gauges[gauge.series.name, gauge.series.label.get("phase")] += gauge.total
    assert gauges == {
        (CPU_TIME, "warmup"): 2.0,
        (CPU_TIME, "steady"): 0.25,
        ("host.cpu.utilization", None): 0.25,
        (MEMORY, None): 1e6,
    }


def test_readings_of_one_minute_are_one_gauge():
    perfd = Perfd()
    series = Series.of("host.load.1m", host="h")
    minute = NOW - NOW % 60
    perfd.aggregator.add_readings([Reading(series, minute + s, float(s)) for s in (1, 11, 59, 61)])
    gauges = {g.start: (g.count, g.total, g.low, g.high) for g in perfd.take().gauges}
    assert gauges == {minute: (3, 71.0, 1.0, 59.0), minute + 60: (1, 61.0, 61.0, 61.0)}
