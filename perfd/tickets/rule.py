"""The rule by which a fix will be judged, fixed when the ticket opens.

The bound lies around the *old* baseline, so a fix must undo the regression and not merely improve
on it. On the bad side it is m away from the baseline, in logarithms for positive quantities:

    e = |ln(after / before)|                           the measured effect
    m = hypot(max(ln 1.05, e / 3), doubt about the baseline)  room for noise, of two kinds
    m = min(m, e / 2, ln 1.25)                                never nearer to the regression

A version that fixes nothing has its estimate at e; for its 95 % interval to lie below e / 2 the
estimate must be off by half the effect and half the interval. A version that fixes everything
passes once its interval's half width is well under m: with 300 requests the p95 of a latency with a
log standard deviation of 0.5 is known to ± 12 %; effects below 40 % need more requests.

On the good side it is a factor of two: better than before is welcome, but work that takes less than
half of what it ever took is probably not the same work (it fails early, or does less), and a person
should say so. Rates and other quantities that may be zero are treated additively, without that.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

from perfd.model.evidence import Rule
from perfd.model.finding import Estimate, Finding
from perfd.tickets.identity import subject
from perfd.tickets.policy import Policy
from perfd.tickets.wording import band, count, counted, length, metric_name, share

FLOOR = math.log(1.05)  # a smaller margin is below what production noise allows
CEILING = math.log(1.25)  # a fix that leaves a quarter is not one, however bad it was
SHARE_OF_EFFECT = 1 / 3
NEVER_NEARER = 1 / 2
NOT_THE_SAME_WORK = 2.0
ADDITIVE = frozenset({"error_rate", "share"})
MEMORY, HOURS = "memory", 12  # of which there must be so many


def make_rule(finding: Finding, policy: Policy) -> Rule | None:
    """The rule for a finding; None when it has no two sides to compare."""
    before, after = finding.before, finding.after
    if before is None or after is None or before.value == after.value:
        return None
    low, high = bounds(finding.metric, before, after)
    # What a scan compares are whole days: a fix that is judged by its night would always do.
    seconds = max(policy.verify_after, policy.day if finding.trigger == "scan" else 0.0)
    rule = Rule(
        finding.metric,
        finding.unit,
        low,
        high,
        seconds,
        HOURS if finding.metric == MEMORY else policy.verify_requests,
        policy.guard,
        "",
        finding.status_class,
    )
    return dataclasses.replace(rule, text=sentence(rule, subject(finding), finding.service))


def sentence(rule: Rule, operation: str, service: str, quote: Callable[[str], str] = str) -> str:
    """The rule for a person; `quote` puts names in quotation marks of some kind."""
    name = metric_name(rule.metric)
    among = f", among requests of status {rule.status_class}," if rule.status_class else ""
    errors = "" if rule.metric == "error_rate" else " and no more errors than before"
    return (
        f"the 95 % interval of the {name} of {quote(operation or service)}{among} is inside "
        f"{band(rule.low, rule.high, rule.unit)}, over at least {length(rule.min_seconds)} and "
        f"{count(rule.min_count)} {counted(rule.metric)} of a version deployed after this one, "
        f"with no other operation of {quote(service)} worse by {share(rule.guard)}{errors}"
    )


def bounds(metric: str, before: Estimate, after: Estimate) -> tuple[float, float]:
    """(low, high) around the old baseline, in the metric's unit."""
    if metric in ADDITIVE or before.value <= 0 or after.value <= 0:
        return _additive(before, after)
    return _logarithmic(before, after)


def _logarithmic(before: Estimate, after: Estimate) -> tuple[float, float]:
    effect = abs(math.log(after.value / before.value))
    worse_is_more = after.value > before.value
    edge = before.ci[1] if worse_is_more else before.ci[0]
    doubt = abs(math.log(edge / before.value)) if edge > 0 else 0.0
    room = math.hypot(max(FLOOR, effect * SHARE_OF_EFFECT), doubt)
    margin = min(room, effect * NEVER_NEARER, CEILING)
    if worse_is_more:
        return before.value / NOT_THE_SAME_WORK, before.value * math.exp(margin)
    return before.value * math.exp(-margin), before.value * NOT_THE_SAME_WORK


def _additive(before: Estimate, after: Estimate) -> tuple[float, float]:
    effect = abs(after.value - before.value)
    worse_is_more = after.value > before.value
    doubt = abs((before.ci[1] if worse_is_more else before.ci[0]) - before.value)
    margin = min(math.hypot(effect * SHARE_OF_EFFECT, doubt), effect * NEVER_NEARER)
    if worse_is_more:
        return min(0.0, before.value), before.value + margin
    return before.value - margin, max(1.0, before.value)
