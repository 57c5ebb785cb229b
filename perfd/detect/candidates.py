"""All tests of one deploy, with one false-alarm budget over all of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from perfd.detect import measures
from perfd.detect.beside import Shift
from perfd.detect.candidate import ALL_OPERATIONS, Candidate
from perfd.detect.case import DeployCase
from perfd.detect.columns import Columns, columns
from perfd.detect.estimate import compare_cells
from perfd.detect.expected import Expected, OneMetric, controls, expected
from perfd.detect.multiple import holm
from perfd.detect.placebo import Grid, grid
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
    alike = [_in_class(one) for one in read]
    on = _grid(read, sides)
    # Where there is no day of history, the trend of the others is subtracted as it is.
    mean = _measured(alike, measures.LATENCY_MEAN, alpha)
    beside = {} if sides.provisional else controls(mean.cells, on)
    found = _judged(_measured(read, measures.ERROR_RATE, alpha), usual, on, {})
    found += _judged(_measured(alike, measures.LATENCY_P95, alpha), usual, on, beside)
    found += _judged(mean, usual, on, beside)
    if sides.cpu_before and sides.cpu_after:
        whole = [_read(case, sides, ALL_OPERATIONS)]
        spent = _measured(whole, measures.CPU, alpha)
        found += _judged(spent, usual, _grid(whole, sides), {})
    return _tested(found, alpha)


def _tested(found: Sequence[Candidate], alpha: float) -> list[Candidate]:
    tested = [c for c in found if is_tested(c)]
    untested = [c for c in found if not is_tested(c)]
    p_values = [c.comparison.p for c in tested if c.comparison is not None]
    verdicts = holm(p_values, [weight(c) for c in tested], alpha)
    return [c.judged(*verdict) for c, verdict in zip(tested, verdicts, strict=True)] + untested


def is_tested(candidate: Candidate) -> bool:
    """Whether it could be compared, and has traffic enough."""
    return candidate.comparison is not None and _enough(candidate)


def weight(candidate: Candidate) -> float:
    """Its part of the budget: what is asked for most gets most, and no less than a little."""
    return IMPORTANCE[candidate.metric] * math.sqrt(requests(candidate.after))


@dataclass(frozen=True, slots=True)
class _Read:
    """The windows of an operation, read once for all of its metrics."""

    bare: Candidate
    before: Columns
    after: Columns
    past: Columns


@dataclass(frozen=True, slots=True)
class _Measured:
    """A metric of all operations; the cells are of those that have traffic enough."""

    bare: Sequence[Candidate]
    cells: Mapping[str, OneMetric]


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


def _measured(read: Sequence[_Read], metric: str, alpha: float) -> _Measured:
    bare = [_bare(one, metric, alpha) for one in read]
    cells: dict[str, OneMetric] = {}
    for one, candidate in zip(read, bare, strict=True):
        old, new = candidate.old, candidate.new
        if old is not None and new is not None and _enough(candidate):
            past = measures.cells_of(metric, one.past, candidate.case.cpu_history)
            cells[candidate.operation] = OneMetric(old, new, past)
    return _Measured(bare, cells)


def _bare(read: _Read, metric: str, alpha: float) -> Candidate:
    bare = read.bare
    old = measures.cells_of(metric, read.before, bare.cpu_before)
    new = measures.cells_of(metric, read.after, bare.cpu_after)
    return replace(bare, metric=metric, threshold=alpha, old=old, new=new)


def _judged(
    measured: _Measured, usual: Variation, on: Grid | None, beside: Mapping[str, Shift]
) -> list[Candidate]:
    """The operations lend each other what they know of the noise."""
    weather = expected(measured.cells, on, beside)
    return [_compared(c, weather.get(c.operation), usual) for c in measured.bare]


def _grid(read: Sequence[_Read], sides: Sides) -> Grid | None:
    """Where placebos are made: the same moments for all operations."""
    before, after = sides.span_before, sides.span_after
    lengths = before[1] - before[0], after[1] - after[0]
    return grid([one.past.start for one in read], lengths)


def _past(sides: Sides, operation: str) -> list[Window]:
    """The history of the operation, or of all."""
    if operation != ALL_OPERATIONS:
        return sides.history.get(operation, [])
    return [window for windows in sides.history.values() for window in windows]


def _compared(candidate: Candidate, weather: Expected | None, usual: Variation) -> Candidate:
    if candidate.old is None or candidate.new is None:
        return candidate
    shift = usual.expected(candidate.metric) + (weather.shift if weather else 0.0)
    comparison = compare_cells(
        candidate.metric,
        candidate.old,
        candidate.new,
        excess=weather.excess if weather else None,
        allowance=usual.allowance(candidate.metric),
        expected=shift,
        chances=weather.chances if weather else 1.0,
        alpha=candidate.threshold,
    )
    return replace(candidate, comparison=comparison, expected=shift)


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
