"""The filters in their order; their verdicts go with the step."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from perfd.detect.scan.suspect import Suspect
from perfd.model.finding import Check

Filter = Callable[[Suspect], Check]


def trail(suspect: Suspect, filters: Sequence[Filter]) -> tuple[Check, ...]:
    """Verdicts up to the first that stands in the way."""
    checks: list[Check] = []
    for ask in filters:
        checks.append(ask(suspect))
        if not checks[-1].passed:
            break
    return tuple(checks)
