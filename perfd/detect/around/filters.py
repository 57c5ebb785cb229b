"""The filters of a change of unknown time in their order, cheap ones first.

Those of deploys are asked as they are, since to them the time is the version (by_time.py).
"""

from __future__ import annotations

from collections.abc import Callable

from perfd.detect import waits
from perfd.detect.around import instance, mix, same_hours, season, second_sample, traffic
from perfd.detect.around.by_time import Around, around
from perfd.detect.around.case import ScanCase
from perfd.detect.candidate import Candidate
from perfd.detect.filters import contention, load, sampling
from perfd.model.finding import Check

Filter = Callable[[Around], Check | None]  # None where it has nothing to say


def _of_deploys(ask: Callable[[Candidate], Check | None]) -> Filter:
    """A deploy's filter."""
    return lambda around: ask(around.candidate)


FILTERS: tuple[Filter, ...] = (
    traffic.check,
    _of_deploys(sampling.check),
    _of_deploys(waits.check),
    mix.check,
    season.check,
    _of_deploys(load.check),
    instance.check,
    second_sample.check,
    _of_deploys(contention.check),
)


def trail(case: ScanCase) -> tuple[Check, ...]:
    """What each filter says of a rise; nothing of a fall, of which no ticket comes, or of a gauge.

    Where the windows do not show the change, no more is asked; else all are, since each answer is
    worth reading.
    """
    told = around(case) if case.shift > 0.0 else None
    if told is None:
        return ()
    shown = same_hours.check(told)
    others = (ask(told) for ask in FILTERS) if shown.passed else ()
    return (shown, *(check for check in others if check is not None))
