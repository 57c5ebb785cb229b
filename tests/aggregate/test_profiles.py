import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfd.aggregate.profiles import Bounds, ProfileAggregate
from perfd.aggregate.settings import AggregateSettings
from perfd.aggregate.stack_table import OTHER, Room, StackTable
from perfd.aggregate.warmup import Warmup
from perfd.model.profile import ROOT, Function, Profile, ProfileWindow, Sample, Stack, Symbols
from perfd.model.series import OVERFLOW, STEADY, WARMUP, Resource
from tests.fakes import CountingMeter

NOW = 1_700_000_040.0  # a whole minute
SHOP = Resource("shop", "1.0", "prod", "shop-1")


def stack(path: str) -> Stack:
    return tuple(Function(name, "app.py") for name in path.split(";"))


def upload(
    *samples: tuple[str, int],
    at: float = NOW,
    seconds: float = 10.0,
    resource: Resource = SHOP,
    type: str = "process_cpu:cpu",
    unit: str = "nanoseconds",
    cumulative: bool = True,
) -> Profile:
    """An upload whose midpoint is `at`; samples are paths and milliseconds."""
    taken = tuple(Sample(stack(path), ms * 1_000_000, ms // 10) for path, ms in samples)
    start = at - seconds / 2
    return Profile(resource, type, unit, start, seconds, taken, cumulative, items=len(samples) or 1)


class Rig:
    def __init__(
        self,
        minute: float = 60.0,
        bounds: Bounds = Bounds(),  # noqa: B008
        **settings: int,
    ) -> None:
        self.meter = CountingMeter()
        self.warmup = Warmup(1000, self.meter)
        self.aggregate = ProfileAggregate(
            AggregateSettings(**settings),
            minute=minute,
            warmup=self.warmup,
            meter=self.meter,
            bounds=bounds,
        )

    def add(self, *profiles: Profile, now: float = NOW) -> int:
        return self.aggregate.add(profiles, now)

    def steady(self, *profiles: Profile, now: float = NOW) -> int:
        for profile in profiles:
            self.warmup.seen(profile.resource, profile.start - 20.0)
        return self.add(*profiles, now=now)

    def take(self) -> tuple[list[ProfileWindow], Symbols]:
        windows, symbols = self.aggregate.take()
        return sorted(windows, key=lambda w: (w.start, w.series.labels)), symbols

    def dropped(self, reason: str) -> float:
        return self.meter.total("perfd_dropped_items", signal="profiles", reason=reason)


def paths(window: ProfileWindow, symbols: Symbols) -> dict[str, int]:
    return {
        ";".join(f.name for f in symbols.stack(leaf)): weight.value // 1_000_000
        for leaf, weight in window.weights.items()
    }


def test_uploads_of_a_minute_are_one_window() -> None:
    rig = Rig()
    first = upload(("main;work", 300), ("main;idle", 100), at=NOW + 5)
    second = upload(("main;work", 200), at=NOW + 15)
    assert rig.steady(first, second) == 3
    (window,), symbols = rig.take()
    assert paths(window, symbols) == {"main;work": 500, "main;idle": 100}
    assert (window.start, window.width, window.unit) == (NOW, 60.0, "nanoseconds")
    assert (window.duration, window.uploads) == (20.0, 2)
    assert sum(w.hits for w in window.weights.values()) == 60
    assert dict(window.series.labels) == {
        "service": "shop",
        "version": "1.0",
        "environment": "prod",
        "type": "process_cpu:cpu",
        "phase": STEADY,
    }


def test_an_upload_belongs_to_the_window_of_its_midpoint() -> None:
    rig = Rig()
    rig.steady(upload(("f", 10), at=NOW - 0.1), upload(("g", 10), at=NOW + 0.1))
    windows, symbols = rig.take()
    assert [(w.start, paths(w, symbols)) for w in windows] == [
        (NOW - 60.0, {"f": 10}),
        (NOW, {"g": 10}),
    ]


def test_pace_makes_windows_narrower() -> None:
    rig = Rig(minute=1.0)
    rig.steady(upload(("f", 10), at=NOW + 0.5), upload(("f", 10), at=NOW + 1.5))
    windows, _ = rig.take()
    assert [(w.start, w.width) for w in windows] == [(NOW, 1.0), (NOW + 1.0, 1.0)]


def test_a_take_brings_only_what_came_since_the_last_with_its_whole_dictionary() -> None:
    rig = Rig()
    rig.steady(upload(("main;work", 10)))
    rig.take()
    assert rig.take() == ([], Symbols())
    rig.steady(upload(("main;work", 20)))
    (window,), symbols = rig.take()
    assert paths(window, symbols) == {"main;work": 20}


def test_an_upload_without_samples_still_tells_that_time_was_profiled() -> None:
    rig = Rig()
    assert rig.steady(upload()) == 1
    (window,), _ = rig.take()
    assert (window.duration, window.uploads, dict(window.weights)) == (10.0, 1, {})


def test_instant_profiles_say_over_how_many_uploads_to_average() -> None:
    rig = Rig()
    heap = {"type": "memory:inuse_space", "unit": "bytes", "cumulative": False}
    rig.steady(upload(("f", 10), **heap), upload(("f", 30), **heap))
    (window,), symbols = rig.take()
    assert not window.cumulative
    assert paths(window, symbols)["f"] / window.uploads == 20


def test_the_first_twenty_seconds_of_an_instance_are_warm_up() -> None:
    rig = Rig()
    for seconds in (5, 15, 25, 35):
        rig.add(upload(("f", 10), at=NOW + seconds))
    windows, symbols = rig.take()
    assert {w.series.label["phase"]: paths(w, symbols)["f"] for w in windows} == {
        WARMUP: 20,
        STEADY: 20,
    }


def test_a_second_instance_of_a_warm_service_warms_up_too() -> None:
    rig = Rig()
    rig.steady(upload(("f", 10)))
    rig.add(upload(("f", 10), resource=Resource("shop", "1.0", "prod", "shop-2")))
    assert {w.series.label["phase"] for w in rig.take()[0]} == {STEADY, WARMUP}


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (NOW - 7200.0, "late"),
        (NOW + 1000.0, "future"),
        (-1e300, "late"),
        (1e300, "future"),
    ],
)
def test_what_is_too_old_or_not_yet_is_dropped_and_counted(at: float, reason: str) -> None:
    rig = Rig()
    assert rig.add(upload(("f", 10), ("g", 10), at=at)) == 0
    assert rig.dropped(reason) == 2
    assert rig.take()[0] == []


