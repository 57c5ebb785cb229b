"""All tests of one deploy, with one false-alarm budget over all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from perfd.detect import measures
from perfd.detect.candidate import ALL_OPERATIONS, Candidate
from perfd.detect.case import DeployCase
from perfd.detect.estimate import compare
from perfd.detect.excess import Raw, moderated, raw
from perfd.detect.multiple import holm
from perfd.detect.noise import Spread
from perfd.detect.sides import Sides
from perfd.detect.variation import Variation, variation
from perfd.model.window import Window

# The mean is the metric with most power; a rise of errors needs less to be seen.
IMPORTANCE = {
    measures.LATENCY_MEAN: 0.5,
    measures.LATENCY_P95: 0.3,
    measures.ERROR_RATE: 0.2,
    measures.CPU: 0.2,
}


def candidates(case: DeployCase, sides: Sides, alpha: float) -> list[Candidate]:
    """Each metric of each operation that both sides know, with its verdict under the budget.

    What has too little traffic is not tested, and so takes nothing from the budget of the rest.
    """
    usual = variation(case, sides)
    found: list[Candidate] = []
    for metric in measures.OF_OPERATIONS:
        operations = sorted(set(sides.before) & set(sides.after))
        found += _of_metric(case, sides, metric, operations, usual, alpha)
    if sides.cpu_before and sides.cpu_after:
        found += _of_metric(case, sides, measures.CPU, [ALL_OPERATIONS], usual, alpha)
    return _tested(found, alpha)


def _tested(found: Sequence[Candidate], alpha: float) -> list[Candidate]:
    tested = [c for c in found if c.comparison is not None and _enough(c)]
    untested = [c for c in found if not (c.comparison is not None and _enough(c))]
    p_values = [c.comparison.p for c in tested if c.comparison is not None]
    verdicts = holm(p_values, [_weight(c) for c in tested], alpha)
    return [c.judged(*verdict) for c, verdict in zip(tested, verdicts, strict=True)] + untested


def _weight(candidate: Candidate) -> float:
    """Its part of the budget: what is asked for most gets most, and no less than a little."""
    return IMPORTANCE[candidate.metric] * math.sqrt(requests(candidate.after))


def _of_metric(
    case: DeployCase,
    sides: Sides,
    metric: str,
    operations: Sequence[str],
    usual: Variation,
    alpha: float,
) -> list[Candidate]:
    """One metric of all operations, which lend each other what they know of the noise."""
    bare = [_bare(case, sides, operation, metric, alpha) for operation in operations]
    own = {c.operation: held for c in bare if (held := _raw(c)) is not None}
    excess = dict(zip(own, moderated(list(own.values())), strict=True))
    return [_compared(c, excess.get(c.operation), usual, alpha) for c in bare]


def _bare(case: DeployCase, sides: Sides, operation: str, metric: str, alpha: float) -> Candidate:
    before, after = _windows(sides, operation)
    cpu = sides.cpu_before, sides.cpu_after
    return Candidate(case, sides, operation, metric, tuple(before), tuple(after), *cpu, None, alpha)


def _raw(candidate: Candidate) -> Raw | None:
    """What the operation itself says of the noise of its comparison."""
    sides, metric = candidate.sides, candidate.metric
    old = measures.read(metric, candidate.before, candidate.cpu_before)
    new = measures.read(metric, candidate.after, candidate.cpu_after)
    if old is None or new is None or not _enough(candidate):
        return None
    past = measures.read(metric, _past(candidate), candidate.case.cpu_history)
    before, after = sides.span_before, sides.span_after
    return raw(old, new, past, (before[1] - before[0], after[1] - after[0]))


def _past(candidate: Candidate) -> list[Window]:
    """The history of the operation, or of all."""
    history = candidate.sides.history
    if candidate.operation != ALL_OPERATIONS:
        return history.get(candidate.operation, [])
    return [window for windows in history.values() for window in windows]


def _compared(
    candidate: Candidate, excess: Spread | None, usual: Variation, alpha: float
) -> Candidate:
    expected = usual.expected(candidate.metric)
    comparison = compare(
        candidate.metric,
        candidate.before,
        candidate.after,
        candidate.cpu_before,
        candidate.cpu_after,
        excess=excess,
        allowance=usual.allowance(candidate.metric),
        expected=expected,
        alpha=alpha,
    )
    return replace(candidate, comparison=comparison, expected=expected)


def _windows(sides: Sides, operation: str) -> tuple[list[Window], list[Window]]:
    if operation != ALL_OPERATIONS:
        return sides.baseline(operation), sides.after[operation]
    before = [w for windows in sides.before.values() for w in windows]
    return before, [w for windows in sides.after.values() for w in windows]


def _enough(candidate: Candidate) -> bool:
    return fewest(candidate) >= candidate.case.settings.min_requests


def fewest(candidate: Candidate) -> int:
    """Requests on the side that has fewer of them."""
    return min(requests(candidate.before), requests(candidate.after))


def requests(windows: Sequence[Window]) -> int:
    """Requests in all windows."""
    return sum(w.count for w in windows)
