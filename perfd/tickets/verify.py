"""The verdict on a deploy after the ticket, by the rule that was fixed when the ticket opened.

Looking again and again until noise is kind would verify what fixes nothing, so a look is due only
when the data have grown by half since the last. In simulation (300 requests at first, looks for
three days) a version that fixes nothing of a 5 % regression is then verified in 1.7 % of cases, of
a 10 % one in 0.4 %, of a 20 % one never in 1,500; one that fixes all of it in 97 % and more.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from perfd.model.evidence import Rule
from perfd.model.finding import Check, Estimate
from perfd.model.ticket import Ticket, Verdict, Verification
from perfd.tickets.wording import (
    band,
    count,
    counted,
    length,
    metric_name,
    quantity,
    scale_of,
    share,
)

ERRORS = "error_rate"
GROWTH = 1.5  # of the number of requests between two looks
MORE_ERRORS = 0.005  # of all requests; below half a point a rise is not held against a fix


@dataclass(frozen=True, slots=True)
class Guard:
    """Something else that must not have got worse: another operation, or the errors of this one."""

    operation: str
    metric: str
    unit: str
    before: Estimate
    after: Estimate


def verdict(
    rule: Rule,
    ticket: Ticket,
    after: Estimate | None,
    guards: Sequence[Guard],
    now: float,
    hosts: Check | None = None,
) -> Verification:
    """The ticket's verification with its verdict (None: not fixed, and never said to be).

    `after` is the metric under the version that is verifying, None when it was not measured.
    `hosts` not passed means that they were busy with something else: then nothing is held against
    the fix, and it is looked at again.
    """
    found = _by_rule(rule, ticket, after, guards, now)
    if hosts is None or hosts.passed or not _against(found):
        return found
    return _told(ticket, Verdict.INCONCLUSIVE, f"{found.text}; {hosts.verdict}", after, now)


def _against(found: Verification) -> bool:
    """Whether a verdict sends the ticket back to open."""
    return found.verdict not in (Verdict.VERIFIED, Verdict.INCONCLUSIVE)


def _by_rule(
    rule: Rule, ticket: Ticket, after: Estimate | None, guards: Sequence[Guard], now: float
) -> Verification:
    if after is None or not _enough(rule, after):
        return _told(ticket, Verdict.INCONCLUSIVE, _missing(rule, after), after, now)
    if rule.low <= after.ci[0] and after.ci[1] <= rule.high:
        return _inside(rule, ticket, after, guards, now)
    if _beyond(rule, ticket, after):
        return _not_fixed(rule, ticket, after, now)
    return _told(ticket, Verdict.INCONCLUSIVE, _undecided(rule, ticket, after), after, now)


def due(rule: Rule, verification: Verification, after: Estimate | None) -> bool:
    """Whether to look: at first, once there is enough, and when the data have grown by half."""
    if verification.verdict is None:
        return True
    if after is None:
        return False
    last = verification.after
    if last is None or (_enough(rule, after) and not _enough(rule, last)):
        return True
    return after.count >= GROWTH * last.count


def _inside(
    rule: Rule, ticket: Ticket, after: Estimate, guards: Sequence[Guard], now: float
) -> Verification:
    numbers = _numbers(rule, ticket, after)
    broken = [words for guard in guards if (words := _broken(guard, rule))]
    if broken:
        text = f"{numbers}: inside it; but {'; '.join(broken)}"
        return _told(ticket, Verdict.PARTIAL, text, after, now)
    return _told(ticket, Verdict.VERIFIED, f"{numbers}: inside it", after, now)


def _not_fixed(rule: Rule, ticket: Ticket, after: Estimate, now: float) -> Verification:
    """Better and not good enough, or no better; only a deploy that claims the fix has failed."""
    numbers = _numbers(rule, ticket, after)
    if _improved(ticket, after):
        text = f"{numbers}: better, but not back; {_left(ticket, after)}"
        return _told(ticket, Verdict.PARTIAL, text, after, now)
    if ticket.verification.claimed:
        return _told(ticket, Verdict.FAILED, f"{numbers}: no better", after, now)
    text = f"{numbers}: no better, and it did not say that it was the fix"
    return _told(ticket, None, text, after, now)


def _enough(rule: Rule, after: Estimate) -> bool:
    return after.count >= rule.min_count and after.end - after.start >= rule.min_seconds


def _worse_is_more(ticket: Ticket) -> bool:
    assert ticket.before is not None and ticket.after is not None  # noqa: PT018
    return ticket.after.value > ticket.before.value


def _beyond(rule: Rule, ticket: Ticket, after: Estimate) -> bool:
    """Whether the whole interval is on the bad side of the bound."""
    return after.ci[0] > rule.high if _worse_is_more(ticket) else after.ci[1] < rule.low


def _improved(ticket: Ticket, after: Estimate) -> bool:
    """Whether the intervals of the fix and of the regression are apart, in the right direction."""
    assert ticket.after is not None
    if _worse_is_more(ticket):
        return after.ci[1] < ticket.after.ci[0]
    return after.ci[0] > ticket.after.ci[1]


def _broken(guard: Guard, rule: Rule) -> str:
    """What a guard has against the fix: a rise that both intervals agree on; else empty."""
    if min(guard.before.count, guard.after.count) < rule.min_count:
        return ""
    if guard.metric == ERRORS:
        limit = guard.before.ci[1] + MORE_ERRORS
    else:
        limit = guard.before.ci[1] * (1 + rule.guard)
    if guard.after.ci[0] <= limit:
        return ""
    scale = scale_of(guard.unit, guard.before.value, guard.after.value)
    sides = (quantity(e.value, guard.unit, e.ci, scale) for e in (guard.before, guard.after))
    return f"{metric_name(guard.metric)} of {guard.operation} went {' → '.join(sides)}"


def _missing(rule: Rule, after: Estimate | None) -> str:
    have, lasted = (after.count, after.end - after.start) if after else (0, 0.0)
    return (
        f"too little yet: {count(have)} of {count(rule.min_count)} {counted(rule.metric)}, "
        f"{length(lasted)} of {length(rule.min_seconds)}"
    )


def _undecided(rule: Rule, ticket: Ticket, after: Estimate) -> str:
    numbers = _numbers(rule, ticket, after)
    better = after.ci[1] < rule.low if _worse_is_more(ticket) else after.ci[0] > rule.high
    if better:
        return f"{numbers}: so much better that it may not be the same work; a person should look"
    return f"{numbers}: the interval still reaches over the bound"


def _numbers(rule: Rule, ticket: Ticket, after: Estimate) -> str:
    """`p95 43 ms (41 … 44 ms) over 5,000 requests of 1.1.1; it was 41 ms before the change, …`."""
    assert ticket.before is not None and ticket.after is not None  # noqa: PT018
    scale = scale_of(rule.unit, ticket.before.value, ticket.after.value)
    old, bad, new = (
        quantity(e.value, rule.unit, e.ci, scale) for e in (ticket.before, ticket.after, after)
    )
    return (
        f"{metric_name(rule.metric)} {new} ({band(*after.ci, rule.unit, scale)}) "
        f"over {count(after.count)} {counted(rule.metric)} of {ticket.verification.version}; "
        f"it was {old} before the change and {bad} after it, "
        f"and the bound is {band(rule.low, rule.high, rule.unit, scale)}"
    )


def _left(ticket: Ticket, after: Estimate) -> str:
    """How much of the regression is left."""
    assert ticket.before is not None and ticket.after is not None  # noqa: PT018
    left = (after.value - ticket.before.value) / (ticket.after.value - ticket.before.value)
    return f"{share(left)} of the change is left"


def _told(
    ticket: Ticket, verdict: Verdict | None, text: str, after: Estimate | None, now: float
) -> Verification:
    return dataclasses.replace(ticket.verification, verdict=verdict, text=text, after=after, at=now)
