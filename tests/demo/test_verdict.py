"""What counts as the demo having shown what it promises."""

import pytest

from perfd.demo.running_perfd import looks_in
from perfd.demo.verdict import (
    no_ticket_problems,
    opened,
    p95_ratio,
    ticket_problems,
    truth_problems,
)


def a_ticket(**changes):
    return {
        "id": "PERF-K3QZ7A",
        "state": "open",
        "service": "pricing",
        "operation": "POST /quote",
        "suspects": [{"version": "1.1.0", "previous": "1.0.0"}],
        "hotspots": [{"function": "merge_discounts"}, {"function": "cut_by"}],
        **changes,
    }


def measured(p95, cores=0.3):
    return {"latency": {"p95": p95}, "cpu_cores": cores}


def a_truth(ratio=1.5, cores=0.4, **load):
    return {
        "p95_ratio": ratio,
        "pricing": {"1.0.0": measured(0.010), "1.1.0": measured(0.015, cores)},
        "load": {"dropped": 0, "failed": 0, **load},
    }


def test_the_right_ticket_is_no_problem():
    assert ticket_problems([a_ticket()]) == []


def test_what_was_never_opened_does_not_count():
    assert ticket_problems([a_ticket(), a_ticket(state="dropped"), a_ticket(state="pending")]) == []
    assert opened([a_ticket(state="pending")]) == []


@pytest.mark.parametrize("tickets", [[], [a_ticket(), a_ticket(service="storefront")]])
def test_one_ticket_is_wanted(tickets):
    (problem,) = ticket_problems(tickets)
    assert f"{len(tickets)} tickets instead of one" in problem


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"service": "storefront"}, "service is 'storefront'"),
        ({"operation": "GET /stock"}, "operation is 'GET /stock'"),
        ({"suspects": []}, "first suspect is None"),
        ({"suspects": [{"version": "1.0.0"}, {"version": "1.1.0"}]}, "first suspect is '1.0.0'"),
        ({"hotspots": []}, "merge_discounts is not among"),
        (
            {"hotspots": [{"function": f} for f in "abc"] + [{"function": "merge_discounts"}]},
            "not among",
        ),
    ],
)
def test_a_ticket_must_name_the_culprit(changes, words):
    (problem,) = ticket_problems([a_ticket(**changes)])
    assert words in problem


DEPLOYS = [{"version": "1.1.0", "previous": "1.0.0"}]


def test_the_control_wants_a_judgement_and_no_ticket():
    assert no_ticket_problems([], DEPLOYS, looks=1) == []
    assert no_ticket_problems([a_ticket(state="dropped")], DEPLOYS, looks=5) == []


@pytest.mark.parametrize("state", ["pending", "open", "verifying", "verified", "closed", "muted"])
def test_the_control_fails_on_any_ticket(state):
    (problem,) = no_ticket_problems([a_ticket(state=state)], DEPLOYS, looks=1)
    assert "nothing is wrong" in problem


@pytest.mark.parametrize("deploys", [[], [*DEPLOYS, {"version": "1.0.0", "previous": "1.1.0"}]])
def test_the_control_fails_if_the_deploy_was_not_noticed(deploys):
    (problem,) = no_ticket_problems([], deploys, looks=1)
    assert "not what was noticed" in problem


def test_the_control_fails_if_nobody_looked():
    (problem,) = no_ticket_problems([], DEPLOYS, looks=0)
    assert "no deploy was judged" in problem


def test_looks_are_read_from_the_metrics():
    metrics = """# TYPE perfd_deploys_judged_total counter
perfd_deploys_judged_total{state="waiting"} 30.0
perfd_deploys_judged_total{state="judged"} 5.0
perfd_deploys_total 1.0
"""
    assert looks_in(metrics) == 5
    assert looks_in("") == 0


def test_a_good_truth_is_no_problem():
    assert truth_problems(a_truth(), regression=True) == []


@pytest.mark.parametrize(
    "truth",
    [
        a_truth(ratio=1.1),
        a_truth(ratio=2.1),
        a_truth(cores=0.7),
        a_truth(dropped=1),
        a_truth(failed=1),
    ],
)
def test_the_demo_holds_itself_to_its_conditions(truth):
    assert len(truth_problems(truth, regression=True)) == 1


def test_the_control_has_no_ratio_to_hold():
    assert truth_problems(a_truth(ratio=1.0), regression=False) == []


def test_the_ratio_is_of_what_pricing_measured():
    assert p95_ratio({"1.0.0": measured(0.010), "1.1.0": measured(0.015)}) == 1.5
    assert p95_ratio({"1.0.0": measured(0.010)}) is None
