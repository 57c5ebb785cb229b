"""The proof of a ticket: which function, which calls, which resources; with honest intervals."""

from __future__ import annotations

import numpy as np
import pytest

from perfd.detect.calls import calls
from perfd.detect.flame import OTHER, flame
from perfd.detect.hotspots import hotspots
from perfd.detect.profile_diff import ProfileDiff
from perfd.detect.profile_side import Paths, ProfileSide, profile_side
from perfd.detect.shares import overdispersion, score, share, share_change
from perfd.detect.tracks import tracks
from perfd.model.exemplar import RANDOM, SLOWEST, Exemplar, SpanRecord
from perfd.model.profile import Function, ProfileWindow, Symbols, Weight
from perfd.model.series import CPU_TIME, Series
from perfd.model.window import Gauge

PERIOD = 10_000_000  # ns: 100 Hz
MAIN = Function("main", "/app/main.py", 1)
QUOTE = Function("quote", "/app/pricing.py", 12)
RULES = Function("apply_rules", "/app/pricing.py", 48)
SOCKET = Function("recv", "/usr/lib/python3.11/socket.py", 5)
SERIES = Series.of("profile", service="pricing", type="process_cpu:cpu")


class Program:
    """Draws uploads of a program whose time goes where `shares` say."""

    def __init__(self, seed: int = 1) -> None:
        self.symbols = Symbols()
        self.rng = np.random.default_rng(seed)

    def side(self, shares: dict[tuple[Function, ...], float], uploads: int = 20) -> ProfileSide:
        leaves = [self.symbols.intern(stack) for stack in shares]
        windows = [self._upload(leaves, list(shares.values()), n) for n in range(uploads)]
        side = profile_side(windows, Paths(self.symbols))
        assert side is not None
        return side

    def _upload(self, leaves: list[int], shares: list[float], n: int) -> ProfileWindow:
        hits = self.rng.multinomial(400, shares)
        weights = {
            leaf: Weight(int(h) * PERIOD, int(h)) for leaf, h in zip(leaves, hits, strict=True) if h
        }
        return ProfileWindow(SERIES, n * 10.0, 10.0, "nanoseconds", weights, 10.0, 1)


BEFORE = {(MAIN, QUOTE): 0.55, (MAIN, QUOTE, RULES): 0.05, (MAIN, SOCKET): 0.4}
AFTER = {(MAIN, QUOTE): 0.40, (MAIN, QUOTE, RULES): 0.35, (MAIN, SOCKET): 0.25}


@pytest.fixture
def slower() -> tuple[Program, ProfileDiff]:
    """The same work, and rules that take more: the other shares only fall."""
    program = Program()
    before, after = program.side(BEFORE), program.side(AFTER)
    return program, ProfileDiff(before, after, (0.0040, 0.0060), (None, None))


def test_the_slower_function_leads_with_its_cost(slower: tuple[Program, ProfileDiff]) -> None:
    program, diff = slower
    first = hotspots(diff, program.symbols)[0]
    assert (first.function, first.file, first.line) == ("apply_rules", "/app/pricing.py", 48)
    assert first.status == "changed"
    low, high = first.per_request.ci
    assert low < 0.35 * 0.0060 - 0.05 * 0.0040 < high
    low, high = first.self_share.ci
    assert low < 0.30 < high
    assert first.self_share.delta == pytest.approx(0.30, abs=0.02)


def test_a_function_whose_share_fell_did_not_get_cheaper(
    slower: tuple[Program, ProfileDiff],
) -> None:
    """Per request `quote` costs .55 x 4 = 2.2 ms before, and .40 x 6 = 2.4 ms after."""
    program, diff = slower
    quote = next(h for h in hotspots(diff, program.symbols) if h.function == "quote")
    assert quote.self_share.delta < 0 < quote.per_request.delta


def test_application_code_comes_before_libraries(slower: tuple[Program, ProfileDiff]) -> None:
    program, diff = slower
    kinds = [h.application for h in hotspots(diff, program.symbols)]
    assert kinds == sorted(kinds, reverse=True)


def test_new_and_vanished_functions_are_named_so() -> None:
    program = Program()
    legacy = Function("legacy", "/app/old.py", 3)
    before = program.side({(MAIN, legacy): 0.5, (MAIN, QUOTE): 0.5})
    after = program.side({(MAIN, RULES): 0.5, (MAIN, QUOTE): 0.5})
    diff = ProfileDiff(before, after, (0.004, 0.004), (None, None))
    found = {h.function: h.status for h in hotspots(diff, program.symbols)}
    assert found["legacy"] == "vanished"
    assert found["apply_rules"] == "new"


