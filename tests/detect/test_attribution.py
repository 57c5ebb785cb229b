"""Whose time it is: what is charged to the caller, and what to those that it calls."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfd.detect.attribution import attribute
from perfd.detect.edges import Side
from perfd.detect.neighbours import Neighbours, services_behind
from perfd.model.histogram import Histogram
from perfd.model.series import CALLS, LINKS, OWN_TIME, REQUESTS, RETRIES, STEADY, Series
from perfd.model.window import Window

MINUTES = 6
REQUESTS_A_MINUTE = 100
BEFORE = Side("1", (0.0, MINUTES * 60.0))
AFTER = Side("2", (MINUTES * 60.0, 2 * MINUTES * 60.0))
OPERATION = "GET /cart"
SERVED = REQUESTS_A_MINUTE * MINUTES
PRICING = ("pricing", "GET")
QUERY = ("postgresql/shop", "SELECT carts")


class Version:
    """What each request of one version does: own seconds, and calls by target.

    `calls` are (number, seconds of one, failed, retries) per request.
    """

    def __init__(self, own=0.010, failures=0.0, **calls):
        self.own, self.failures = own, failures
        self.calls = calls.get("calls", {})


def sums(count, seconds):
    return Histogram({}, count, count, seconds)


def windows_of(version, name):
    begin = 0 if name == "1" else MINUTES
    n = REQUESTS_A_MINUTE
    labels = {"service": "shop", "version": name, "environment": "test", "operation": OPERATION}
    for minute in range(begin, begin + MINUTES):
        at = minute * 60.0
        failed = round(version.failures * n)
        own = Series.of(OWN_TIME, **labels)
        yield Window(own, at, 60.0, n, failed, sums(n, n * version.own))
        for (peer, call), (number, seconds, errors, retries) in version.calls.items():
            of = {**labels, "peer": peer, "call": call}
            count = round(n * number)
            series = Series.of(CALLS, **of)
            yield Window(series, at, 60.0, count, round(n * errors), sums(count, count * seconds))
            if retries:
                yield Window(Series.of(RETRIES, **of), at, 60.0, round(n * retries), 0)


def around(before, after, **more):
    windows = [*windows_of(before, "1"), *windows_of(after, "2")]
    parts = {
        field: tuple(w for w in windows if w.series.name == name)
        for field, name in (("own", OWN_TIME), ("calls", CALLS), ("retries", RETRIES))
    }
    return Neighbours(**parts, **more)


def split(before, after, **more):
    found = attribute(around(before, after, **more), OPERATION, BEFORE, AFTER, SERVED)
    assert found is not None
    return found


def callee(
    before, after, *, errors=(0.0, 0.0), operation="GET /price", count=SERVED, versions=("7", "7")
):
    """Requests of a watched callee that take `before` and `after` seconds."""
    found = []
    for side, seconds, failing, version in zip(
        (BEFORE, AFTER), (before, after), errors, versions, strict=True
    ):
        labels = {"service": "pricing", "version": version, "operation": operation}
        series = Series.of(REQUESTS, **labels, phase=STEADY)
        held = sums(count, count * seconds)
        found.append(Window(series, side.span[0], 60.0, count, round(count * failing), held))
    return tuple(found)


# --- time -----------------------------------------------------------------------------------------

rates = st.floats(0.02, 5.0)
prices = st.floats(0.0, 0.5)
counts = st.tuples(rates, prices, st.just(0.0), st.floats(0.0, 1.0))
versions = st.builds(
    lambda own, calls: Version(own, calls=calls),
    st.floats(0.0, 1.0),
    st.dictionaries(st.sampled_from([PRICING, QUERY, ("kafka/orders", "send")]), counts),
)


@settings(max_examples=100, deadline=None)
@given(versions, versions)
def test_own_and_others_time_are_all_of_the_change(before, after):
    def seconds(version):
        calls = (round(REQUESTS_A_MINUTE * n) * s for n, s, _, _ in version.calls.values())
        return version.own + sum(calls) / REQUESTS_A_MINUTE

    found = split(before, after)
    assert found.base == pytest.approx(seconds(before))
    change = seconds(after) - seconds(before)
    assert found.own.value + found.theirs.value == pytest.approx(change, abs=1e-9)
    assert found.own.error >= 0.0
    assert found.theirs.error >= 0.0


@settings(max_examples=50, deadline=None)
@given(versions)
def test_nothing_changed_is_nobodys(version):
    found = split(version, version)
    assert found.own.value == pytest.approx(0.0, abs=1e-9)
    assert found.theirs.value == pytest.approx(0.0, abs=1e-9)


def test_slower_code_is_its_own():
    calls = {PRICING: (1.0, 0.020, 0.0, 0.0)}
    found = split(Version(0.010, calls=calls), Version(0.025, calls=calls))
    assert found.own.value == pytest.approx(0.015)
    assert not found.slower


def test_a_slower_answer_to_the_same_calls_is_the_callees():
    found = split(
        Version(calls={QUERY: (2.0, 0.020, 0.0, 0.0)}),
        Version(calls={QUERY: (2.0, 0.030, 0.0, 0.0)}),
    )
    assert found.own.value == pytest.approx(0.0, abs=1e-9)
    assert found.theirs.value == pytest.approx(0.020)
    (blame,) = found.slower
    assert (blame.peer, blame.seconds) == ("postgresql/shop", pytest.approx(0.020))


def test_more_calls_that_cost_as_before_are_the_callers():
    found = split(
        Version(calls={QUERY: (1.0, 0.020, 0.0, 0.0)}),
        Version(calls={QUERY: (10.0, 0.020, 0.0, 0.0)}),
    )
    assert found.own.value == pytest.approx(0.180)
    assert not found.slower


def test_more_calls_and_each_slower_are_shared():
    found = split(
        Version(calls={QUERY: (1.0, 0.020, 0.0, 0.0)}),
        Version(calls={QUERY: (3.0, 0.030, 0.0, 0.0)}),
    )
    assert found.own.value == pytest.approx(0.040)  # two calls more, at the price before
    assert found.theirs.value == pytest.approx(0.030)  # three calls, each 10 ms slower


def test_another_query_is_the_callers():
    found = split(
        Version(calls={QUERY: (1.0, 0.020, 0.0, 0.0)}),
        Version(calls={("postgresql/shop", "SELECT all"): (1.0, 0.090, 0.0, 0.0)}),
    )
    assert found.own.value == pytest.approx(0.070)
    assert found.theirs.value == pytest.approx(0.0, abs=1e-9)


def test_retries_after_failures_are_the_callees():
    found = split(
        Version(calls={QUERY: (1.0, 0.020, 0.0, 0.0)}),
        Version(calls={QUERY: (1.5, 0.020, 0.5, 0.5)}),
    )
    assert found.own.value == pytest.approx(0.0, abs=1e-9)
    assert found.theirs.value == pytest.approx(0.010)


def test_a_faster_callee_does_not_hide_slower_code():
    found = split(
        Version(0.010, calls={QUERY: (1.0, 0.040, 0.0, 0.0)}),
        Version(0.030, calls={QUERY: (1.0, 0.020, 0.0, 0.0)}),
    )
    assert found.own.value == pytest.approx(0.020)
    assert found.theirs.value == pytest.approx(-0.020)


# --- what callees show ----------------------------------------------------------------------------

SLOWER = (
    Version(calls={PRICING: (1.0, 0.020, 0.0, 0.0)}),
    Version(calls={PRICING: (1.0, 0.030, 0.0, 0.0)}),
)
WATCHED = {"services": {"pricing": "pricing"}}


def test_a_watched_callee_that_is_as_fast_as_ever_is_not_blamed():
    """The time was added on the way to it: the caller's pool, its event loop, the network."""
    steady = {"pricing": (callee(0.019, 0.019))}
    found = split(*SLOWER, **WATCHED, callees=steady)
    assert found.own.value == pytest.approx(0.010)
    assert not found.slower


