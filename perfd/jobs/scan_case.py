"""Reads from the store what is around a change that the scan found, by the hour."""

from __future__ import annotations

from dataclasses import replace

from perfd.detect.around.case import Change, ScanCase
from perfd.detect.host_readings import HostReadings
from perfd.detect.settings import DetectSettings
from perfd.detect.speaker import chosen, metric_speaks
from perfd.interfaces import Labels, Store
from perfd.jobs.requests import instance_requests, requests
from perfd.jobs.surroundings import surroundings
from perfd.model.series import CPU_TIME, STEADY
from perfd.model.times import floor_to
from perfd.model.window import Window

HOUR = 3600.0
DAY = 86_400.0
BEFORE = 7.0  # days of baseline
EARLIER = (7.0, 14.0, 21.0, 28.0)  # days; as far as windows are kept


class ScanCaseReader:
    """Cells are hours, divided by `pace`, as those of the scan."""

    def __init__(self, store: Store, settings: DetectSettings, pace: float) -> None:
        self._store = store
        self._settings = settings
        self._pace = pace
        self._width = HOUR / pace

    def read(self, change: Change, end: float) -> ScanCase:
        """The case as the complete cells up to `end` show it.

        The cells that hold an end of the interval of its time belong to neither side.
        """
        width, subject = self._width, change.subject
        middle = floor_to(change.ci[0], width), floor_to(change.ci[1], width) + width
        start = middle[0] - BEFORE * DAY / self._pace
        sides = (start, middle[0]), (min(middle[1], end - width), end)
        bare = ScanCase(change, self._settings, self._pace, width, *sides)
        place = {"service": subject.service, "environment": subject.environment}
        return self._with_service(bare, place) if subject.service else bare

    def _with_service(self, bare: ScanCase, place: Labels) -> ScanCase:
        start, end = bare.before[0], bare.after[1]
        spans, metric = requests(self._store, place, start, end, self._width)
        by_metric = metric_speaks(spans, metric)
        by_instance = instance_requests(self._store, place, start, end, self._width)
        gauges = surroundings(self._store, place, start, end, self._width)
        return replace(
            bare,
            requests=tuple(chosen(spans, metric, by_metric)),
            instances=tuple(by_instance[by_metric]),
            cpu=tuple(g for g in gauges if g.series.name == CPU_TIME),
            by_metric=by_metric,
            unspoken=tuple(spans) if by_metric else (),
            hosts=HostReadings(gauges),
            earlier={days: self._earlier(place, start, end, days, by_metric) for days in EARLIER},
        )

    def _earlier(
        self, place: Labels, start: float, end: float, days: float, by_metric: bool
    ) -> tuple[Window, ...]:
        """The same hours so many days ago."""
        ago, labels = days * DAY / self._pace, {**place, "phase": STEADY}
        held = requests(self._store, labels, start - ago, end - ago, self._width)
        return tuple(chosen(*held, by_metric))
