"""Views: sentences, figures and pictures from the model's types."""

from __future__ import annotations

import math
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from perfd.detect.budget import WRONG, full, spend
from perfd.model.evidence import FlameNode
from perfd.model.exemplar import SLOWEST, Exemplar, SpanRecord
from perfd.model.finding import Effect
from perfd.model.histogram import Histogram
from perfd.model.judgement import JUDGED, SUPERSEDED, TOO_LITTLE, WAITING, Judgement
from perfd.model.series import REQUESTS, Series
from perfd.model.ticket import Resolution, State, Suspect, Verdict, Verification
from perfd.model.window import Window
from perfd.web import links
from perfd.web.flame import AFTER, BEFORE, grow, layout, payload
from perfd.web.paging import page
from perfd.web.red import Span, over_time
from perfd.web.services import Service, back, service
from perfd.web.svg.axes import Mark, axis_scale, values
from perfd.web.svg.distribution import distribution
from perfd.web.svg.draw import el, path
from perfd.web.svg.line_chart import Chart, Line, line_chart
from perfd.web.svg.scales import Linear, Log, log_ticks, ticks, time_ticks, top
from perfd.web.svg.sparkline import sparkline
from perfd.web.views import figures, verdict, words
from perfd.web.views.budget import budget_words
from perfd.web.views.claim import metric_line
from perfd.web.views.hotspots import call_lines, change, hotspot_lines, where
from perfd.web.views.traces import waterfall, waterfalls
from tests.web import world

NOW = world.NOW


def test_a_budget_in_words() -> None:
    assert budget_words(None) == ""
    budget = spend(full("pricing", 1.0, NOW), "deploy", "a", 0.005, NOW)
    words = budget_words(budget)
    assert words.startswith("At most 1 ticket a quarter may be wrong")
    assert "have spent 0.005 of that" in words
    assert "opens a ticket in 1 of 200 deploys" in words
    wrong = budget_words(spend(budget, WRONG, "PERF-AAAAAA 1", 1.0, NOW))
    assert "1 ticket was closed as wrong" in wrong


positive = st.floats(1e-6, 1e6)


def busy(
    name: str, p95: float = 0.1, recent: float = 1.0, count: int = 20, **more: object
) -> Service:
    """A service whose latency in the last ten minutes is `recent` times what it was before."""
    windows = []
    span = back(NOW, 1.0)
    for minute in range(60):
        at = span.start + minute * 60.0
        value = p95 * (recent if minute >= 50 else 1.0)
        series = Series.of(REQUESTS, service=name, version="1", environment="e", phase="steady")
        windows.append(Window(series, at, 60.0, count, 0, Histogram.of([value] * count)))
    return service(name, windows, span, **more)  # type: ignore[arg-type]


# --- the first line -------------------------------------------------------------------------------


def test_nothing_known() -> None:
    said = verdict.verdict([])
    assert said.sentence.startswith("No service sends telemetry yet")


def test_services_that_fell_silent_are_named() -> None:
    gone = service("gone", [], back(NOW, 1.0), known=True)
    watched = service("perfd", [], back(NOW, 1.0))
    assert verdict.verdict([gone, watched]).sentence == "No telemetry for an hour from gone."
    said = verdict.verdict([busy("a", count=60), gone])
    assert said.facts[-1] == "No telemetry for an hour from gone."


def test_all_as_fast_as_before() -> None:
    said = verdict.verdict([busy(f"s{n}", count=60) for n in range(4)])
    assert said.sentence == "All 4 services are as fast as an hour ago."
    assert said.tone == verdict.FINE


def test_slower_but_not_confirmed_is_no_alarm() -> None:
    said = verdict.verdict([busy("a", count=60), busy("b", recent=1.5, count=60)])
    assert said.sentence == "b is slower than a while ago; not confirmed."
    assert said.tone == verdict.UNSURE
    assert "b: p95 101 ms → 152 ms." in said.facts


def test_too_few_requests_are_said() -> None:
    said = verdict.verdict([busy("a", count=60), busy("rare", count=2)])
    assert said.sentence == "1 of 2 services are as fast as an hour ago."
    assert any("rare" in fact and "300" in fact for fact in said.facts)
    assert "too few" in verdict.verdict([busy("rare", count=2)]).sentence


def test_a_ticket_comes_before_everything() -> None:
    ticket = world.ticket("f")
    said = verdict.verdict([busy("pricing", tickets=[ticket]), busy("b", recent=3.0)])
    assert said.sentence == "pricing got slower with 1.1.0."
    assert said.tone == verdict.WORSE
    two = [busy("pricing", tickets=[ticket]), busy("b", tickets=[ticket]), busy("c")]
    assert verdict.verdict(two).sentence == "2 of 3 services got worse: pricing and b."


