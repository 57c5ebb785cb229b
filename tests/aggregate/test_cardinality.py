"""The cap: bounded, fair to what is real, and totals stay right."""

from hypothesis import given, settings
from hypothesis import strategies as st

from perfd.aggregate.cardinality import Cap, Cardinality
from perfd.aggregate.settings import AggregateSettings
from perfd.model.series import INSTANCE_REQUESTS, OVERFLOW, REQUESTS, Resource
from tests.aggregate.sent import INTERNAL, NOW, Perfd, named, resource_of, span, total


def counts(windows, label, name=REQUESTS):
    found = {}
    for window in named(windows, name):
        value = window.series.label[label]
        found[value] = found.get(value, 0) + window.count
    return found


def test_operations_beyond_the_cap_are_counted_together():
    perfd = Perfd(max_series_per_service=3)
    perfd.spans([span(f"job-{i % 10}", kind=INTERNAL, error=i % 10 == 9) for i in range(100)])
    windows = perfd.take().windows
    assert counts(windows, "operation") == {"job-0": 10, "job-1": 10, "job-2": 10, OVERFLOW: 70}
    assert total(named(windows, REQUESTS)) == (100, 10, 100)
    assert perfd.meter.total("perfd_overflowed_items", signal="traces") == 70


def test_nothing_real_is_pushed_out_by_a_flood():
    perfd = Perfd(max_series_per_service=5)
    perfd.spans([span("real", kind=INTERNAL)])
    perfd.spans([span(f"flood {i}", kind=INTERNAL) for i in range(3_000)])
    perfd.spans([span("real", kind=INTERNAL)])
    found = counts(perfd.take().windows, "operation")
    assert found["real"] == 2
    assert sum(found.values()) == 3_002
    assert len(found) == 6


def test_a_new_version_is_not_crowded_out_by_the_old_one():
    perfd = Perfd(max_series_per_service=3)
    for version in ("1.0.0", "1.1.0"):
        resource = resource_of() | {"service.version": version}
        perfd.spans([span(f"job-{i}", kind=INTERNAL) for i in range(3)], resource)
    assert OVERFLOW not in counts(perfd.take().windows, "operation")


def test_versions_instances_and_services_are_capped_too():
    perfd = Perfd(max_services=3, max_versions_per_service=2, max_series_per_service=2)
    for i in range(5):
        perfd.spans([span("a")], resource_of(f"service-{i}"))
        perfd.spans([span("a")], resource_of("service-0") | {"service.version": f"v{i}"})
        perfd.spans([span("a")], resource_of("service-1", service_instance_id=f"pod-{i}"))
    windows = perfd.take().windows
    assert counts(windows, "service") == {
        "service-0": 6,
        "service-1": 6,
        "service-2": 1,
        OVERFLOW: 2,
    }
    assert counts([w for w in windows if w.series.label["service"] == "service-0"], "version") == {
        "1.0.0": 1,
        "v0": 1,
        OVERFLOW: 4,
    }
    ones = [w for w in windows if w.series.label["service"] == "service-1"]
    assert counts(ones, "instance", INSTANCE_REQUESTS) == {"unknown": 1, "pod-0": 1, OVERFLOW: 4}


def test_one_service_may_take_a_quarter_of_all():
    cardinality = Cardinality(AggregateSettings(max_series=40, max_series_per_service=500))
    hog = cardinality.resource(Resource("hog"), NOW)
    admitted = [cardinality.operation(hog, f"o{i}", NOW) for i in range(100)]
    assert admitted.count(OVERFLOW) == 91  # nine operations and one instance
    other = cardinality.resource(Resource("other"), NOW)
    assert cardinality.operation(other, "o", NOW) == "o"


def test_an_idle_name_gives_its_place_away_after_an_hour_and_not_before():
    cap = Cap((2,), idle=3600.0)
    assert cap.admit(("a",), NOW)
    assert cap.admit(("b",), NOW + 1_000.0)
    assert not cap.admit(("c",), NOW + 3_500.0)
    assert cap.admit(("c",), NOW + 3_601.0)
    assert not cap.admit(("a",), NOW + 3_602.0)
    assert cap.admit(("b",), NOW + 3_603.0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 30)), max_size=200))
def test_a_cap_holds_in_every_scope(names):
    cap = Cap((12, 5), idle=1e9)
    held = [(str(a), str(b)) for a, b in names if cap.admit((str(a), str(b)), NOW)]
    assert len(set(held)) == len(cap) <= 12
    for scope in range(5):
        assert len({key for key in held if key[0] == str(scope)}) <= 5
    assert all(cap.admit(key, NOW) for key in held)  # once in, always in


def test_memory_stays_flat_under_many_names():
    """The open windows, the memo and the caps are all that could grow."""
    perfd = Perfd(max_series_per_service=20)
    for burst in range(20):
        perfd.spans([span(f"n {burst} {i}", kind=INTERNAL) for i in range(250)])
        windows = perfd.take().windows
        assert len(named(windows, REQUESTS)) <= 21
        assert total(named(windows, REQUESTS))[0] == 250
