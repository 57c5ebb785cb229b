"""An agent's store: what waits for the centre stays as it was written, within a bound."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from perfd.clock import ManualClock
from perfd.model.batch import Batch
from perfd.model.histogram import Histogram
from perfd.model.partial import Partial
from perfd.model.profile import Function, Symbols, Weight
from perfd.model.series import REQUESTS, Series
from perfd.model.window import Window
from perfd.store.settings import StoreSettings
from perfd.store.sqlite import SqliteStore
from tests.contracts.store_contract import profile
from tests.fakes import CountingMeter

NOON = 1_699_999_200.0
HOUR = 3600.0
MIB = 1 << 20
SERIES = Series.of(REQUESTS, service="shop")

Opened = Callable[..., SqliteStore]


@pytest.fixture
def meter() -> CountingMeter:
    return CountingMeter()


@pytest.fixture
def opened(tmp_path: Path, meter: CountingMeter) -> Iterator[Opened]:
    made: list[SqliteStore] = []

    def open_store(outbox: int | None = 256 * MIB) -> SqliteStore:
        path, settings = tmp_path / "perfd.db", StoreSettings()
        store = SqliteStore(
            path, settings, pace=1.0, clock=ManualClock(), meter=meter, outbox=outbox
        )
        made.append(store)
        return store

    yield open_store
    for store in made:
        store.close()


def window(at: float, values: int = 1) -> Window:
    return Window(SERIES, at, 10.0, values, 0, Histogram.of([0.1] * values))


def hours(store: SqliteStore, count: int) -> None:
    """One window in each of so many hours."""
    for hour in range(count):
        store.append(Batch(windows=(window(NOON + hour * HOUR),)))


def test_what_was_not_taken_stays_whole_for_days(opened: Opened) -> None:
    store = opened()
    hours(store, 72)
    for _ in range(200):
        store.maintain(NOON + 72 * HOUR)
    assert [p.item.start for p in store.changed(-1, 1000)] == [NOON + h * HOUR for h in range(72)]


def test_what_was_taken_is_let_go_once_it_is_old(opened: Opened) -> None:
    store = opened()
    hours(store, 6)
    rows = store.changed(-1, 1000)
    store.release(rows[4].revision)
    store.maintain(NOON + 6 * HOUR)
    kept = [p.item.start for p in store.changed(-1, 1000)]
    assert kept == [NOON + h * HOUR for h in (4, 5)], "the last hours may still take increments"


def test_a_part_is_never_taken_for_the_whole(opened: Opened, meter: CountingMeter) -> None:
    """What was let go takes no increment any more, also after a restart and before upkeep."""
    store = opened()
    hours(store, 6)
    store.release(store.changed(-1, 1000)[-1].revision)
    store.maintain(NOON + 6 * HOUR)
    store.close()
    store = opened()
    store.append(Batch(windows=(window(NOON), window(NOON + 5 * HOUR))))
    assert [p.item.start for p in store.changed(-1, 1000)] == [NOON + 4 * HOUR, NOON + 5 * HOUR]
    assert meter.total("perfd_dropped_items", stage="store", reason="late") == 1


def test_beyond_the_bound_the_oldest_hours_go_and_are_counted(
    opened: Opened, meter: CountingMeter
) -> None:
    store = opened(outbox=MIB)
    for hour in range(40):
        several = tuple(
            Window(Series.of(REQUESTS, operation=f"{n}"), NOON + hour * HOUR, 10.0, 200, 0,
                   Histogram(dict.fromkeys(range(200), 7), 0, 1400))
            for n in range(40)
        )  # fmt: skip
        store.append(Batch(windows=several))
        store.maintain(NOON + hour * HOUR)
    kept = store.changed(-1, 10_000)
    dropped = meter.total("perfd_dropped_items", stage="forward", reason="budget")
    assert dropped > 0
    assert len(kept) + dropped == 1600, "what is gone was counted"
    assert kept[-1].item.start == NOON + 39 * HOUR
    assert store._upkeep.used() < 2 * MIB


def test_the_present_hour_is_kept_whatever_the_bound(opened: Opened, meter: CountingMeter) -> None:
    store = opened(outbox=1)
    store.append(Batch(windows=(window(NOON),)))
    store.maintain(NOON + 600)
    assert len(store.changed(-1, 10)) == 1
    assert not meter.total("perfd_dropped_items")


def test_an_agent_that_becomes_a_perfd_of_its_own_packs_what_it_has(opened: Opened) -> None:
    store = opened()
    hours(store, 4)
    store.close()
    alone = opened(outbox=None)
    for _ in range(8):
        alone.maintain(NOON + 9 * HOUR)
    assert not alone.changed(-1, 10), "nothing is hot any more"
    assert sum(w.count for w in alone.windows(REQUESTS, {}, NOON, NOON + 9 * HOUR)) == 4


def test_a_profile_minute_that_was_packed_is_not_replaced_but_counted(
    opened: Opened, meter: CountingMeter
) -> None:
    symbols = Symbols()
    leaf = symbols.intern((Function("main", "m.py"),))
    centre = opened(outbox=None)
    centre.absorb(7, [Partial(5, profile(NOON, {leaf: Weight(30, 3)}))], symbols, [])
    for _ in range(8):
        centre.maintain(NOON + 9 * HOUR)
    later = [
        Partial(9, profile(NOON, {leaf: Weight(40, 4)})),
        Partial(3, profile(NOON + 60, {leaf: Weight(1, 1)})),
        Partial(5, profile(NOON, {leaf: Weight(30, 3)})),
    ]
    centre.absorb(7, later, symbols, [])
    (found,) = centre.profiles({}, NOON, NOON + 600)
    assert found.weights == {leaf: Weight(31, 4)}
    assert meter.total("perfd_dropped_items", stage="absorb", reason="packed") == 1