def test_a_fix_being_judged_is_said_with_it() -> None:
    ticket = world.ticket("f", state=State.VERIFYING, verification=Verification(version="1.1.1"))
    said = verdict.verdict([busy("pricing", tickets=[ticket])])
    assert said.sentence == "pricing got slower with 1.1.0; 1.1.1 is being judged."


# --- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metric", "sentence"),
    [
        ("latency.p95", "pricing got slower with 1.1.0"),
        ("error_rate", "pricing fails more often with 1.1.0"),
        ("cpu_per_request", "pricing costs more CPU with 1.1.0"),
        ("threads", "pricing changed its threads with 1.1.0"),
    ],
)
def test_what_got_worse(metric: str, sentence: str) -> None:
    assert words.got_worse(world.ticket("f", metric=metric)) == sentence


def test_without_a_suspect_the_time_is_said() -> None:
    assert words.since(world.ticket("f", suspects=())).startswith("since 21 Sep 2026, 13:42")
    assert words.since(world.ticket("f", suspects=(Suspect("deploy", "", "", 0.5),))).startswith(
        "since"
    )


def test_states_in_words() -> None:
    closed = world.ticket("f", state=State.CLOSED, resolution=Resolution.WENT_AWAY)
    assert words.state_words(closed) == "closed: went away by itself"
    verified = Verification(verdict=Verdict.VERIFIED, version="1.1.1")
    assert (
        words.fix_words(world.ticket("f", verification=verified)) == "the fix in 1.1.1 is verified"
    )


@pytest.mark.parametrize(
    ("state", "more", "expected"),
    [
        (WAITING, {"progress": 720, "needed": 1800}, "being judged, 12 min of 30 min"),
        (WAITING, {}, "being judged: why"),
        (JUDGED, {"opened": 1}, "judged: 1 finding opened"),
        (JUDGED, {"due": 1.0}, "judged: no regression found; looked at again later"),
        (TOO_LITTLE, {}, "not judged: why"),
        (SUPERSEDED, {}, "not judged: why"),
    ],
)
def test_judgements_in_words(state: str, more: dict[str, float], expected: str) -> None:
    fields = {"state": state, "reason": "why", "due": None} | more
    judgement = Judgement("d", "s", "e", "2", "1", 0.0, **fields)  # type: ignore[arg-type]
    assert words.judgement_words(judgement) == expected


def test_lists() -> None:
    assert words.listed([]) == ""
    assert words.listed(["a"]) == "a"
    assert words.listed(["a", "b"]) == "a and b"
    assert words.listed(list("abcdefg")) == "a, b, c, d and 3 more"


# --- figures --------------------------------------------------------------------------------------


def test_a_column_keeps_one_unit() -> None:
    scale = figures.seconds_scale([0.0042, 0.017, 1.9])
    assert [figures.duration(v, scale) for v in (0.0042, 0.017, 1.9, None)] == [
        "4.2 ms", "17 ms", "1,900 ms", "–",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("ratio", "text"),
    [(None, "–"), (0.0, "0 %"), (0.0002, "0.02 %"), (0.031, "3.1 %"), (0.31, "31 %")],
)
def test_shares(ratio: float | None, text: str) -> None:
    assert figures.share(ratio) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0.0 /s"), (0.02, "0.020 /s"), (4.23, "4.2 /s"), (312.4, "312 /s")]
)
def test_rates(value: float, text: str) -> None:
    assert figures.rate(value) == text


def test_a_metric_that_did_not_move_says_what_would_have_been_seen() -> None:
    lines = {line.name: line for line in map(metric_line, world.ROWS)}
    assert lines["p95"].change == "+76 % (+69 … +83 %)"
    assert lines["p95"].worse
    assert lines["error rate"].change == "none seen; +90 % would have been"


def test_where_the_time_went() -> None:
    said = where(world.HOTSPOTS, world.CALLS)
    assert said[0] == (
        "+3.5 ms (± 0.4) CPU per request",
        "apply_rules",
        "3.0 % → 31 % of CPU samples",
    )
    assert said[-1][0] == "1 → 29 calls per request"
    (query, stock) = call_lines(world.CALLS)
    assert (query.repeated, stock.repeated) == (True, False)
    assert stock.change == "0"


def test_hotspots_share_a_unit_and_lead_to_their_code() -> None:
    lines = hotspot_lines(world.HOTSPOTS, "https://c.example/{file}#L{line}")
    assert {line.per_request.split()[-1] for line in lines} == {"ms"}
    assert lines[0].href == "https://c.example/shop/pricing.py#L48"
    assert [line.tone for line in lines] == ["up", "up", "up", ""]
    assert change(world.HOTSPOTS[0].per_request, figures.seconds_scale([0.01])) == "+3.5 ms (± 0.4)"


