"""Something that is full, or will be: a resource's part of its limit as a finding."""

from __future__ import annotations

import math
from dataclasses import dataclass

from perfd.detect.trends.saturation import Forecast
from perfd.detect.trends.told import Sides, Stretch, sides, when
from perfd.model.finding import CONFIRMED, TREND, Check, Effect, Estimate, Finding
from perfd.model.series import Series

HOUR_PARTS = 12
WITHOUT_TICKET = "it opens no ticket: whether more room or less use is the answer, no deploy tells"


@dataclass(frozen=True, slots=True)
class Subject:
    """What has the limit: its series, the metric's public name, and what a person calls it.

    `service` and `environment` are who uses it most, empty where nobody knows.
    """

    series: Series
    metric: str
    words: str
    service: str = ""
    environment: str = ""


@dataclass(frozen=True, slots=True)
class Looked:
    """When: the last hour ended at `end`, an hour is `width` long (divided by pace)."""

    end: float
    width: float
    now: float


def full_finding(
    subject: Subject, level: float, usual: float, checks: tuple[Check, ...], at: Looked
) -> Finding:
    """It has been full for the last hour; `usual` is what it was in the days before."""
    start = at.end - at.width
    told = Sides(
        Estimate(usual, (usual, usual), HOUR_PARTS, start - at.width, start, ""),
        Estimate(level, (level, level), HOUR_PARTS, start, at.end, ""),
        Effect(level / usual if usual > 0.0 else None, None, level - usual),
    )
    reason = f"{subject.words} was at {level:.0%} for an hour; {WITHOUT_TICKET}"
    return _finding(subject, CONFIRMED, told, reason, checks, at)


def forecast_finding(subject: Subject, forecast: Forecast, at: Looked) -> Finding:
    """It will reach its limit."""
    ahead, (early, late) = forecast.ahead, forecast.ci
    stretch = Stretch(at.end - forecast.hours * at.width, at.end, forecast.hours)
    told = sides(forecast.line, forecast.first, forecast.level, stretch)
    date = when(at.now, ahead * at.width, (early * at.width, late * at.width))
    reason = f"{subject.words} is at {forecast.level:.0%}, and full on {date}; {WITHOUT_TICKET}"
    inputs: dict[str, float | int | str] = {"hours": ahead, "early": early}
    if math.isfinite(late):
        inputs["late"] = late
    verdict = f"full in {ahead:.0f} hours ({early:.0f} … {late:.0f})"
    checks = (*forecast.checks, Check("date", True, verdict, inputs))
    return _finding(subject, TREND, told, reason, checks, at, forecast.p)


def _finding(
    subject: Subject,
    status: str,
    told: Sides,
    reason: str,
    checks: tuple[Check, ...],
    at: Looked,
    p: float | None = None,
) -> Finding:
    return Finding(
        kind="saturation",
        trigger="scan",
        status=status,
        series=subject.series,
        service=subject.service,
        environment=subject.environment,
        operation="",
        metric=subject.metric,
        unit="1",
        change_at=told.before.start,
        change_ci=(told.before.start, told.after.start),
        found_at=at.now,
        before=told.before,
        after=told.after,
        effect=told.effect,
        p_value=p,
        opened=False,
        reason=reason,
        checks=checks,
    )