def test_a_late_upload_does_not_make_its_instance_look_old() -> None:
    rig = Rig()
    rig.add(upload(("f", 10), at=NOW - 9000.0))
    rig.add(upload(("f", 10)))
    assert rig.take()[0][0].series.label["phase"] == WARMUP


def test_a_type_that_changes_its_unit_is_dropped() -> None:
    rig = Rig()
    assert rig.steady(upload(("f", 10)), upload(("f", 10), unit="bananas")) == 1
    assert rig.dropped("unit") == 1


def test_types_without_end_are_dropped() -> None:
    rig = Rig()
    taken = rig.steady(*(upload(("f", 10), type=f"x:{n}") for n in range(40)))
    assert (taken, rig.dropped("types")) == (32, 8)


def test_versions_without_end_share_one_series() -> None:
    rig = Rig(max_versions_per_service=3)
    uploads = [upload(("f", 10), resource=Resource("shop", f"{n}", "prod")) for n in range(10)]
    assert rig.steady(*uploads) == 10
    windows, symbols = rig.take()
    assert {w.series.label["version"] for w in windows} == {"0", "1", "2", OVERFLOW}
    assert sum(sum(paths(w, symbols).values()) for w in windows) == 100


def test_a_full_table_folds_the_rest_of_a_stack_into_its_caller() -> None:
    table = StackTable(2, Room(100))
    kept, fits = table.intern(stack("main;work"))
    assert fits
    folded = [table.intern(stack(path)) for path in ("main;work;deep;er", "main;idle", "boot")]
    symbols = Symbols()
    for leaf, fits in [(kept, True), *folded]:
        table.describe(leaf, symbols)
        assert fits == (leaf == kept)
    assert [";".join(f.name for f in symbols.stack(leaf)) for leaf, _ in folded] == [
        f"main;work;{OVERFLOW}",
        f"main;{OVERFLOW}",
        OVERFLOW,
    ]


def test_tables_share_one_room() -> None:
    room = Room(3)
    StackTable(100, room).intern(stack("a;b"))
    second = StackTable(100, room)
    assert second.intern(stack("a"))[1]
    assert not second.intern(stack("b"))[1]


def test_too_many_open_stacks_are_one_and_totals_stay_right() -> None:
    rig = Rig(bounds=Bounds(open_stacks=5))
    rig.steady(upload(*((f"f{n}", 10) for n in range(20))))
    (window,), symbols = rig.take()
    found = paths(window, symbols)
    assert found.pop(OTHER.name) == 150
    assert len(found) == 5
    assert rig.meter.total("perfd_overflowed_items", what="stacks") == 15


def test_room_is_given_back_every_hour() -> None:
    rig = Rig(bounds=Bounds(nodes=8))
    rig.steady(upload(*((f"old{n}", 10) for n in range(9))))
    rig.take()
    later = NOW + 3600.0
    rig.steady(upload(("new", 10), at=later), now=later)
    (window,), symbols = rig.take()
    assert paths(window, symbols) == {"new": 10}


PATHS = st.lists(st.sampled_from("abcd"), min_size=0, max_size=6).map(tuple)


@given(st.lists(st.tuples(PATHS, st.integers(1, 1000)), max_size=30), st.integers(0, 12))
def test_totals_are_right_whatever_the_room(samples: list, room: int) -> None:
    table = StackTable(room, Room(100))
    symbols = Symbols()
    total: dict[int, int] = {}
    for names, value in samples:
        leaf, fits = table.intern(tuple(Function(name, "") for name in names))
        table.describe(leaf, symbols)
        total[leaf] = total.get(leaf, 0) + value
        if fits:
            assert [f.name for f in symbols.stack(leaf)] == list(names)
    assert sum(total.values()) == sum(value for _, value in samples)
    assert all(leaf == ROOT or leaf in symbols.nodes for leaf in total)
    kept = [n for n in symbols.nodes.values() if symbols.functions[n.function] != OTHER]
    assert len(kept) <= room


def test_ids_are_those_of_the_vocabulary() -> None:
    table, symbols = StackTable(100, Room(100)), Symbols()
    path = stack("main;work;quote")
    assert table.intern(path)[0] == symbols.intern(path)