def test_unchanged_programs_have_hardly_a_hotspot() -> None:
    """Threshold 3 on self and total of four functions: at most a few in 100 pairs."""
    found = 0
    for seed in range(100):
        program = Program(seed)
        before, after = program.side(BEFORE), program.side(BEFORE, uploads=4)
        diff = ProfileDiff(before, after, (0.004, 0.004), (None, None))
        found += bool(hotspots(diff, program.symbols))
    assert found <= 5


def test_the_interval_of_a_share_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(1000):
        before = share((k := rng.binomial(2000, 0.05)) / 2000, int(k), 2000, 1.0)
        after = share((k := rng.binomial(500, 0.08)) / 500, int(k), 500, 1.0)
        low, high = share_change(before, after).ci
        held += low <= 0.03 <= high
    assert 0.93 <= held / 1000 <= 0.975


def test_samples_that_come_in_clumps_widen_the_interval() -> None:
    rng = np.random.default_rng(4)
    sizes = [400] * 200
    clumped = [int(rng.binomial(400, p)) for p in rng.beta(5, 95, size=200)]
    alone = [int(k) for k in rng.binomial(400, 0.05, size=200)]
    assert overdispersion(alone, sizes) == pytest.approx(1.0, abs=0.3)
    # Beta-binomial: 1 + (n - 1) / (a + b + 1) = 1 + 399 / 101
    assert overdispersion(clumped, sizes) == pytest.approx(4.95, rel=0.35)


def test_a_function_that_was_never_seen_is_not_known_exactly() -> None:
    unseen, rare = share(0.0, 0, 300, 1.0), share(0.01, 3, 300, 1.0)
    assert unseen.variance > 0
    assert score(unseen, rare) < 3


def test_the_flame_graph_adds_up_to_the_cost_of_a_request(
    slower: tuple[Program, ProfileDiff],
) -> None:
    program, diff = slower
    nodes = flame(diff, program.symbols)
    assert sum(n.before for n in nodes) == pytest.approx(diff.costs[0])
    assert sum(n.after for n in nodes) == pytest.approx(diff.costs[1])
    assert all(n.parent < i for i, n in enumerate(nodes))
    rules = next(n for n in nodes if n.function == "apply_rules")
    assert rules.significant
    assert nodes[rules.parent].function == "quote"


def test_what_is_too_thin_to_draw_is_folded_and_not_lost() -> None:
    program = Program()
    many = {(MAIN, Function(f"f{n}", "/app/many.py")): 0.5 / 5000 for n in range(5000)}
    side = program.side({**many, (MAIN, QUOTE): 0.5}, uploads=40)
    nodes = flame(ProfileDiff(side, side, (0.004, 0.004), (None, None)), program.symbols)
    assert len(nodes) < 200
    assert any(n.function == OTHER for n in nodes)
    assert sum(n.after for n in nodes) == pytest.approx(0.004)


def exemplar(n: int, queries: int, reason: str = RANDOM) -> Exemplar:
    root = SpanRecord("root", "", "pricing", "POST /quote", "server", 0.0, 0.05)
    spans = [
        SpanRecord(str(i), "root", "inventory", "SELECT", "client", 0.0, 0.002, detail="SELECT ?")
        for i in range(queries)
    ]
    return Exemplar(reason, 0.5, f"trace-{n}", "root", 0.0, 0.05, spans=(root, *spans))


def test_an_n_plus_1_shows_in_the_calls() -> None:
    before = [exemplar(n, 1) for n in range(10)] + [exemplar(99, 40, SLOWEST)]
    after = [exemplar(n, 12) for n in range(10)]
    (row,) = calls(before, after)
    assert row.name == "inventory: SELECT ?"
    assert (row.before, row.after) == (1.0, 12.0)
    assert row.after_seconds == pytest.approx(0.024)


def test_too_few_samples_say_nothing_about_calls() -> None:
    assert calls([exemplar(1, 1)], [exemplar(n, 12) for n in range(10)]) == ()


def test_resources_are_thinned_to_what_a_chart_shows() -> None:
    series = Series.of(CPU_TIME, service="pricing", version="1.1.0", instance="a", phase="steady")
    gauges = [Gauge(series, n * 10.0, 10.0, 1, 5.0, 5.0, 5.0) for n in range(1000)]
    (track,) = tracks(gauges)
    assert (track.subject, track.unit) == ("pricing 1.1.0 a", "cores")
    assert len(track.points) <= 240
    assert {value for _, value in track.points} == {0.5}