def test_a_watched_callee_that_is_slower_itself_is_blamed():
    slow = {"pricing": (callee(0.019, 0.029))}
    found = split(*SLOWER, **WATCHED, callees=slow)
    assert found.own.value == pytest.approx(0.0, abs=1e-9)
    assert [b.peer for b in found.slower] == ["pricing"]


def test_one_slow_operation_among_many_of_a_callee_is_enough():
    windows = (*callee(0.019, 0.029), *callee(0.5, 0.49, operation="GET /other", count=9 * SERVED))
    found = split(*SLOWER, **WATCHED, callees={"pricing": windows})
    assert [b.peer for b in found.slower] == ["pricing"]


def test_another_operation_of_an_unchanged_callee_is_the_callers_choice():
    """The client span says GET either way."""
    windows = (*callee(0.019, 0.019)[:1], *callee(0.0, 0.029, operation="GET /all")[1:])
    found = split(*SLOWER, **WATCHED, callees={"pricing": windows})
    assert found.own.value == pytest.approx(0.010)
    assert not found.slower


def test_an_operation_that_a_new_build_of_the_callee_renamed_is_the_callees():
    new = ("7", "8")
    windows = (
        *callee(0.019, 0.019, versions=new)[:1],
        *callee(0.0, 0.029, operation="GET /v2/price", versions=new)[1:],
    )
    assert split(*SLOWER, **WATCHED, callees={"pricing": windows}).slower


def test_a_callee_that_was_not_watched_before_is_believed_to_be_slower():
    after = tuple(w for w in callee(0.019, 0.029) if AFTER.span[0] <= w.start)
    assert split(*SLOWER, **WATCHED, callees={"pricing": after}).slower


# --- the old version beside the new one -----------------------------------------------------------


