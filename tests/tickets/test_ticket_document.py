"""The public JSON: the keys that others rely on, and nothing that JSON cannot hold."""

from __future__ import annotations

import dataclasses
import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfd.model.finding import Estimate
from perfd.model.identity import fingerprint, ticket_id
from perfd.model.series import Series
from perfd.model.ticket import Impact, Reference
from perfd.tickets.deploys import claims_in, joined
from perfd.tickets.document import deploy_json, finding_json, ticket_json
from perfd.tickets.events import Seen
from perfd.tickets.follow import step
from perfd.tickets.identity import ids, mark
from tests.tickets.samples import FOUND, POLICY, T0, deploy, finding, found

BASE = "http://perfd:4040"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def document() -> dict[str, object]:
    ticket, _ = step(None, Seen(found()), POLICY, FOUND)
    impact = Impact(16_000.0, 0.6, 178.0)
    return ticket_json(
        dataclasses.replace(ticket, impact=impact, references=(Reference("a", "https://x"),)), BASE
    )


KEYS = {
    *("schema", "id", "fingerprint", "state", "kind", "trigger", "provisional", "service"),
    *("environment", "operation", "metric", "unit", "before", "after", "effect", "change"),
    *("suspects", "hotspots", "exemplars", "ruled_out", "impact", "plan", "verification"),
    *("resolution", "acknowledged_at", "references", "url", "opened_at", "history"),
}


def test_it_has_the_keys_of_the_schema() -> None:
    told = document()
    assert not KEYS - set(told)
    assert told["schema"] == "perfd.ticket/v1"
    assert set(told["before"]) == {"value", "ci", "count", "from", "to", "version"}
    assert set(told["effect"]) == {"ratio", "ci", "absolute"}
    assert set(told["hotspots"][0]) >= {"function", "file", "line", "profile", "status", "unit"}
    assert set(told["hotspots"][0]["self"]) == {"before", "after", "delta", "ci"}
    assert told["hotspots"][0]["per_request"]["unit"] == "s"
    assert told["hotspots"][0]["samples"] == {"before": 1210, "after": 1530}
    assert set(told["exemplars"][0]) == {"trace_id", "span_id", "duration", "side"}
    assert told["verification"]["verdict"] is None
    assert told["url"] == f"{BASE}/tickets/{told['id']}"


def test_times_are_rfc_3339_with_milliseconds() -> None:
    told = document()
    for value in (told["opened_at"], told["change"]["at"], told["before"]["from"]):
        assert TIME.fullmatch(value)


def test_impact_and_plan_hold_only_what_is_known() -> None:
    told = document()
    assert told["impact"] == {
        "requests_per_hour": 16_000.0,
        "share": 0.6,
        "seconds_per_hour": 178.0,
    }
    assert told["plan"]["rollback"] == {"version": "1.0.0"}
    assert told["plan"]["steps"][0]["subject"] == "shop.pricing.apply_rules"


numbers = st.floats(allow_nan=True, allow_infinity=True)


@given(value=numbers, low=numbers, high=numbers)
def test_no_number_breaks_the_json(value: float, low: float, high: float) -> None:
    side = Estimate(value, (low, high), 1, 0.0, math.inf, "1")
    told = finding_json(finding(before=side, after=side, p_value=value))
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def test_a_deploy_is_told_with_its_id() -> None:
    told = deploy_json(deploy("1.1.1", T0, claims=("PERF-AAAAAA",)))
    assert told["at"] == "2026-05-24T14:02:00.000Z"
    assert told["claims"] == ["PERF-AAAAAA"]
    assert len(told["id"]) == 32


class TestFingerprint:
    def test_it_is_the_same_wherever_and_whenever(self) -> None:
        assert mark(finding()) == "55fbb08be61dc4fc9aaa19575a70d939"
        assert ticket_id(mark(finding())) == "PERF-KX53BC"

    @pytest.mark.parametrize(
        "change",
        [
            {"version": "2.0.0", "previous": "1.9.9"},
            {"change_at": T0 + 1e6, "found_at": T0 + 2e6},
            {"metric": "cpu_per_request"},
            {"trigger": "scan"},
            {"p_value": 0.5},
        ],
    )
    def test_version_time_metric_and_culprit_do_not_matter(self, change: dict[str, object]) -> None:
        assert mark(finding(**change)) == mark(finding())

    @pytest.mark.parametrize(
        "change",
        [
            {"service": "checkout"},
            {"environment": "staging"},
            {"operation": "GET /list"},
            {"kind": "leak"},
        ],
    )
    def test_service_environment_operation_and_family_do(self, change: dict[str, object]) -> None:
        assert mark(finding(**change)) != mark(finding())

    def test_kinds_of_one_family_are_one_ticket(self) -> None:
        assert mark(finding(kind="slo_burn")) == mark(finding(kind="slo_drift"))

    def test_without_an_operation_the_resource_counts(self) -> None:
        def about(host: str) -> str:
            series = Series.of("host.load.1m", host=host)
            return mark(finding(operation="", kind="saturation", series=series))

        assert about("a") != about("b")

    @given(st.text(max_size=20))
    def test_ids_are_six_letters_and_there_are_more_when_one_is_taken(self, name: str) -> None:
        candidates = list(ids(fingerprint(name)))
        assert candidates[0] == ticket_id(fingerprint(name))
        assert all(re.fullmatch(r"PERF-[A-Z2-7]{6}", c) for c in candidates)
        assert len(set(candidates)) > 10


class TestClaims:
    @pytest.mark.parametrize(
        ("message", "expected"),
        [
            ("Fix it\n\nPerf-Ticket: PERF-K3QZ7A", ("PERF-K3QZ7A",)),
            ("perf-ticket: perf-k3qz7a", ("PERF-K3QZ7A",)),
            ("Perf-Ticket: PERF-K3QZ7A, PERF-AAAAAA", ("PERF-K3QZ7A", "PERF-AAAAAA")),
            ("mentions PERF-K3QZ7A in passing", ()),
            ("Perf-Ticket: PERF-K3QZ7AB", ()),
            ("", ()),
        ],
    )
    def test_only_a_trailer_claims(self, message: str, expected: tuple[str, ...]) -> None:
        assert claims_in(message) == expected

    def test_a_version_that_comes_back_is_a_deploy_of_its_own(self) -> None:
        known = [deploy("1.1.0", T0), deploy("1.0.0", T0 + 60)]
        back = deploy("1.1.0", T0 + 120)
        assert joined(back, known) == back

    def test_within_fifteen_minutes_it_is_one(self) -> None:
        known = [deploy("1.1.1", T0)]
        assert joined(deploy("1.1.1", T0 + 899, commit="a1"), known).commit == "a1"
        assert joined(deploy("1.1.1", T0 + 899), known).id == known[0].id
        assert joined(deploy("1.1.1", T0 + 901), known).id != known[0].id
