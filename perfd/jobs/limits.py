"""Says of everything that has a limit whether it is full, or when it will be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from perfd.detect.trends.limit_finding import Looked, Subject, forecast_finding, full_finding
from perfd.detect.trends.saturation import filling, full, peaking
from perfd.detect.trends.settings import TrendSettings
from perfd.interfaces import Meter
from perfd.jobs.gauge_hours import HOUR, GaugeHours, mean
from perfd.jobs.limited import LIMITED, Limited, Parts, parts
from perfd.model.evidence import Found
from perfd.model.series import CPU_SHARE, Series

Array = NDArray[np.float64]
Place = tuple[str, str]  # service and environment

PIECES = 12  # of the last hour, each of which must be full
MATURE = 24  # hours that something must have filled


class Limits:
    """All limits that anybody reports."""

    def __init__(self, settings: TrendSettings, meter: Meter) -> None:
        self._settings = settings
        self._meter = meter

    def found(self, hours: GaugeHours, now: float) -> Iterator[Found]:
        """What is full, or will be; what is not told is counted by what stopped it."""
        users, at = _users(hours), Looked(hours.end, hours.width, now)
        for limited in LIMITED:
            recent = parts(limited, hours.last(PIECES))
            for series, of in parts(limited, hours).items():
                subject = _subject(series, limited, users)
                if series in recent:
                    yield from self._full(subject, limited, of.means, recent[series].means, at)
                if not limited.throttles:
                    yield from self._ahead(subject, limited, of, at)

    def _full(
        self, subject: Subject, limited: Limited, means: Array, recent: Array, at: Looked
    ) -> Iterator[Found]:
        threshold = self._settings.throttled if limited.throttles else self._settings.full
        checks = full(recent, means, threshold)
        passed = all(check.passed for check in checks)
        self._count(f"{limited.used} now", "full" if passed else checks[-1].name)
        if passed:
            level, usual = float(np.nanmean(recent)), float(np.nanmedian(means))
            yield Found(full_finding(subject, level, usual, checks, at))

    def _ahead(self, subject: Subject, limited: Limited, of: Parts, at: Looked) -> Iterator[Found]:
        horizon = self._settings.horizon / HOUR
        if limited.fills:
            forecast = filling(of.lows, of.means, MATURE, horizon)
        else:
            forecast = peaking(of.means, horizon)
        outcome = "will be full" if forecast.passed else forecast.checks[-1].name
        self._count(f"{limited.used} ahead", outcome)
        if forecast.passed:
            yield Found(forecast_finding(subject, forecast, at))

    def _count(self, what: str, outcome: str) -> None:
        self._meter.count("perfd_trends_judged", what=what, outcome=outcome)


def _users(hours: GaugeHours) -> dict[str, Place]:
    """Which service uses most of each host's cores, as far as anybody knows."""
    shares: defaultdict[str, defaultdict[Place, float]] = defaultdict(lambda: defaultdict(float))
    for series, share in hours.last(1).rows(CPU_SHARE, {}, mean).items():
        label = series.label
        place = label.get("service", ""), label.get("environment", "")
        shares[label.get("host", "")][place] += float(np.nan_to_num(share[-1]))
    return {host: max(sorted(of), key=lambda place: of[place]) for host, of in shares.items()}


def _subject(series: Series, limited: Limited, users: dict[str, Place]) -> Subject:
    """A host or a container is told to whoever uses most of it."""
    label = series.label
    own = label.get("service", ""), label.get("environment", "")
    service, environment = own if own[0] else users.get(label.get("host", ""), own)
    return Subject(series, limited.used, limited.called(series), service, environment)