def beside(before, after, old_beside):
    """The old version serves beside the new one in the first half of the after side."""
    windows = [
        Window(w.series, w.start + BEFORE.span[1], w.width, w.count, w.errors, w.histogram)
        for w in windows_of(old_beside, "1")
        if w.start < MINUTES * 30.0
    ]
    usual = around(before, after)
    own = (*usual.own, *(w for w in windows if w.series.name == OWN_TIME))
    calls = (*usual.calls, *(w for w in windows if w.series.name == CALLS))
    found = attribute(Neighbours(own=own, calls=calls), OPERATION, BEFORE, AFTER, SERVED)
    assert found is not None
    return found


FAST = Version(calls={QUERY: (2.0, 0.020, 0.0, 0.0)})
LONG = Version(calls={QUERY: (2.0, 0.040, 0.0, 0.0)})


def test_a_database_that_is_slow_to_the_old_version_as_well_is_blamed():
    assert beside(FAST, LONG, LONG).own.value == pytest.approx(0.0, abs=1e-9)


def test_a_query_that_only_the_new_version_waits_for_longer_is_its_own():
    """The same text, and other parameters."""
    found = beside(FAST, LONG, FAST)
    assert found.own.value == pytest.approx(0.040)
    assert not found.slower


def test_few_calls_of_the_old_version_say_nothing():
    rare = Version(calls={QUERY: (0.05, 0.020, 0.0, 0.0)})
    assert beside(FAST, LONG, rare).slower


# --- failures -------------------------------------------------------------------------------------


def test_failures_without_a_failed_call_are_its_own():
    found = split(Version(failures=0.0), Version(failures=0.1))
    assert found.own_failures.value == pytest.approx(0.1)


def test_failed_calls_are_the_callees_unless_it_does_not_fail():
    """A callee that answers as well as ever was asked for nonsense, or was not reached."""
    before = Version(calls={PRICING: (1.0, 0.020, 0.0, 0.0)})
    after = Version(calls={PRICING: (1.0, 0.020, 0.2, 0.0)})
    failing = {"pricing": (callee(0.019, 0.019, errors=(0.0, 0.2)))}
    found = split(before, after, **WATCHED, callees=failing)
    assert found.their_failures == pytest.approx(0.2)
    assert found.own_failures.value == pytest.approx(0.0)
    well = {"pricing": (callee(0.019, 0.019))}
    found = split(before, after, **WATCHED, callees=well)
    assert found.their_failures == 0.0
    assert found.own_failures.value == pytest.approx(0.2)


def test_retries_of_a_watched_callee_that_fails_and_is_no_slower_are_its_fault():
    before = Version(calls={PRICING: (1.0, 0.020, 0.0, 0.0)})
    after = Version(calls={PRICING: (1.2, 0.025, 0.2, 0.2)})  # with the pauses before them
    failing = {"pricing": (callee(0.019, 0.019, errors=(0.0, 0.2), count=2 * SERVED))}
    found = split(before, after, **WATCHED, callees=failing)
    assert found.own.value == pytest.approx(0.0, abs=1e-9)
    assert found.theirs.value == pytest.approx(1.2 * 0.025 - 0.020)
    assert [b.peer for b in found.slower] == ["pricing"]


def test_more_calls_fail_more_often_without_the_callee_being_worse():
    found = split(
        Version(calls={QUERY: (1.0, 0.020, 0.02, 0.0)}),
        Version(calls={QUERY: (5.0, 0.020, 0.10, 0.0)}),
    )
    assert found.their_failures == pytest.approx(0.0, abs=1e-9)


def test_too_few_requests_say_nothing():
    few = around(Version(), Version())
    late = Side("2", (AFTER.span[0], AFTER.span[0] + 60.0))
    assert attribute(few, OPERATION, BEFORE, late, SERVED) is None
    assert attribute(few, "GET /else", BEFORE, AFTER, SERVED) is None


# --- who is behind a peer -------------------------------------------------------------------------

OPERATIONS = {
    "pricing": frozenset({"GET /price"}),
    "quotes": frozenset({"shop.v1.Quotes/Get"}),
    "shop": frozenset({"GET /cart"}),
}


def link(peer, callee):
    return Series.of(LINKS, service="shop", environment="test", peer=peer, callee=callee)


@pytest.mark.parametrize(
    ("peer", "links", "service"),
    [
        ("pricing", [], "pricing"),
        ("pricing.prod.svc.cluster.local", [], "pricing"),
        ("shop.v1.Quotes", [], "quotes"),
        (":8080", [link(":8080", "pricing")], "pricing"),
        (":8080", [link(":8080", "pricing"), link(":8080", "quotes")], None),
        (":8080", [], None),
        ("postgresql/pricing", [], None),
        ("kafka/quotes", [], None),
    ],
)
def test_which_service_is_behind_a_peer(peer, links, service):
    assert services_behind([peer], links, OPERATIONS).get(peer) == service


def test_waiting_is_told_apart_from_own_time():
    found = split(Version(0.010, calls={QUERY: (2.0, 0.020, 0.0, 0.0)}), Version(0.010))
    assert (found.base, found.waits) == (pytest.approx(0.050), pytest.approx(0.040))
