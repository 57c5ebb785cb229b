"""A drift as a finding: by how much a week, since when, and why no ticket comes of it."""

from __future__ import annotations

import math

from perfd.detect.measures import ERROR_RATE
from perfd.detect.scan.table import Subject
from perfd.detect.trends.drift import WEEK, Drift
from perfd.detect.trends.told import Sides, Stretch, between
from perfd.detect.wording import percent
from perfd.model.finding import TREND, Finding, Interval

WITHOUT_TICKET = "a drift opens no ticket: no deploy brought it, so none could be judged to end it"


def finding(subject: Subject, drift: Drift, stretch: Stretch, now: float) -> Finding:
    """`stretch` is what was looked at of the series."""
    told = _told(subject.metric, drift, stretch)
    return Finding(
        kind="regression",
        trigger="scan",
        status=TREND,
        series=subject.series,
        service=subject.service,
        environment=subject.environment,
        operation=subject.operation,
        metric=subject.metric,
        unit=subject.unit,
        change_at=stretch.start,
        change_ci=(stretch.start, stretch.end),
        found_at=now,
        before=told.before,
        after=told.after,
        effect=told.effect,
        p_value=drift.p,
        opened=False,
        reason=_reason(drift),
        checks=drift.checks,
    )


def _told(metric: str, drift: Drift, stretch: Stretch) -> Sides:
    """The line's ends, which turns about its middle by its interval, on the metric's own scale."""
    middle, weeks = (drift.before + drift.after) / 2.0, drift.cells / WEEK
    low, high = (math.log1p(end) * weeks / 2.0 for end in drift.ci)
    first = _natural(metric, drift.before, (middle - high, middle - low))
    last = _natural(metric, drift.after, (middle + low, middle + high))
    return between(first, last, stretch)


def _natural(metric: str, level: float, ci: Interval) -> tuple[float, Interval]:
    def of(x: float) -> float:
        return 1.0 / (1.0 + math.exp(-x)) if metric == ERROR_RATE else math.exp(x)

    return of(level), (of(ci[0]), of(ci[1]))


def _reason(drift: Drift) -> str:
    low, high = (percent(end) for end in drift.ci)
    told = f"not a step but a drift: {percent(drift.weekly)} a week ({low} … {high})"
    if not drift.passed:
        return f"{told}, {drift.checks[-1].verdict.rpartition('; ')[2]}"
    return f"{told}; {WITHOUT_TICKET}"
