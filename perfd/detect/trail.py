"""The filters in their order, cheap ones first; their verdicts go with the finding."""

from __future__ import annotations

from collections.abc import Callable

from perfd.detect.candidate import Candidate
from perfd.detect.filters import chance, effect_floor, enough_traffic, went_away
from perfd.model.finding import Check

Filter = Callable[[Candidate], Check]

DECISIVE: tuple[Filter, ...] = (enough_traffic.check, chance.check, effect_floor.check)
EXPLAINING: tuple[Filter, ...] = (went_away.check,)


def trail(candidate: Candidate) -> tuple[Check, ...]:
    """Verdicts up to the first that stands in the way.

    What would explain a change is only asked where there is one; then all are asked, since each
    answer is worth reading.
    """
    checks: list[Check] = []
    for ask in DECISIVE:
        checks.append(ask(candidate))
        if not checks[-1].passed:
            return tuple(checks)
    return (*checks, *(ask(candidate) for ask in EXPLAINING))
