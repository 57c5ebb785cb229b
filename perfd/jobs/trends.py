"""Looks for what is no sudden change: slow drift, memory leaks, and limits that are near.

A trend that lasts is one finding: looks that see it again say so under its first time, once a day
or when its status has changed, and not with every look.
"""

from __future__ import annotations

import dataclasses
import itertools
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence

from perfd.detect.settings import DetectSettings
from perfd.detect.trends.drift import HALVES
from perfd.interfaces import Meter, Store
from perfd.jobs.drifts import Drifts
from perfd.jobs.gauge_hours import GaugeHours
from perfd.jobs.leaks import Leaks
from perfd.jobs.limits import Limits
from perfd.model.batch import FINDING
from perfd.model.deploy import Deploy
from perfd.model.evidence import Found
from perfd.model.finding import TREND, Finding
from perfd.model.series import Series
from perfd.model.times import LATENESS
from perfd.tickets.codec import decode

Record = Callable[[Sequence[Found], Sequence[Deploy], float], None]
Subject = tuple[str, str, bool, Series]

RESOURCE_HOURS = 168  # as long as gauges are kept
AGAIN = 86_400.0  # seconds, divided by pace, after which what lasts is told again
LASTS = 2.0 * AGAIN  # what was not seen for so long is over, and another one when it comes back


class TrendJob:
    """Call `run` every six hours and `resources` every hour (divided by pace), in a thread."""

    def __init__(
        self, store: Store, record: Record, settings: DetectSettings, pace: float, meter: Meter
    ) -> None:
        self._store = store
        self._record = record
        self._pace = pace
        self._meter = meter
        self._seen: dict[Subject, Finding] | None = None
        self._lock = threading.Lock()
        self.configure(settings)

    def configure(self, settings: DetectSettings) -> None:
        """Take new settings; what was found stays."""
        of = settings.trends
        self._drifts = Drifts(self._store, of, self._pace, self._meter)
        self._leaks = Leaks(self._store, of, self._pace, self._meter)
        self._limits = Limits(of, self._meter)

    def run(self, now: float) -> None:
        """What drifts."""
        self._tell(self._drifts.found(now - LATENESS, now), now)

    def resources(self, now: float) -> None:
        """What leaks, what is full, and what will be."""
        hours = GaugeHours.upto(self._store, now - LATENESS, self._pace, RESOURCE_HOURS)
        leaks, limits = self._leaks.found(hours, now), self._limits.found(hours, now)
        self._tell(itertools.chain(leaks, limits), now)

    def _tell(self, found: Iterable[Found], now: float) -> None:
        with self._lock:
            seen = self._lasting(now)
            told = [new for one in found if (new := _new(one, seen, now - AGAIN / self._pace))]
            if told:
                self._record(told, [], now)
            seen.update((_subject(one.finding), one.finding) for one in told)
            self._seen = seen

    def _lasting(self, now: float) -> dict[Subject, Finding]:
        """What was found of late; after a start, what the store knows of it."""
        since = now - LASTS / self._pace
        if self._seen is None:
            held = (decode(Finding, d.body) for d in self._store.documents(FINDING, since))
            return {_subject(f): f for f in held if _own(f)}
        return {subject: f for subject, f in self._seen.items() if f.found_at >= since}


def _new(found: Found, seen: Mapping[Subject, Finding], again: float) -> Found | None:
    """The finding under its first time; None where it was told since `again`."""
    finding = found.finding
    last = seen.get(_subject(finding))
    if last is None:
        finding = dataclasses.replace(finding, first_at=finding.change_at)
    elif last.status == finding.status and last.found_at > again:
        return None
    else:
        finding = dataclasses.replace(finding, first_at=last.first_at)
    return dataclasses.replace(found, finding=finding)


def _own(finding: Finding) -> bool:
    """Whether it was found here, and not by the scan, which knows ramps as well."""
    drift = any(check.name == HALVES for check in finding.checks)
    return finding.first_at is not None and (drift or finding.kind in ("leak", "saturation"))


def _subject(finding: Finding) -> Subject:
    """What a finding is about, whenever it was found; that it will be is not that it is."""
    return finding.kind, finding.metric, finding.status == TREND, finding.series
