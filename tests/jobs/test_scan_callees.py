"""The order in which services are scanned."""

from hypothesis import given
from hypothesis import strategies as st

from perfd.jobs.scan_callees import callees, callees_first
from perfd.model.batch import Batch
from perfd.model.series import LINKS, Series
from perfd.model.window import Window
from perfd.store.memory import MemoryStore
from perfd.store.settings import StoreSettings
from tests.fakes import CountingMeter

NAMES = "abcdef"


def _store(calls: list[tuple[str, str]]) -> MemoryStore:
    store = MemoryStore(StoreSettings(), pace=1.0, meter=CountingMeter())
    windows = [
        Window(Series.of(LINKS, service=a, environment="prod", peer=b, callee=b), 6e4, 60.0, 1, 0)
        for a, b in calls
    ]
    store.append(Batch(tuple(windows)))
    return store


def test_callees_come_before_those_who_call_them() -> None:
    store = _store([("a", "b"), ("b", "c"), ("a", "d")])
    order = [name for name, _ in callees_first(store, [(n, "prod") for n in "abcd"])]
    assert order == ["c", "b", "d", "a"]
    assert callees(store, ("a", "prod")) == {("b", "prod"), ("d", "prod")}
    assert callees(store, ("a", "staging")) == frozenset()


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES))))
def test_every_service_is_there_once_also_in_circles(calls: list[tuple[str, str]]) -> None:
    places = [(name, "prod") for name in NAMES]
    assert sorted(callees_first(_store(calls), places)) == places