# --- links ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil",
        "https:",
        "x",
        "",
        "http://[",
        "file:///etc",
    ],
)
def test_only_plain_links_lead_out(url: str) -> None:
    assert links.outside(url) == ""


@given(st.text())
def test_a_service_path_is_one_segment(name: str) -> None:
    safe = name.encode("utf-8", "replace").decode()
    assert re.fullmatch(r"/services/[^/?#<>\"' ]*", links.service_path(safe))


def test_code_links_cannot_leave_their_site() -> None:
    source = links.code_of("https://c.example/{service}/{version}/{file}#L{line}", "a/../b", "1 0")
    assert source == "https://c.example/a%2F..%2Fb/1%200/{file}#L{line}"
    assert links.code(source, "//evil.example/x?y", 3).startswith("https://c.example/a%2F")
    assert links.code_of("{service}", "javascript:alert(1)", "") == ""
    assert links.code("", "x.py", 1) == ""


# --- waterfalls -----------------------------------------------------------------------------------


def span(id_: str, parent: str, start: float = 0.0, name: str = "n") -> SpanRecord:
    return SpanRecord(id_, parent, "s", name, "client", start, 0.01)


def test_a_run_of_like_calls_is_one_row() -> None:
    found = waterfall(world.exemplar(random.Random(1), SLOWEST, 0.11, 29, NOW))
    assert [(row.depth, row.name, row.count) for row in found.rows] == [
        (0, "POST /quote", 1), (1, "GET /stock/{sku}", 1), (2, "GET /stock/{sku}", 1),
        (1, "SELECT rule", 29),
    ]  # fmt: skip


def test_like_calls_are_one_row_with_all_that_they_called() -> None:
    spans = [span("r", "", 0.0, "quote")]
    for i in range(5):
        at = 0.1 + i / 10
        spans += [
            span(f"c{i}", "r", at, "GET"),
            span(f"s{i}", f"c{i}", at + 0.01, "GET /stock"),
            span(f"q{i}", f"s{i}", at + 0.02, "SELECT"),
        ]
    spans.append(span("e", "r", 0.9, "encode"))
    found = waterfall(Exemplar(SLOWEST, 1.0, "t", "r", 0.0, 1.0, False, tuple(spans)))
    assert [(row.depth, row.name, row.count) for row in found.rows] == [
        (0, "quote", 1), (1, "GET", 5), (2, "GET /stock", 5), (3, "SELECT", 5), (1, "encode", 1),
    ]  # fmt: skip


def test_two_like_calls_stay_two_rows() -> None:
    spans = (span("r", ""), span("a", "r", 0.1), span("b", "r", 0.2))
    found = waterfall(Exemplar(SLOWEST, 1.0, "t", "r", 0.0, 1.0, False, spans))
    assert [row.count for row in found.rows] == [1, 1, 1]


ids = st.sampled_from("abcdef")


@given(st.lists(st.builds(span, ids, ids | st.just(""), st.floats(0, 10)), max_size=12))
def test_every_span_is_shown_once_whatever_its_parents(spans: list[SpanRecord]) -> None:
    exemplar = Exemplar(SLOWEST, 1.0, "t", "a", 0.0, 1.0, False, tuple(spans))
    assert sum(row.count for row in waterfall(exemplar).rows) == len(spans)


def test_each_trace_once_the_slowest_first() -> None:
    quick, slow = (Exemplar("random", 1.0, t, "r", 0.0, d) for t, d in (("a", 0.1), ("b", 0.3)))
    found = waterfalls([quick, slow, slow])
    assert [w.trace_id for w in found] == ["b", "a"]


# --- flame graph ----------------------------------------------------------------------------------

trees = st.lists(
    st.builds(
        FlameNode, st.integers(-1, 30), st.text(max_size=5), st.just("f"),
        st.floats(0, 1), st.floats(0, 1), st.booleans(),
    ), max_size=30,
)  # fmt: skip


@given(trees)
def test_layouts_fit_and_hold_every_cost(nodes: list[FlameNode]) -> None:
    tree = grow(nodes)
    for side, total in ((BEFORE, tree.total_before), (AFTER, tree.total_after)):
        frames = layout(tree, side)
        for frame in frames:
            assert frame.start >= -1e-9
            assert frame.start + frame.width <= 1 + 1e-9
        tops = sum(frame.width for frame in frames if frame.depth == 0)
        assert not frames or tops == pytest.approx(1.0)
        own = sum(getattr(nodes[index], side) for index in tree.order)
        assert own == pytest.approx(total)


