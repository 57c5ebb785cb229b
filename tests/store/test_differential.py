"""Both stores, given the same in any order and split, packed and reopened at any time, agree."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from perfd.clock import ManualClock
from perfd.model.batch import FINDING, TICKET, Batch, Document
from perfd.model.exemplar import ERROR, RANDOM, SLOWEST, Exemplar
from perfd.model.histogram import Histogram
from perfd.model.profile import PROFILE, Function, ProfileWindow, Symbols, Weight
from perfd.model.series import CPU_TIME, REQUESTS, Series
from perfd.model.window import Gauge, Window
from perfd.store.memory import MemoryStore
from perfd.store.settings import Retention, StoreSettings
from perfd.store.sqlite import SqliteStore
from tests.fakes import CountingMeter

NOON = 1_699_999_200.0
HOUR = 3600.0
DAY = 24 * HOUR
SETTINGS = StoreSettings(
    keep_stacks=1.0,
    retention=Retention(
        windows=8 * HOUR,
        profiles=6 * HOUR,
        resources=5 * HOUR,
        exemplars=4 * HOUR,
        findings=6 * HOUR,
    ),
)

# Sums of these are exact in any order, so that answers can be compared bit by bit.
exact = st.integers(-(2**20), 2**20).map(lambda n: n / 64)
moments = st.tuples(*[st.integers(0, 2**20).map(lambda n: n / 64)] * 3)
names = st.sampled_from(["a", "b", "c"])
offsets = st.integers(0, 6 * 360 - 1).map(lambda n: n * 10.0)
counts = st.integers(0, 2**40)


@st.composite
def histograms(draw: st.DrawFn) -> Histogram:
    buckets = draw(st.dictionaries(st.integers(-400, 400), st.integers(1, 2**30), max_size=6))
    return Histogram(buckets, draw(st.integers(0, 3)), draw(counts), *draw(moments))


@st.composite
def exemplars(draw: st.DrawFn, at: float) -> Exemplar:
    reason, priority = draw(st.sampled_from([SLOWEST, ERROR, RANDOM])), draw(st.integers(0, 9)) / 8
    return Exemplar(reason, priority, f"trace at {at}", "s", at, priority)


@st.composite
def windows(draw: st.DrawFn, now: float) -> Window:
    of = Series.of(REQUESTS, service="s", operation=draw(names))
    at = now - draw(offsets)
    shown = tuple(draw(st.lists(exemplars(at), max_size=3)))
    return Window(of, at, 10.0, draw(counts), draw(counts), draw(histograms()), shown)


@st.composite
def gauges(draw: st.DrawFn, now: float) -> Gauge:
    of = Series.of(CPU_TIME, service="s", instance=draw(names))
    low, value, high = sorted(draw(st.tuples(exact, exact, exact)))
    return Gauge(of, now - draw(offsets), 10.0, draw(st.integers(1, 6)), value, low, high)


@st.composite
def profiles(draw: st.DrawFn, now: float) -> tuple[ProfileWindow, Symbols]:
    symbols = Symbols()
    stacks = draw(st.lists(st.lists(names, min_size=1, max_size=3), max_size=4))
    leaves = [symbols.intern(tuple(Function(n, f"{n}.py") for n in stack)) for stack in stacks]
    weights = {leaf: Weight(draw(counts), draw(st.integers(1, 9))) for leaf in leaves}
    of = Series.of(PROFILE, service="s", version=draw(names))
    return ProfileWindow(of, now - draw(offsets), 10.0, "ns", weights, draw(exact), 1), symbols


class Stores(RuleBasedStateMachine):
    """Two stores and one history."""

    @initialize()
    def begin(self) -> None:
        self.directory = tempfile.TemporaryDirectory(prefix="perfd-test-")
        self.now = NOON
        self.meters = CountingMeter(), CountingMeter()
        self.memory = MemoryStore(SETTINGS, pace=1.0, meter=self.meters[0])
        self.sqlite = self.opened()
        self.position = 0
        self.settled()

    def opened(self) -> SqliteStore:
        path = Path(self.directory.name) / "perfd.db"
        return SqliteStore(path, SETTINGS, pace=1.0, clock=ManualClock(), meter=self.meters[1])

    @rule(data=st.data(), count=st.integers(1, 8))
    def append(self, data: st.DataObject, count: int) -> None:
        some = [data.draw(windows(self.now)) for _ in range(count)]
        readings = [data.draw(gauges(self.now)) for _ in range(count)]
        stacks = [data.draw(profiles(self.now)) for _ in range(count)]
        symbols = Symbols()
        symbols.update(found for _, found in stacks)
        self.position += 1
        self.memory.append(
            Batch(tuple(some), tuple(readings), tuple(p for p, _ in stacks), symbols, self.position)
        )
        order = data.draw(st.permutations(range(count)))
        cut = data.draw(st.integers(0, count))
        for part in (order[:cut], order[cut:]):
            self.sqlite.append(
                Batch(
                    tuple(some[i] for i in part),
                    tuple(readings[i] for i in part),
                    tuple(stacks[i][0] for i in part),
                    symbols,
                    self.position,
                )
            )

    @rule(
        kind=st.sampled_from([TICKET, FINDING]), name=names, revision=st.integers(0, 9), age=offsets
    )
    def put(self, kind: str, name: str, revision: int, age: float) -> None:
        document = Document(kind, name, revision, self.now - age, b"%d" % revision)
        self.memory.put([document])
        self.sqlite.put([document])

    @rule(minutes=st.integers(0, 150))
    def time_passes(self, minutes: int) -> None:
        self.now += 60.0 * minutes
        self.settled()

    @rule()
    def reopen(self) -> None:
        self.sqlite.close()
        self.sqlite = self.opened()
        self.settled()

    def settled(self) -> None:
        """As many bounded steps as there can be hours and kinds to deal with."""
        self.memory.maintain(self.now)
        for _ in range(24):
            self.sqlite.maintain(self.now)

    @precondition(lambda self: hasattr(self, "sqlite"))
    @invariant()
    def they_agree(self) -> None:
        one, two = self.memory, self.sqlite
        for name in (REQUESTS, CPU_TIME, PROFILE):
            assert list(one.series(name)) == list(two.series(name))
        for start, end, step in ((0.0, 2 * NOON, None), (self.now - 2e4, self.now - 3e3, 1800.0)):
            asked = REQUESTS, {"service": "s"}, start, end
            assert list(one.windows(*asked, step)) == list(two.windows(*asked, step))
            assert list(one.exemplars(*asked)) == list(two.exemplars(*asked))
            asked = CPU_TIME, {"instance": "a"}, start, end
            assert list(one.gauges(*asked, step)) == list(two.gauges(*asked, step))
        assert coarse(one) == coarse(two)
        leaves = {node for p in two.profiles({}, 0, 2 * NOON) for node in p.weights}
        found, expected = two.symbols(leaves), one.symbols(leaves)
        assert {leaf: found.stack(leaf) for leaf in leaves} == {
            leaf: expected.stack(leaf) for leaf in leaves
        }
        assert one.log_position() == two.log_position()
        for kind in (TICKET, FINDING):
            assert list(one.documents(kind)) == list(two.documents(kind))
        assert self.meters[0].counts.get(LATE) == self.meters[1].counts.get(LATE)

    def teardown(self) -> None:
        if hasattr(self, "sqlite"):
            self.sqlite.close()
            assert not self.meters[1].total("perfd_store_corruptions")
            self.directory.cleanup()


# A history of many steps takes minutes to shrink; the seed that is printed finds it again.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
LATE = "perfd_dropped_items", (("reason", "late"), ("signal", "windows"), ("stage", "store"))


def coarse(store: MemoryStore | SqliteStore) -> dict[tuple[Series, float], ProfileWindow]:
    """Profiles in windows of ten minutes, which is what packing keeps."""
    merged: dict[tuple[Series, float], ProfileWindow] = {}
    for window in store.profiles({"service": "s"}, 0, 2 * NOON):
        start = window.start // 600 * 600
        whole = ProfileWindow(
            window.series,
            start,
            600.0,
            window.unit,
            window.weights,
            window.duration,
            window.uploads,
        )
        held = merged.get((window.series, start))
        merged[window.series, start] = whole if held is None else held.merge(whole)
    return merged


class TestAgreement(Stores.TestCase):  # type: ignore[misc, name-defined]
    settings = settings(
        max_examples=3,
        stateful_step_count=6,
        deadline=None,
        phases=PHASES,
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.slow
class TestAgreementAtLength(Stores.TestCase):  # type: ignore[misc, name-defined]
    settings = settings(
        max_examples=60,
        stateful_step_count=20,
        deadline=None,
        phases=PHASES,
        suppress_health_check=list(HealthCheck),
    )
