"""All tests of one deploy, with one false-alarm budget over all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from perfd.detect import measures
from perfd.detect.candidate import ALL_OPERATIONS, Candidate
from perfd.detect.case import DeployCase
from perfd.detect.cells import Cells
from perfd.detect.columns import Columns, columns
from perfd.detect.estimate import compare_cells
from perfd.detect.excess import Raw, moderated, raw
from perfd.detect.multiple import holm
from perfd.detect.noise import Spread
from perfd.detect.sides import Sides
from perfd.detect.status_classes import ALL, compared, of_class
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
    operations = sorted(set(sides.before) & set(sides.after))
    read = [_read(case, sides, operation) for operation in operations]
    found: list[Candidate] = []
    alike = [_in_class(one) for one in read]
    for metric in measures.OF_OPERATIONS:
        chosen = read if metric == measures.ERROR_RATE else alike
        found += _of_metric(chosen, metric, usual, alpha)
    if sides.cpu_before and sides.cpu_after:
        found += _of_metric([_read(case, sides, ALL_OPERATIONS)], measures.CPU, usual, alpha)
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


@dataclass(frozen=True, slots=True)
class _Read:
    """The windows of an operation, read once for all of its metrics."""

    bare: Candidate
    before: Columns
    after: Columns
    past: Columns

    def cells(self, metric: str) -> tuple[Cells | None, Cells | None]:
        """The metric on both sides."""
        old = measures.cells_of(metric, self.before, self.bare.cpu_before)
        return old, measures.cells_of(metric, self.after, self.bare.cpu_after)


def _read(case: DeployCase, sides: Sides, operation: str, status_class: str = ALL) -> _Read:
    before, after = (of_class(w, status_class) for w in _windows(sides, operation))
    past = of_class(_past(sides, operation), status_class)
    cpu = sides.cpu_before, sides.cpu_after
    bare = Candidate(case, sides, operation, "", tuple(before), tuple(after), *cpu, None, 0.0)
    bare = replace(bare, status_class=status_class)
    return _Read(bare, columns(before), columns(after), columns(past))


def _in_class(read: _Read) -> _Read:
    """What to compare latency in, where the mix of status classes changed."""
    bare = read.bare
    name = compared(bare.before, bare.after, bare.case.settings.min_requests)
    return read if name == ALL else _read(bare.case, bare.sides, bare.operation, name)


def _of_metric(
    read: Sequence[_Read], metric: str, usual: Variation, alpha: float
) -> list[Candidate]:
    """One metric of all operations, which lend each other what they know of the noise."""
    bare = [_bare(one, metric, alpha) for one in read]
    own = {
        c.operation: raw
        for c, one in zip(bare, read, strict=True)
        if (raw := _raw(c, one)) is not None
    }
    excess = dict(zip(own, moderated(list(own.values())), strict=True))
    return [_compared(c, excess.get(c.operation), usual, alpha) for c in bare]


def _bare(read: _Read, metric: str, alpha: float) -> Candidate:
    old, new = read.cells(metric)
    return replace(read.bare, metric=metric, threshold=alpha, old=old, new=new)


def _raw(candidate: Candidate, read: _Read) -> Raw | None:
    """What the operation itself says of the noise of its comparison."""
    if candidate.old is None or candidate.new is None or not _enough(candidate):
        return None
    past = measures.cells_of(candidate.metric, read.past, candidate.case.cpu_history)
    before, after = candidate.sides.span_before, candidate.sides.span_after
    lengths = before[1] - before[0], after[1] - after[0]
    return raw(candidate.old, candidate.new, past, lengths)


def _past(sides: Sides, operation: str) -> list[Window]:
    """The history of the operation, or of all."""
    if operation != ALL_OPERATIONS:
        return sides.history.get(operation, [])
    return [window for windows in sides.history.values() for window in windows]


def _compared(
    candidate: Candidate, excess: Spread | None, usual: Variation, alpha: float
) -> Candidate:
    if candidate.old is None or candidate.new is None:
        return candidate
    expected = usual.expected(candidate.metric)
    comparison = compare_cells(
        candidate.metric,
        candidate.old,
        candidate.new,
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
