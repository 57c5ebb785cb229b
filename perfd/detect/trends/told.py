"""What grows, as findings say it: two sides of a line, amounts, rates and dates."""

from __future__ import annotations

import math
from typing import NamedTuple

from perfd.detect.trends.theil_sen import Line
from perfd.model.finding import Effect, Estimate, Interval
from perfd.model.times import to_rfc3339

MIB = float(1 << 20)
FAR = 400.0 * 86_400.0  # seconds; what is farther is not a date


class Sides(NamedTuple):
    """The line's two ends as a comparison."""

    before: Estimate
    after: Estimate
    effect: Effect


class Stretch(NamedTuple):
    """Where a line begins and ends, in seconds, and how many readings it goes through."""

    start: float
    end: float
    readings: int
    version: str = ""


def sides(line: Line, first: float, last: float, stretch: Stretch) -> Sides:
    """Of a line from level `first` to `last`, which turns about its middle by its interval."""
    middle, rise = (first + last) / 2.0, last - first
    low, high = (rise * s / line.slope if line.slope else 0.0 for s in (line.low, line.high))
    ends = (middle - high / 2.0, middle - low / 2.0), (middle + low / 2.0, middle + high / 2.0)
    return between((first, ends[0]), (last, ends[1]), stretch)


def between(first: tuple[float, Interval], last: tuple[float, Interval], stretch: Stretch) -> Sides:
    """Of two levels with their intervals, on a scale on which they can be divided."""
    half = (stretch.start + stretch.end) / 2.0
    count = max(stretch.readings // 2, 1)
    before = Estimate(*first, count, stretch.start, half, stretch.version)
    after = Estimate(*last, count, half, stretch.end, stretch.version)
    absolute = after.value - before.value
    if before.value <= 0.0 or before.ci[0] <= 0.0:
        return Sides(before, after, Effect(None, None, absolute))
    ratios = after.ci[0] / before.ci[1], after.ci[1] / before.ci[0]
    return Sides(before, after, Effect(after.value / before.value, ratios, absolute))


def size(amount: float, ends: Interval | None = None) -> str:
    """`4.1 MiB (4.0 … 4.2)`."""
    unit, name = (MIB, "MiB") if abs(amount) < 1000.0 * MIB else (1024.0 * MIB, "GiB")
    text = f"{amount / unit:.3g} {name}"
    return f"{text} ({ends[0] / unit:.3g} … {ends[1] / unit:.3g})" if ends else text


def when(now: float, ahead: float, ci: Interval) -> str:
    """A date with its interval; all in seconds, `ahead` from `now`."""
    early, late = (_date(now, end) for end in ci)
    return f"{_date(now, ahead)} (between {early} and {late})"


def _date(now: float, ahead: float) -> str:
    if not math.isfinite(ahead) or ahead > FAR:
        return "never"
    return f"{to_rfc3339(now + ahead)[:16]}Z"