@given(trees)
def test_what_the_script_gets_has_parents_before_children(nodes: list[FlameNode]) -> None:
    data = payload(grow(nodes))
    assert all(parent < place for place, parent in enumerate(data["parent"]))
    assert {len(data[name]) for name in ("parent", "function", "before", "after", "tone")} == {
        len(data["parent"])
    }


def test_tones_tell_how_much_and_what_is_not_significant() -> None:
    nodes = [
        FlameNode(-1, "all", "", 0.5, 0.5),
        FlameNode(0, "worse", "", 0.1, 0.4, True),
        FlameNode(0, "better", "", 0.4, 0.35, True),
        FlameNode(0, "noise", "", 0.0, 0.2, False),
    ]
    tree = grow(nodes)
    assert [tree.tone(i) for i in range(4)] == [0, 3, -2, 0]


# --- pictures -------------------------------------------------------------------------------------


@given(positive, positive)
def test_ticks_are_round_and_within(one: float, other: float) -> None:
    low, high = sorted((one, other))
    for found in (ticks(low, high), log_ticks(low, max(high, low * 1.01))):
        assert 1 <= len(found) <= 9
    assert top(high) >= high * (1 - 1e-9)
    slack = (high - low) * 1e-6
    assert all(low - slack <= tick <= high + slack for tick in ticks(low, high))


@given(st.floats(1e9, 2e9), st.floats(1, 1e6))
def test_time_ticks_are_few(start: float, length: float) -> None:
    found = time_ticks(start, start + length)
    assert len(found) <= 6
    assert all(start <= tick <= start + length for tick in found)


@given(positive)
def test_axis_numbers_tell_apart(high: float) -> None:
    for unit in ("s", "B", "bytes/s", "ratio", "cores"):
        axis = values(unit, high)
        assert axis.high >= high * (1 - 1e-9)
        assert len(set(axis.texts)) == len(axis.ticks)


def test_a_flow_has_the_unit_of_what_flows() -> None:
    assert axis_scale("bytes/s", 5e6).symbol == "MiB/s"
    assert axis_scale("/s", 5.0).symbol == "/s"
    assert axis_scale("cores", 0.5).symbol == "cores"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_scales_keep_to_the_picture(value: float) -> None:
    assert 10 <= Linear(0, 5, 10, 20)(value) <= 20
    assert 10 <= Log(0.1, 5, 10, 20)(value) <= 20


@given(st.lists(st.none() | positive, max_size=20))
def test_charts_of_any_values(values: list[float | None]) -> None:
    points = [(NOW + 60 * i, value) for i, value in enumerate(values)]
    chart = Chart(
        "t", "s", NOW, NOW + 1200, [Line("a", points), Line("b", points)], [Mark(NOW + 5, "1")]
    )
    for picture in (line_chart(chart), sparkline(values, "t")):
        assert "nan" not in picture
        assert picture.startswith("<svg")


@settings(max_examples=30)
@given(st.lists(st.floats(0, 1e4), max_size=9), st.lists(positive, max_size=9))
def test_distributions_of_any_values(before: list[float], after: list[float]) -> None:
    picture = distribution(Histogram.of(before), Histogram.of(after), worse=True)
    assert "nan" not in picture
    assert "inf" not in picture


def test_elements_escape_what_they_hold() -> None:
    made = el("text", "<b>", Markup("<i></i>"), data_x='"', class_="a", y=1.50, z=None)
    assert made == '<text data-x="&#34;" class="a" y="1.5">&lt;b&gt;<i></i></text>'
    assert path([None, None]) == ""


# --- the rest -------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.floats(0, 10), st.text(max_size=2)), unique=True), st.integers(1, 5))
def test_pages_hold_each_entry_once(keys: list[tuple[float, str]], limit: int) -> None:
    safe = [key for key in keys if key[1].isprintable()]
    entries = sorted(safe, reverse=True)
    seen: list[tuple[float, str]] = []
    cursor: str | None = None
    for _ in range(len(entries) + 1):
        found, cursor = page(entries, lambda key: key, limit, cursor)
        seen += found
        if cursor is None:
            break
    assert seen == entries


def test_the_last_step_is_as_long_as_it_has_lasted() -> None:
    steps = over_time([], Span(0.0, 90.0, 60.0))
    assert [step.seconds for step in steps] == [60.0, 30.0]


def test_an_effect_without_ratio_is_absolute() -> None:
    row = world.ROWS[4]
    effect = Effect(None, None, 0.02)
    moved = metric_line(type(row)(row.metric, row.unit, row.before, row.after, effect, True, False))
    assert "percentage points" in moved.change
    assert not math.isnan(row.before.value)
