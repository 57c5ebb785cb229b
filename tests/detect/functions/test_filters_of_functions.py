"""What else the rise of a function may be than a regression."""

from __future__ import annotations

import numpy as np
import pytest

from perfd.detect.functions import composition, cost_shift, mix, renamed
from perfd.detect.functions.judge import Judged, judge, representative
from perfd.detect.functions.rise import Cost
from tests.detect.functions.programs import MAIN, QUOTE, program_tree, rise, usual_program

TAX = "shop/tax.py:Tax.rate"


def test_a_function_that_got_dearer_stands() -> None:
    old, new = usual_program(**{TAX: 100.0}), usual_program(**{TAX: 200.0})
    for own in (False, True):
        judged = judge(rise(program_tree(old, new), TAX, own=own))
        assert judged.stands, judged.checks[-1]


def test_a_caller_on_the_way_is_not_the_one_that_is_told() -> None:
    old, new = usual_program(**{TAX: 100.0}), usual_program(**{TAX: 400.0})
    tree = program_tree(old, new)
    looked = [judge(rise(tree, TAX, own=True)), judge(rise(tree, TAX)), judge(rise(tree, QUOTE))]
    chosen = representative(looked)
    assert chosen is not None
    assert chosen.rise.own
    assert (
        representative([Judged(one.rise, (cost_shift.check(looked[0].rise),)) for one in []])
        is None
    )


def test_all_others_rise_when_one_gets_cheaper() -> None:
    old, new = usual_program(**{TAX: 2_000.0}), usual_program(**{TAX: 100.0})
    risen = rise(program_tree(old, new), "shop/help_3.py:help_3", own=True)
    assert risen.counts.shift > 0.4
    assert not composition.check(risen).passed


def test_cpu_per_request_may_contradict_a_share() -> None:
    old, new = usual_program(**{TAX: 100.0}), usual_program(**{TAX: 200.0})
    tree = program_tree(old, new)
    assert composition.check(rise(tree, TAX, cost=Cost(0.02, 0.021, 0.01))).passed
    halved = composition.check(rise(tree, TAX, cost=Cost(0.02, 0.010, 0.01)))
    assert not halved.passed
    assert "did not rise" in halved.verdict


def test_of_few_functions_only_cpu_per_request_can_tell() -> None:
    old, new = {(MAIN,): 500.0, (MAIN, TAX): 100.0}, {(MAIN,): 500.0, (MAIN, TAX): 200.0}
    tree = program_tree(old, new)
    assert not composition.check(rise(tree, TAX)).passed
    assert composition.check(rise(tree, TAX, cost=Cost(0.02, 0.024, 0.01))).passed


@pytest.mark.parametrize("frame", ["shop/tax.py:Tax.of", "shop/other.py:Other.rate"])
def test_another_name_is_no_regression(frame: str) -> None:
    old, new = usual_program(**{TAX: 300.0}), usual_program(**{frame: 300.0})
    found = renamed.check(rise(program_tree(old, new), frame))
    assert not found.passed
    assert found.inputs["former"] == "Tax.rate"


def test_another_name_that_costs_twice_as_much_is_one() -> None:
    old, new = usual_program(**{TAX: 300.0}), usual_program(**{"shop/tax.py:Tax.of": 600.0})
    risen = rise(program_tree(old, new), "shop/tax.py:Tax.of")
    assert renamed.check(risen).passed
    assert cost_shift.check(risen).passed


def test_what_a_function_does_instead_of_its_callee_is_no_regression() -> None:
    stack = (MAIN, QUOTE, TAX)
    look = (*stack, "shop/tax.py:Tax.look")
    old = {**usual_program(), stack: 100.0, look: 200.0}
    new = {**usual_program(), stack: 300.0}
    found = cost_shift.check(rise(program_tree(old, new), TAX, own=True))
    assert not found.passed


def test_a_new_callee_that_does_half_of_it_is_no_regression() -> None:
    stack = (MAIN, QUOTE, TAX)
    old = {**usual_program(), stack: 300.0}
    new = {**usual_program(), stack: 150.0, (*stack, "shop/tax.py:Tax.part"): 150.0}
    found = cost_shift.check(rise(program_tree(old, new), "shop/tax.py:Tax.part", own=True))
    assert not found.passed


def two_entries(quotes: float, orders: float, tax: float) -> dict[tuple[str, ...], float]:
    """Two operations, ten functions each, asked so often; TAX is one of the first."""
    found: dict[tuple[str, ...], float] = {}
    for name, asked in (("quote", quotes), ("order", orders)):
        for i in range(10):
            found[MAIN, f"shop/{name}.py:{name}", f"shop/{name}_{i}.py:{name}_{i}"] = 100.0 * asked
    found[MAIN, "shop/quote.py:quote", TAX] = tax * quotes
    return found


def test_an_operation_that_is_asked_more_often_is_no_regression() -> None:
    tree = program_tree(two_entries(1.0, 1.0, 100.0), two_entries(2.0, 1.0, 100.0))
    asked = {"GET /quote": (72_000.0, 72_000.0), "GET /order": (72_000.0, 36_000.0)}
    risen = rise(tree, TAX, requests=asked)
    assert not mix.check(risen).passed
    nobody = dict.fromkeys(asked, (72000.0, 36000.0))
    assert mix.check(rise(tree, TAX, requests=nobody)).passed


def test_a_regression_under_an_operation_that_is_asked_more_often_is_kept() -> None:
    tree = program_tree(two_entries(1.0, 1.0, 100.0), two_entries(1.5, 1.0, 300.0))
    asked = {"GET /quote": (72_000.0, 54_000.0), "GET /order": (72_000.0, 36_000.0)}
    judged = judge(rise(tree, TAX, own=True, requests=asked))
    assert judged.stands, judged.checks[-1]


def test_parts_of_the_mix_add_up() -> None:
    risen = rise(program_tree(two_entries(1.0, 1.0, 100.0), two_entries(2.0, 1.0, 150.0)), TAX)
    parts = mix.decomposed(risen)
    assert parts.within + parts.mix == pytest.approx(risen.counts.delta, abs=1e-12)
    assert np.sign(parts.within) == np.sign(parts.mix) == 1.0
