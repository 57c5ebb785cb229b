"""What every store must do. Subclass it and give a `store` fixture."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Callable

import pytest

from perfd.errors import BadInput
from perfd.interfaces import Store
from perfd.model.batch import AGENT, EVIDENCE, FINDING, TICKET, Batch, Document
from perfd.model.exemplar import ERROR, RANDOM, SLOWEST, Exemplar, SpanRecord
from perfd.model.histogram import Histogram
from perfd.model.partial import Partial
from perfd.model.profile import CPU_PROFILE, PROFILE, Function, ProfileWindow, Symbols, Weight
from perfd.model.series import CPU_TIME, REQUESTS, Series
from perfd.model.window import Gauge, Window
from perfd.store.settings import Retention, StoreSettings
from tests.fakes import CountingMeter

NOON = 1_699_999_200.0  # the start of an hour
DAY = 86_400.0
SETTINGS = StoreSettings(
    keep_stacks=1.0,
    retention=Retention(windows=10 * DAY, profiles=5 * DAY, resources=2 * DAY, exemplars=DAY),
)

Open = Callable[..., Store]


def series(operation: str = "GET /", version: str = "1.0.0") -> Series:
    return Series.of(REQUESTS, service="pricing", version=version, operation=operation)


def window(
    at: float,
    values: list[float],
    *,
    of: Series | None = None,
    errors: int = 0,
    width: float = 10.0,
    exemplars: tuple[Exemplar, ...] = (),
) -> Window:
    histogram = Histogram.of(values)
    return Window(of or series(), at, width, len(values), errors, histogram, exemplars)


def exemplar(trace: str, at: float, duration: float, reason: str = SLOWEST) -> Exemplar:
    span = SpanRecord("s", "", "pricing", "GET /", "server", at, duration, detail="GET /")
    return Exemplar(reason, duration, trace, "s", at, duration, reason == ERROR, (span,))


def profile(at: float, weights: dict[int, Weight], version: str = "1.0.0") -> ProfileWindow:
    of = Series.of(PROFILE, service="pricing", version=version, type=CPU_PROFILE)
    return ProfileWindow(of, at, 10.0, "nanoseconds", weights, duration=10.0, uploads=1)


def approximately(one: Window, other: Window) -> bool:
    """Equal but for the order in which floats were added."""
    a, b = one.histogram, other.histogram
    exact = (one.series, one.start, one.width, one.count, one.errors, a.zeros, a.count) == (
        other.series, other.start, other.width, other.count, other.errors, b.zeros, b.count
    )  # fmt: skip
    moments = [(a.total, b.total), (a.log_total, b.log_total), (a.log_square, b.log_square)]
    close = all(math.isclose(x, y, rel_tol=1e-12, abs_tol=1e-12) for x, y in moments)
    return exact and dict(a.buckets) == dict(b.buckets) and close


class StoreContract:
    """Each test speaks of one promise of interfaces.Store."""

    @pytest.fixture
    def meter(self) -> CountingMeter:
        return CountingMeter()

    @pytest.fixture
    def open_store(self) -> Open:
        raise NotImplementedError

    @pytest.fixture
    def store(self, open_store: Open) -> Store:
        return open_store()

    # --- windows ----------------------------------------------------------------------------------

    def test_increments_of_a_minute_become_one_window(self, store: Store) -> None:
        store.append(Batch(windows=(window(NOON, [0.1, 0.2], errors=1),)))
        store.append(Batch(windows=(window(NOON + 50, [0.4]), window(NOON + 60, [0.8]))))
        first, second = store.windows(REQUESTS, {}, NOON, NOON + 120)
        whole = Window(series(), NOON, 60.0, 3, 1, Histogram.of([0.1, 0.2, 0.4]))
        assert approximately(first, whole)
        assert (second.start, second.width, second.count) == (NOON + 60, 60.0, 1)

    def test_moments_come_back_exactly(self, store: Store) -> None:
        histogram = Histogram({-130: 2, 7: 1}, 1, 4, 0.1 + 0.2, -1.1 / 3, 2.2 / 7)
        store.append(Batch(windows=(Window(series(), NOON, 10.0, 9, 0, histogram),)))
        self.pack(store)
        (stored,) = store.windows(REQUESTS, {}, NOON, NOON + 60)
        assert stored.histogram == histogram
        assert stored.count == 9  # more than were measured

    def test_a_window_belongs_to_the_interval_that_holds_its_start(self, store: Store) -> None:
        store.append(Batch(windows=tuple(window(NOON + 60 * i, [1.0]) for i in range(5))))
        found = store.windows(REQUESTS, {}, NOON + 60, NOON + 240)
        assert [w.start - NOON for w in found] == [60, 120, 180]
        assert [w.start - NOON for w in store.windows(REQUESTS, {}, NOON + 1, NOON + 61)] == [60]
        assert not store.windows(REQUESTS, {}, NOON + 300, NOON)

    def test_all_of_time_may_be_asked_for(self, store: Store) -> None:
        store.append(Batch(windows=(window(NOON, [1.0]),)))
        assert len(store.windows(REQUESTS, {}, -math.inf, math.inf)) == 1

    def test_windows_are_ordered_by_series_and_start(self, store: Store) -> None:
        names = ("b", "a", "c")
        store.append(
            Batch(
                windows=tuple(
                    window(NOON + 60 * i, [1.0], of=series(n)) for n in names for i in (1, 0)
                )
            )
        )
        found = store.windows(REQUESTS, {"service": "pricing"}, NOON, NOON + 120)
        order = [(w.series.label["operation"], w.start - NOON) for w in found]
        assert order == [(n, s) for n in ("a", "b", "c") for s in (0, 60)]

    def test_labels_select(self, store: Store) -> None:
        for version in ("1.0.0", "1.1.0"):
            store.append(Batch(windows=(window(NOON, [1.0], of=series("GET /", version)),)))
        labels = {"service": "pricing", "version": "1.1.0"}
        assert [w.series for w in store.windows(REQUESTS, labels, NOON, NOON + 60)] == [
            series("GET /", "1.1.0")
        ]
        assert not store.windows(REQUESTS, {"service": "other"}, NOON, NOON + 60)
        assert not store.windows("other", {}, NOON, NOON + 60)

    def test_a_step_merges_whole_minutes(self, store: Store) -> None:
        store.append(Batch(windows=tuple(window(NOON + 60 * i, [0.5, 2.0]) for i in range(7))))
        merged = store.windows(REQUESTS, {}, NOON, NOON + 420, step=300)
        assert [(w.start - NOON, w.width, w.count) for w in merged] == [(0, 300, 10), (300, 300, 4)]
        assert merged[1].histogram == Histogram.of([0.5, 2.0] * 2)

    def test_a_step_reaches_across_packed_and_hot_hours(self, store: Store) -> None:
        store.append(Batch(windows=tuple(window(NOON + 60 * i, [0.5]) for i in range(240))))
        store.maintain(NOON + 4 * 3600)
        merged = store.windows(REQUESTS, {}, NOON, NOON + 4 * 3600, step=7200)
        assert [(w.start - NOON, w.count) for w in merged] == [(0, 120), (7200, 120)]

    def test_packing_changes_no_answer(self, store: Store) -> None:
        windows = tuple(
            window(NOON + 60 * i, [0.001 * (i + 1), 3.0, 0.0], of=series(n), errors=i % 2)
            for n in ("a", "b")
            for i in range(0, 200, 3)
        )
        store.append(Batch(windows=windows))
        before = store.windows(REQUESTS, {}, NOON, NOON + DAY)
        self.pack(store)
        assert list(store.windows(REQUESTS, {}, NOON, NOON + DAY)) == list(before)

    def test_late_increments_are_counted_and_change_nothing(
        self, store: Store, meter: CountingMeter
    ) -> None:
        store.append(Batch(windows=(window(NOON, [1.0]),)))
        self.pack(store)
        late = window(NOON, [2.0], exemplars=(exemplar("t", NOON, 2.0),))
        store.append(Batch(windows=(late, window(NOON + 4 * 3600, [1.0])), log_position=5))
        assert [w.count for w in store.windows(REQUESTS, {}, NOON, NOON + DAY)] == [1, 1]
        assert not store.exemplars(REQUESTS, {}, NOON, NOON + DAY)
        assert store.log_position() == 5
        dropped = meter.total("perfd_dropped_items", stage="store", signal="windows", reason="late")
        assert dropped == 1

    def test_increments_before_any_maintenance_are_not_late(self, store: Store) -> None:
        """A replay after a long stop brings what was acknowledged before it."""
        store.append(Batch(windows=(window(NOON - 3 * DAY, [1.0]),)))
        assert len(store.windows(REQUESTS, {}, NOON - 4 * DAY, NOON)) == 1

    def test_windows_expire_by_the_hour(self, store: Store) -> None:
        store.append(Batch(windows=tuple(window(NOON + 3600 * i, [1.0]) for i in range(3))))
        self.settle(store, NOON + 10 * DAY + 3600)
        found = store.windows(REQUESTS, {}, NOON, NOON + DAY)
        assert [w.start - NOON for w in found] == [3600, 7200]

    # --- series -----------------------------------------------------------------------------------

    def test_series_are_those_with_rows(self, store: Store) -> None:
        store.append(Batch(windows=(window(NOON, [1.0], of=series("old")),)))
        store.append(Batch(windows=(window(NOON + 5 * DAY, [1.0], of=series("new")),)))
        assert list(store.series(REQUESTS)) == [series("new"), series("old")]
        assert list(store.series(REQUESTS, {"operation": "old"})) == [series("old")]
        self.settle(store, NOON + 12 * DAY)
        assert list(store.series(REQUESTS)) == [series("new")]

    def test_a_series_may_hold_anything_in_its_labels(self, store: Store) -> None:
        strange = Series.of(
            REQUESTS, service="a\x00b\x1f", operation="日本 'quoted' \"\\;--", version=""
        )
        store.append(Batch(windows=(window(NOON, [1.0], of=strange),)))
        self.pack(store)
        assert list(store.series(REQUESTS)) == [strange]
        assert [w.series for w in store.windows(REQUESTS, strange.label, NOON, NOON + 60)] == [
            strange
        ]

    # --- exemplars --------------------------------------------------------------------------------

    def test_exemplars_are_the_best_of_the_hour(self, store: Store) -> None:
        for i, reason in enumerate((SLOWEST, ERROR, RANDOM) * 8):
            one = exemplar(f"t{i}", NOON + 60 * i, 0.1 * i, reason)
            store.append(Batch(windows=(window(NOON + 60 * i, [0.1], exemplars=(one,)),)))
        (found,) = store.exemplars(REQUESTS, {}, NOON, NOON + 3600)
        assert (found.count, found.histogram.count) == (0, 0)
        traces = {e.trace_id for e in found.exemplars}
        assert traces == {"t18", "t21", "t19", "t22", "t14", "t17", "t20", "t23"}
        assert found.exemplars[0].spans[0].detail == "GET /"
        assert all(not w.exemplars for w in store.windows(REQUESTS, {}, NOON, NOON + 3600))

    def test_exemplars_of_an_interval_began_in_it(self, store: Store) -> None:
        for i in range(2):
            one = exemplar(f"t{i}", NOON + 1200 * i, 0.1)
            store.append(Batch(windows=(window(one.start, [0.1], exemplars=(one,)),)))
        (found,) = store.exemplars(REQUESTS, {}, NOON + 1200, NOON + 1260)
        assert [e.trace_id for e in found.exemplars] == ["t1"]
        assert not store.exemplars(REQUESTS, {}, NOON + 1260, NOON + 3600)

    def test_exemplars_expire_before_their_windows(self, store: Store) -> None:
        one = exemplar("t", NOON, 0.1)
        store.append(Batch(windows=(window(NOON, [0.1], exemplars=(one,)),)))
        self.pack(store)
        assert store.exemplars(REQUESTS, {}, NOON, NOON + 3600)
        self.settle(store, NOON + DAY + 3600)
        assert not store.exemplars(REQUESTS, {}, NOON, NOON + 3600)
        assert store.windows(REQUESTS, {}, NOON, NOON + 3600)

    # --- gauges -----------------------------------------------------------------------------------

    def test_gauges_merge_and_expire(self, store: Store) -> None:
        of = Series.of(CPU_TIME, service="pricing", instance="a")
        readings = [
            Gauge.single(of, NOON + 10 * i, 10.0, value) for i, value in enumerate([3.0, 1.0, 2.0])
        ]
        store.append(Batch(gauges=(*readings, Gauge.single(of, NOON + 60, 10.0, 0.1))))
        expected = [
            Gauge(of, NOON, 60.0, 3, 6.0, 1.0, 3.0),
            Gauge(of, NOON + 60, 60.0, 1, 0.1, 0.1, 0.1),
        ]
        assert list(store.gauges(CPU_TIME, {}, NOON, NOON + 120)) == expected
        self.pack(store)
        assert list(store.gauges(CPU_TIME, {}, NOON, NOON + 120)) == expected
        (hourly,) = store.gauges(CPU_TIME, {}, NOON, NOON + 120, step=3600)
        assert (hourly.width, hourly.count, hourly.low, hourly.high) == (3600, 4, 0.1, 3.0)
        self.settle(store, NOON + 2 * DAY + 3600)
        assert not store.gauges(CPU_TIME, {}, NOON, NOON + DAY)

    # --- profiles ---------------------------------------------------------------------------------

    def test_profiles_keep_every_weight(self, store: Store) -> None:
        symbols = Symbols()
        a = symbols.intern((Function("main", "m.py", 1), Function("work", "w.py", 7)))
        b = symbols.intern((Function("main", "m.py", 1),))
        store.append(Batch(profiles=(profile(NOON, {a: Weight(30, 3)}),), symbols=symbols))
        store.append(Batch(profiles=(profile(NOON + 30, {a: Weight(10, 1), b: Weight(20, 2)}),)))
        (found,) = store.profiles({"service": "pricing"}, NOON, NOON + 600)
        assert found.weights == {a: Weight(40, 4), b: Weight(20, 2)}
        assert (found.duration, found.uploads, found.unit) == (20.0, 2, "nanoseconds")
        self.pack(store)
        (packed,) = store.profiles({"service": "pricing"}, NOON, NOON + 600)
        assert packed.weights == found.weights
        assert (packed.start, packed.duration, packed.uploads) == (NOON, 20.0, 2)

    def test_symbols_come_with_their_ancestors(self, store: Store) -> None:
        symbols = Symbols()
        stack = tuple(Function(f"f{i}", "m.py", i) for i in range(40))
        leaf = symbols.intern(stack)
        other = symbols.intern((Function("elsewhere", "n.py", 3),))
        store.append(Batch(symbols=symbols, profiles=(profile(NOON, {leaf: Weight(1, 1)}),)))
        found = store.symbols([leaf, 12345])
        assert found.stack(leaf) == stack
        assert other not in found.nodes
        assert len(found.nodes) == 40

    # --- own rows for others ----------------------------------------------------------------------

    def test_changed_rows_are_whole_partials_by_revision(self, store: Store) -> None:
        one = exemplar("t", NOON, 0.2)
        store.append(Batch(windows=(window(NOON, [0.1, 0.2], exemplars=(one,)),)))
        first = {p.revision for p in store.changed(-1, 100)}
        cpu = Gauge.single(Series.of(CPU_TIME, instance="a"), NOON, 10.0, 3.0)
        store.append(Batch(windows=(window(NOON + 10, [0.4]),), gauges=(cpu,)))
        assert len(first) == 1
        changed = store.changed(max(first), 100)
        (again,) = [p.item for p in changed if isinstance(p.item, Window)]
        assert approximately(
            again, Window(series(), NOON, 60.0, 3, 0, Histogram.of([0.1, 0.2, 0.4]))
        )
        assert [p.item for p in changed if isinstance(p.item, Gauge)] == [
            Gauge(cpu.series, NOON, 60.0, 1, 3.0, 3.0, 3.0)
        ]
        (shown,) = [
            p.item
            for p in store.changed(-1, 100)
            if isinstance(p.item, Window) and not p.item.count
        ]
        assert (shown.start, shown.exemplars) == (NOON, (one,))
        assert store.waiting(-1) == 3
        assert store.waiting(max(p.revision for p in changed)) == 0

    def test_changed_rows_come_in_whole_revisions(self, store: Store) -> None:
        for minute in range(4):
            several = tuple(
                window(NOON + 60 * minute, [0.1], of=series(n)) for n in ("a", "b", "c")
            )
            store.append(Batch(windows=several))
        revisions = [p.revision for p in store.changed(-1, 7)]
        assert revisions == sorted(revisions)
        assert len(revisions) == 6
        assert len(store.changed(-1, 1)) == 3, "one revision is never too many"
        assert len(store.changed(revisions[-1], 100)) == 6
        assert not store.changed(store.changed(-1, 100)[-1].revision, 100)

    def test_profiles_are_forwarded_with_every_stack(self, store: Store) -> None:
        symbols = Symbols()
        leaf = symbols.intern((Function("main", "m.py"), Function("work", "w.py")))
        sent = profile(NOON, {leaf: Weight(30, 3)})
        store.append(Batch(profiles=(sent,), symbols=symbols))
        (found,) = store.changed(-1, 10)
        assert isinstance(found.item, ProfileWindow)
        assert (found.item.weights, found.item.unit) == (sent.weights, "nanoseconds")

    # --- rows of others ---------------------------------------------------------------------------

    def test_readers_sum_over_writers(self, store: Store) -> None:
        store.append(Batch(windows=(window(NOON, [0.1], errors=1),)))
        for writer in (7, 8):
            store.absorb(writer, [Partial(1, window(NOON, [0.2, 0.4]))], Symbols(), [])
        (found,) = store.windows(REQUESTS, {}, NOON, NOON + 60)
        whole = Window(series(), NOON, 60.0, 5, 1, Histogram.of([0.1, 0.2, 0.4, 0.2, 0.4]))
        assert approximately(found, whole)
        self.pack(store)
        (found,) = store.windows(REQUESTS, {}, NOON, NOON + 60)
        assert approximately(found, whole)

    @pytest.mark.parametrize("packed", [False, True], ids=["hot", "packed"])
    def test_the_greatest_revision_of_a_row_stays(self, store: Store, packed: bool) -> None:
        def absorb(revision: int, *values: float, minute: int = 0) -> None:
            item = window(NOON + 60 * minute, list(values))
            store.absorb(7, [Partial(revision, item)], Symbols(), [])
            if packed:
                self.pack(store)

        absorb(5, 0.1, 0.2)
        absorb(4, 0.1)
        absorb(5, 0.1, 0.2)
        absorb(3, 0.3, minute=1)
        absorb(9, 0.1, 0.2, 0.4)
        absorb(8, 0.1, 0.2)
        absorb(2, 0.3, minute=1)
        found = store.windows(REQUESTS, {}, NOON, NOON + 120)
        assert [(w.start - NOON, w.count) for w in found] == [(0, 3), (60, 1)]

    def test_rows_of_days_ago_find_their_place(self, store: Store, meter: CountingMeter) -> None:
        store.append(Batch(windows=(window(NOON + 2 * DAY, [1.0]),)))
        self.settle(store, NOON + 2 * DAY)
        for minute in range(0, 180, 7):
            item = window(NOON + 60 * minute, [0.5])
            store.absorb(7, [Partial(minute + 1, item)], Symbols(), [])
            store.maintain(NOON + 2 * DAY)
        assert sum(w.count for w in store.windows(REQUESTS, {}, NOON, NOON + 3 * 3600)) == 26
        assert not meter.total("perfd_dropped_items")

    def test_gauges_exemplars_and_profiles_of_others(self, store: Store) -> None:
        symbols = Symbols()
        leaf = symbols.intern((Function("main", "m.py"), Function("work", "w.py")))
        cpu = Gauge(Series.of(CPU_TIME, instance="b"), NOON, 60.0, 2, 3.0, 1.0, 2.0)
        shown = Window(series(), NOON, 60.0, 0, 0, exemplars=(exemplar("t", NOON, 0.2),))
        rows = [
            Partial(1, cpu),
            Partial(1, shown),
            Partial(1, profile(NOON, {leaf: Weight(30, 3)})),
            Partial(2, profile(NOON + 60, {leaf: Weight(10, 1)})),
        ]
        for _ in range(2):
            store.absorb(7, rows, symbols, [])
            assert list(store.gauges(CPU_TIME, {}, NOON, NOON + 60)) == [cpu]
            (found,) = store.exemplars(REQUESTS, {}, NOON, NOON + 60)
            assert found.exemplars == shown.exemplars
            stacks = store.profiles({}, NOON, NOON + 600)
            assert sum(p.weights[leaf].value for p in stacks) == 40
            assert len(store.symbols([leaf]).nodes) == 2
            self.pack(store)

    def test_rows_of_others_come_with_documents(self, store: Store) -> None:
        store.absorb(7, [], Symbols(), [Document(AGENT, "7", 1, NOON, b"x")])
        assert store.document(AGENT, "7")

    def test_rows_of_others_are_not_own(self, store: Store) -> None:
        store.absorb(7, [Partial(1, window(NOON, [1.0]))], Symbols(), [])
        assert not store.changed(-1, 10)
        with pytest.raises(BadInput):
            store.absorb(store.writer, [], Symbols(), [])

    def test_rows_that_nobody_can_place_are_counted(
        self, store: Store, meter: CountingMeter
    ) -> None:
        large = Window(series(), NOON, 60.0, 1 << 60, 0)
        store.absorb(7, [Partial(1, window(-120.0, [1.0])), Partial(1, large)], Symbols(), [])
        assert not store.windows(REQUESTS, {}, -math.inf, math.inf)
        assert meter.total("perfd_dropped_items", stage="absorb", reason="time") == 1
        assert meter.total("perfd_dropped_items", stage="absorb", reason="overflow") == 1

    # --- the log position -------------------------------------------------------------------------

    def test_the_log_position_moves_with_the_batch(self, store: Store) -> None:
        assert store.log_position() == -1
        store.append(Batch(log_position=7))
        store.append(Batch(windows=(window(NOON, [1.0]),)))
        assert store.log_position() == 7

    # --- documents --------------------------------------------------------------------------------

    def test_the_greater_revision_wins(self, store: Store) -> None:
        store.put([Document(TICKET, "a", 5, NOON, b"five")])
        store.put(
            [Document(TICKET, "a", 4, NOON, b"four"), Document(TICKET, "b", 1, NOON - 1, b"")]
        )
        assert store.document(TICKET, "a") == Document(TICKET, "a", 5, NOON, b"five")
        store.put([Document(TICKET, "a", 6, NOON + 1, b"six")])
        assert [d.body for d in store.documents(TICKET)] == [b"", b"six"]
        assert [d.id for d in store.documents(TICKET, since=NOON)] == ["a"]
        assert store.document(FINDING, "a") is None

    def test_revisions_grow(self, store: Store) -> None:
        given = [store.next_revision() for _ in range(100)]
        assert given == sorted(set(given))

    def test_documents_expire_by_kind(self, store: Store) -> None:
        store.put([Document(kind, "a", 1, NOON, b"x") for kind in (TICKET, FINDING, EVIDENCE)])
        self.settle(store, NOON + 91 * DAY)
        assert not store.documents(FINDING)
        assert store.document(EVIDENCE, "a")
        self.settle(store, NOON + 401 * DAY)
        assert not store.documents(EVIDENCE)
        assert store.document(TICKET, "a")

    # --- pace -------------------------------------------------------------------------------------

    @pytest.mark.parametrize("pace", [7.0, 60.0, 100.0])
    def test_minutes_shorter_than_a_minute(self, open_store: Open, pace: float) -> None:
        store = open_store(pace=pace)
        minute, base = 60 / pace, 10 / pace
        first = round(NOON / minute)
        starts = [round(first * 6 + i) * base for i in range(6 * 200)]
        store.append(Batch(windows=tuple(window(s, [1.0], width=base) for s in starts)))
        self.settle(store, NOON + 240 * minute)
        found = store.windows(REQUESTS, {}, first * minute, (first + 200) * minute)
        assert [w.count for w in found] == [6] * 200
        assert [w.start for w in found] == [(first + i) * minute for i in range(200)]
        halves = store.windows(REQUESTS, {}, 0, NOON * 2, step=100 * minute)
        assert sum(w.count for w in halves) == 1200

    # --- threads and the end ----------------------------------------------------------------------

    def test_readers_never_see_half_a_batch(self, store: Store) -> None:
        names = [f"op{i}" for i in range(4)]
        seen: list[set[int]] = []
        done = threading.Event()

        def read() -> None:
            while not done.is_set():
                counts: Counter[Series] = Counter()
                for found in store.windows(REQUESTS, {}, NOON, NOON + 4 * 3600):
                    counts[found.series] += found.count
                seen.append(set(counts.values()))

        threads = [threading.Thread(target=read) for _ in range(2)]
        for thread in threads:
            thread.start()
        for i in range(30):
            at = NOON + 60 * (i % 3)
            store.append(Batch(windows=tuple(window(at, [1.0], of=series(n)) for n in names)))
            if i == 20:
                self.pack(store)
                store.append(
                    Batch(
                        windows=tuple(window(NOON + 3 * 3600, [1.0], of=series(n)) for n in names)
                    )
                )
        done.set()
        for thread in threads:
            thread.join()
        assert all(len(counts) <= 1 for counts in seen)

    def test_it_may_be_closed_twice(self, store: Store) -> None:
        store.close()
        store.close()

    # --- words of this suite ----------------------------------------------------------------------

    def settle(self, store: Store, now: float) -> None:
        """Maintain until there is nothing left to do at `now`: far more steps than hours stored."""
        for _ in range(40):
            store.maintain(now)

    def pack(self, store: Store) -> None:
        """Let the first hours after NOON leave the hot horizon."""
        self.settle(store, NOON + 4 * 3600)
