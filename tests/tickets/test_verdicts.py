"""The rule and its verdicts: a fix passes, a non-fix does not, and the words carry the numbers."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfd.model.finding import Effect, Estimate
from perfd.model.ticket import Ticket, Verdict
from perfd.tickets.events import Deployed, Seen
from perfd.tickets.follow import step
from perfd.tickets.rule import bounds, make_rule
from perfd.tickets.verify import GROWTH, Guard, due, verdict
from tests.tickets.samples import AFTER, BEFORE, FOUND, POLICY, T0, deploy, estimate, finding, found

NOW = T0 + 9000


def waiting(*, claimed: bool = False, **changes: object) -> Ticket:
    ticket, _ = step(None, Seen(found(**changes)), POLICY, FOUND)
    claims = (ticket.id,) if claimed else ()
    return step(ticket, Deployed(deploy("1.1.1", T0 + 7200, claims=claims)), POLICY, FOUND)[0]


def judge(ticket: Ticket, after: Estimate | None, *guards: Guard) -> tuple[Verdict | None, str]:
    found_ = verdict(ticket.verification.rule, ticket, after, guards, NOW)
    return found_.verdict, found_.text


def side(value: float, like: Estimate = BEFORE) -> Estimate:
    return dataclasses.replace(like, value=value, ci=(value * 0.97, value * 1.03))


class TestVerdict:
    def test_back_at_the_baseline_is_verified(self) -> None:
        found_, text = judge(waiting(), estimate(0.042, 0.002))
        assert found_ is Verdict.VERIFIED
        assert "42 ms" in text
        assert "1.1.1" in text

    def test_better_but_not_back_is_partial_and_says_what_is_left(self) -> None:
        found_, text = judge(waiting(), estimate(0.058, 0.002))
        assert found_ is Verdict.PARTIAL
        assert "54 % of the change is left" in text

    @pytest.mark.parametrize(("claimed", "expected"), [(True, Verdict.FAILED), (False, None)])
    def test_no_better_has_failed_only_if_it_claimed_to_be_the_fix(
        self, claimed: bool, expected: Verdict | None
    ) -> None:
        assert judge(waiting(claimed=claimed), estimate(0.072, 0.002))[0] is expected

    @pytest.mark.parametrize(
        "after",
        [
            None,
            estimate(0.042, 0.001, count=299),
            estimate(0.042, 0.001, seconds=1700),
            estimate(0.049, 0.003),
            estimate(0.012, 0.001),
        ],
        ids=["nothing", "few requests", "too soon", "over the bound", "not the same work"],
    )
    def test_what_cannot_be_decided_is_inconclusive(self, after: Estimate | None) -> None:
        assert judge(waiting(), after)[0] is Verdict.INCONCLUSIVE

    def test_a_fix_that_fails_requests_is_none(self) -> None:
        errors = Guard("POST /quote", "error_rate", "1", side(0.0002), side(0.08, AFTER))
        found_, text = judge(waiting(), estimate(0.042, 0.002), errors)
        assert found_ is Verdict.PARTIAL
        assert "error rate of POST /quote" in text

    def test_a_fix_that_slows_its_neighbour_is_partial(self) -> None:
        slower = Guard("GET /list", "latency.p95", "s", side(0.02), side(0.03, AFTER))
        same = Guard("GET /other", "latency.p95", "s", side(0.02), side(0.0205, AFTER))
        rare = dataclasses.replace(slower, after=dataclasses.replace(slower.after, count=20))
        assert judge(waiting(), estimate(0.042, 0.002), same, rare)[0] is Verdict.VERIFIED
        assert judge(waiting(), estimate(0.042, 0.002), same, slower)[0] is Verdict.PARTIAL

    def test_error_rates_are_judged_additively(self) -> None:
        rates = {
            "metric": "error_rate",
            "unit": "1",
            "before": dataclasses.replace(BEFORE, value=0.0, ci=(0.0, 0.0001)),
            "after": dataclasses.replace(AFTER, value=0.05, ci=(0.045, 0.055)),
            "effect": Effect(None, None, 0.05),
        }
        good = dataclasses.replace(estimate(0.0, 0.0), ci=(0.0, 0.01))
        bad = dataclasses.replace(estimate(0.05, 0.005))
        assert judge(waiting(**rates), good)[0] is Verdict.VERIFIED
        assert judge(waiting(claimed=True, **rates), bad)[0] is Verdict.FAILED

    def test_throughput_is_worse_when_it_is_less(self) -> None:
        rates = {
            "metric": "throughput",
            "unit": "/s",
            "before": side(100.0),
            "after": side(60.0, AFTER),
            "effect": Effect(0.6, (0.58, 0.62), -40.0),
        }
        assert judge(waiting(**rates), estimate(98.0, 3.0))[0] is Verdict.VERIFIED
        assert judge(waiting(**rates), estimate(75.0, 3.0))[0] is Verdict.PARTIAL
        assert judge(waiting(**rates), estimate(60.0, 3.0))[0] is None


def test_a_look_is_due_at_first_once_there_is_enough_and_after_growth() -> None:
    seen = waiting().verification
    rule = seen.rule
    assert due(rule, seen, None)
    told = dataclasses.replace(seen, verdict=Verdict.INCONCLUSIVE, after=estimate(0.04, 0.01, 400))
    assert not due(rule, told, None)
    assert not due(rule, told, estimate(0.04, 0.01, 599))
    assert due(rule, told, estimate(0.04, 0.01, 600))
    early = dataclasses.replace(told, after=estimate(0.04, 0.01, 290))
    assert not due(rule, early, estimate(0.04, 0.01, 299))
    assert due(rule, early, estimate(0.04, 0.01, 300))


class TestRule:
    @given(
        before=st.floats(1e-4, 10),
        ratio=st.floats(1.02, 20).flatmap(lambda r: st.sampled_from([r, 1 / r])),
        width=st.floats(0.001, 0.4),
    )
    def test_the_bound_holds_the_baseline_and_not_the_regression(
        self, before: float, ratio: float, width: float
    ) -> None:
        old = dataclasses.replace(
            BEFORE, value=before, ci=(before * (1 - width), before / (1 - width))
        )
        bad = dataclasses.replace(AFTER, value=before * ratio)
        low, high = bounds("latency.p95", old, bad)
        assert low < before < high
        assert not low <= bad.value <= high
        edge = high if ratio > 1 else low
        assert abs(math.log(edge / before)) <= abs(math.log(ratio)) / 2 * (1 + 1e-9)

    def test_the_sentence_says_it_all(self) -> None:
        rule = make_rule(finding(), POLICY)
        for words in ("p95 of POST /quote", "21 … 50 ms", "30 min", "300 requests", "5 %"):
            assert words in rule.text

    def test_without_two_sides_there_is_no_rule(self) -> None:
        assert make_rule(finding(before=None), POLICY) is None


class TestOperatingPoint:
    """The whole verification of a p95, look by look, with the interval that its density gives.

    Requests are log-normal, log standard deviation 0.5: 300 of them know the p95 to ± 12 %.
    """

    TRIALS = 1_500
    ONE = math.sqrt(0.05 * 0.95) / 0.1031 * 0.5  # standard error of ln p95 with one request

    def verified(self, true: float, effect: float) -> float:
        """The share of verified trials, looking whenever the data have grown by half."""
        random = np.random.default_rng(7)
        old = dataclasses.replace(BEFORE, value=1.0, ci=(0.99, 1.01))
        low, high = np.log(bounds("latency.p95", old, dataclasses.replace(AFTER, value=effect)))
        total, requests, done = np.zeros(self.TRIALS), 0.0, 0
        undecided = np.ones(self.TRIALS, bool)
        for size in (300 * GROWTH**look for look in range(13)):  # 300 to 38,900 requests
            more = size - requests
            total += random.normal(0, self.ONE * math.sqrt(more), self.TRIALS)
            requests = size
            level, half = math.log(true) + total / size, 1.96 * self.ONE / math.sqrt(size)
            inside = undecided & (level - half >= low) & (level + half <= high)
            done += int(inside.sum())
            undecided &= ~inside & (level - half <= high)
        return done / self.TRIALS

    @pytest.mark.parametrize(
        ("effect", "most"), [(1.05, 0.03), (1.1, 0.01), (1.2, 0.001), (1.5, 0.001), (5.0, 0.001)]
    )
    def test_a_version_that_fixes_nothing_is_not_verified(self, effect: float, most: float) -> None:
        assert self.verified(effect, effect) <= most

    @pytest.mark.parametrize("effect", [1.05, 1.1, 1.2, 1.5, 2.0])
    def test_a_version_that_fixes_all_is_verified(self, effect: float) -> None:
        assert self.verified(1.0, effect) > 0.95

    def test_half_a_fix_is_not_verified(self) -> None:
        assert self.verified(math.sqrt(1.5), 1.5) <= 0.01
