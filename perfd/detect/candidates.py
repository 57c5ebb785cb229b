"""All tests of one deploy, with one false-alarm budget over all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perfd.detect import measures
from perfd.detect.candidate import ALL_OPERATIONS, Candidate
from perfd.detect.case import DeployCase
from perfd.detect.estimate import compare
from perfd.detect.multiple import holm
from perfd.detect.sides import Sides
from perfd.detect.variation import Variation, variation
from perfd.model.window import Window


def candidates(case: DeployCase, sides: Sides, alpha: float) -> list[Candidate]:
    """Each metric of each operation that both sides know, with its verdict under the budget.

    What has too little traffic is not tested, and so takes nothing from the budget of the rest.
    """
    found = [_candidate(case, sides, *key, alpha) for key in _keys(case, sides)]
    tested = [c for c in found if c.comparison is not None and _enough(c)]
    untested = [c for c in found if not (c.comparison is not None and _enough(c))]
    verdicts = holm([c.comparison.p for c in tested if c.comparison is not None], alpha)
    return [c.judged(*verdict) for c, verdict in zip(tested, verdicts, strict=True)] + untested


def _keys(case: DeployCase, sides: Sides) -> Iterator[tuple[str, str, Variation]]:
    usual = variation(case, sides)
    for operation in sorted(set(sides.before) & set(sides.after)):
        for metric in measures.OF_OPERATIONS:
            yield operation, metric, usual
    if sides.cpu_before and sides.cpu_after:
        yield ALL_OPERATIONS, measures.CPU, usual


def _candidate(
    case: DeployCase, sides: Sides, operation: str, metric: str, usual: Variation, alpha: float
) -> Candidate:
    before, after = _windows(sides, operation)
    comparison = compare(
        metric,
        before,
        after,
        sides.cpu_before,
        sides.cpu_after,
        allowance=usual.allowance(operation, metric),
        expected=usual.expected(operation, metric),
        alpha=alpha,
    )
    return Candidate(
        case,
        sides,
        operation,
        metric,
        tuple(before),
        tuple(after),
        sides.cpu_before,
        sides.cpu_after,
        comparison,
        alpha,
    )


def _windows(sides: Sides, operation: str) -> tuple[list[Window], list[Window]]:
    if operation != ALL_OPERATIONS:
        return sides.baseline(operation), sides.after[operation]
    everything = ([w for ws in side.values() for w in ws] for side in (sides.before, sides.after))
    before, after = everything
    return before, after


def _enough(candidate: Candidate) -> bool:
    return fewest(candidate) >= candidate.case.settings.min_requests


def fewest(candidate: Candidate) -> int:
    """Requests on the side that has fewer of them."""
    return min(requests(candidate.before), requests(candidate.after))


def requests(windows: Sequence[Window]) -> int:
    """Requests in all windows."""
    return sum(w.count for w in windows)
