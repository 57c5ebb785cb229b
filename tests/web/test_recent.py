"""The remembered hour says what the store says, however time goes on and whatever comes in."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from perfd.model.batch import Batch
from perfd.model.histogram import Histogram
from perfd.model.series import REQUESTS, Series
from perfd.model.window import Window
from perfd.store.memory import MemoryStore
from perfd.web.recent import Recent, reduced
from perfd.web.services import back
from tests.web.world import NOW, NothingLive, empty_world

Arrival = tuple[int, int]  # seconds after NOW, which operation


def window(at: float, operation: int, pace: float) -> Window:
    """Ten requests of one of a few operations, in the minute (divided by pace) that holds `at`."""
    width = 60.0 / pace
    series = Series.of(
        REQUESTS, service=f"s{operation % 2}", version="1", environment="e",
        operation=f"o{operation}", status="2xx", phase="steady",
    )  # fmt: skip
    start = round(at // width) * width
    return Window(series, start, width, 10, operation % 3, Histogram.of([0.1 * (operation + 1)]))


def counted(windows: list[Window]) -> Counter[tuple[str, float]]:
    counts: Counter[tuple[str, float]] = Counter()
    for found in windows:
        counts[found.series.label["service"], round(found.start, 3)] += found.count
    return counts


@given(
    pace=st.sampled_from([1.0, 2.0, 60.0]),
    arrivals=st.lists(st.tuples(st.integers(0, 600), st.integers(0, 4)), max_size=30),
    looks=st.lists(st.integers(0, 600), min_size=1, max_size=5),
)
def test_it_equals_the_store(pace: float, arrivals: list[Arrival], looks: list[int]) -> None:
    store = empty_world().store if pace == 1.0 else _store(pace)
    recent = Recent(store, NothingLive(), pace)
    seen = 0
    for look in sorted(looks):
        now = NOW + look
        due = sorted(arrivals)[seen:]
        fresh = [(at, operation) for at, operation in due if at <= look]
        seen += len(fresh)
        windows = tuple(window(NOW + at, operation, pace) for at, operation in fresh)
        store.append(Batch(windows=windows))
        span = back(now, pace)
        expected = counted(list(store.windows(REQUESTS, {}, span.start, span.end)))
        on_time = all(at > look - 30 for at, _ in fresh)
        if on_time:  # what comes to a minute that has settled is not asked for again
            assert counted(recent.windows(span)) == expected


def _store(pace: float) -> MemoryStore:
    from perfd.store.settings import StoreSettings
    from tests.fakes import CountingMeter

    return MemoryStore(StoreSettings(), pace=pace, meter=CountingMeter())


def test_operations_and_statuses_are_added_up() -> None:
    (one,) = reduced([window(NOW, 0, 1.0), window(NOW, 2, 1.0)])
    assert one.count == 20
    assert one.errors == 2
    assert one.histogram.count == 2
    assert dict(one.series.labels) == {
        "service": "s0", "version": "1", "environment": "e", "phase": "steady",
    }  # fmt: skip
