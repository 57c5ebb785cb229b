"""Filters over what the scan found, and one representative of what changed together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from perfd.detect.functions import composition, cost_shift, mix, renamed
from perfd.detect.functions.rise import Rise
from perfd.detect.wording import percent
from perfd.model.finding import Check

FLOOR = "part of all CPU"
FILTERS: tuple[Callable[[Rise], Check], ...] = (
    composition.check,
    renamed.check,
    cost_shift.check,
    mix.check,
)


@dataclass(frozen=True, slots=True)
class Judged:
    """A rise with its trail."""

    rise: Rise
    checks: tuple[Check, ...]

    @property
    def stands(self) -> bool:
        """No filter stood in the way."""
        return all(check.passed for check in self.checks)


def judge(rise: Rise, before: Iterable[Check] = ()) -> Judged:
    """The trail of one rise, up to the first filter that explains it; `before` came earlier."""
    checks = [*before, _worthwhile(rise)]
    for ask in FILTERS:
        if not checks[-1].passed:
            break
        checks.append(ask(rise))
    return Judged(rise, tuple(checks))


def representative(judged: Sequence[Judged]) -> Judged | None:
    """The one that a developer should read: where the time itself went, else the nearest above.

    Functions on the way to it rise with it; of self samples nothing rises but the function itself.
    Among totals alone the one that rose most for its size is the nearest.
    """
    standing = [one for one in judged if one.stands]
    own = [one for one in standing if one.rise.own]
    if own:
        return max(own, key=lambda one: one.rise.counts.delta)
    return max(standing, key=lambda one: one.rise.counts.shift, default=None)


def _worthwhile(rise: Rise) -> Check:
    """The rise as a part of all CPU time."""
    counts, settings = rise.counts, rise.settings
    low = counts.ci[0]
    passed = counts.delta >= settings.least and low >= 0.5 * settings.least
    verdict = (
        f"{percent(counts.delta).removeprefix('+')} of all CPU time more; "
        f"the floor is {percent(settings.least).removeprefix('+')}"
    )
    inputs: dict[str, float | int | str] = {"delta": counts.delta, "low": low}
    return Check(FLOOR, passed, verdict, inputs | {"floor": settings.least})
