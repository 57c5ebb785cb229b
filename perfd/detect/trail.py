"""The filters in their order, cheap ones first; their verdicts go with the finding."""

from __future__ import annotations

from collections.abc import Callable

from perfd.detect.candidate import Candidate
from perfd.detect.filters import (
    callees,
    chance,
    contention,
    effect_floor,
    enough_traffic,
    load,
    mix_shift,
    one_instance,
    sampling,
    season,
    traffic_drop,
    went_away,
)
from perfd.model.finding import Check

Filter = Callable[[Candidate], Check | None]  # None where it has nothing to say

DECISIVE: tuple[Filter, ...] = (
    enough_traffic.check,
    went_away.vanished,
    mix_shift.explained,
    chance.check,
    effect_floor.check,
)
EXPLAINING: tuple[Filter, ...] = (
    went_away.check,
    traffic_drop.check,
    sampling.check,
    load.check,
    season.check,
    mix_shift.check,
    callees.check,
    one_instance.check,
    contention.check,
)


def trail(candidate: Candidate) -> tuple[Check, ...]:
    """Verdicts up to the first that stands in the way.

    What would explain a change is only asked where there is one; then all are asked, since each
    answer is worth reading.
    """
    checks: list[Check] = []
    for ask in DECISIVE:
        checks += _asked(ask, candidate)
        if not checks[-1].passed:
            return tuple(checks)
    return (*checks, *(check for ask in EXPLAINING for check in _asked(ask, candidate)))


def _asked(ask: Filter, candidate: Candidate) -> tuple[Check, ...]:
    check = ask(candidate)
    return () if check is None else (check,)
