"""Season: what rises at this hour of every Monday rises without a deploy as well.

The same comparison at the same hours of earlier weeks, or of the day before where there is no week
to look at. Only a version that served on both sides there is asked, so that last week's deploy is
not taken for the custom of the hour.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from perfd.detect import measures
from perfd.detect.candidate import Candidate
from perfd.detect.estimate import compare
from perfd.detect.sides import DAY, version_of
from perfd.detect.status_classes import of_class
from perfd.detect.wording import bound, change
from perfd.model.finding import Check, Interval
from perfd.model.window import Window

NAME = "season"
WITHIN = 0.5  # of the shift that has to be left without what the hour brings


def check(candidate: Candidate) -> Check | None:
    """At least half of the change is more than what the same hours brought before."""
    found = candidate.comparison
    assert found is not None
    if candidate.metric == measures.CPU or candidate.sides.concurrent:
        return None
    shifts = {days: _shift(candidate, days) for days in candidate.case.earlier}
    usual = _usual({days: shift for days, shift in shifts.items() if shift is not None})
    if not usual:
        return None
    shift = min(usual.values())
    left = found.shift - max(shift, 0.0)
    when = ", ".join(f"{days:g} {'day' if days == 1 else 'days'}" for days in sorted(usual))
    inputs: dict[str, float | int | str] = {"shift": found.shift, "usual": shift, "left": left}
    verdict = f"{bound(found, shift)} at the same hours {when} before"
    if left >= WITHIN * found.shift:
        return Check(NAME, True, verdict, inputs)
    return Check(NAME, False, f"{verdict}: {change(found)} is the hour's custom", inputs)


def _usual(shifts: Mapping[float, float]) -> dict[float, float]:
    """Those of whole weeks, else those of days: a Sunday says nothing of a Monday."""
    weeks = {days: shift for days, shift in shifts.items() if days % 7 == 0}
    return weeks or dict(shifts)


def _shift(candidate: Candidate, days: float) -> float | None:
    """What the same hours brought then; None where no version served on both sides."""
    sides, few = candidate.sides, candidate.case.settings.min_requests
    ago = days * DAY / candidate.case.pace
    held = of_class(
        [w for w in candidate.case.earlier[days] if _same(candidate, w)], candidate.status_class
    )
    before, after = (_within(held, span, ago) for span in (sides.span_before, sides.span_after))
    version = _common(before, after, few)
    if version is None:
        return None
    old, new = ([w for w in side if version_of(w) == version] for side in (before, after))
    found = compare(candidate.metric, old, new)
    return None if found is None else found.shift


def _same(candidate: Candidate, window: Window) -> bool:
    return window.series.label.get("operation") == candidate.operation


def _within(windows: Iterable[Window], span: Interval, ago: float) -> list[Window]:
    """Windows whose middle lies in the span, so many seconds earlier."""
    middles = ((w, w.start + w.width / 2.0 + ago) for w in windows)
    return [w for w, middle in middles if span[0] <= middle < span[1]]


def _common(before: Sequence[Window], after: Sequence[Window], few: int) -> str | None:
    """The version with most requests on the side where it has fewer of them."""
    old, new = _requests(before), _requests(after)
    shared = {version: min(old[version], new[version]) for version in old.keys() & new.keys()}
    version = max(shared, key=lambda v: shared[v], default=None)
    return version if version is not None and shared[version] >= few else None


def _requests(windows: Iterable[Window]) -> Counter[str]:
    held: Counter[str] = Counter()
    for window in windows:
        held[version_of(window)] += window.count
    return held
