"""Watches instances beside each other, and says which one went bad, since when and by how much."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from perfd.detect.bad_instance import BadInstance, InstanceWatch
from perfd.detect.instance_finding import Place, finding
from perfd.detect.speaker import busier
from perfd.interfaces import Store
from perfd.jobs.requests import instance_requests
from perfd.model.deploy import Deploy
from perfd.model.evidence import Found
from perfd.model.series import CPU_SHARE
from perfd.model.times import LATENESS, floor_to
from perfd.model.window import Window

Record = Callable[[Sequence[Found], Sequence[Deploy], float], None]

MINUTE = 60.0
HOUR = 3600.0


class InstanceJob:
    """Call `run` about once a minute (divided by pace), in a thread.

    It reads the minutes since its last run, and after a start the last hour and a half.
    """

    def __init__(self, store: Store, record: Record, pace: float) -> None:
        self._store = store
        self._record = record
        self._pace = pace
        self._width = MINUTE / pace
        self._watches: dict[Place, InstanceWatch] = {}
        self._upto: float | None = None

    def run(self, now: float) -> None:
        """Look at what came since the last run."""
        complete = floor_to(now - LATENESS, self._width)
        if self._upto is None:
            self._upto = complete - 1.5 * HOUR / self._pace
        found = [
            Found(finding(place, bad, self._hosts(place, bad, now), self._pace, now))
            for place, start, windows in self._served(self._upto, complete)
            for bad in self._watch(place).see(start, windows)
        ]
        if found:
            self._record(found, [], now)
        self._upto = complete

    def _served(self, start: float, end: float) -> list[tuple[Place, float, list[Window]]]:
        grouped: defaultdict[tuple[float, Place], list[Window]] = defaultdict(list)
        for window in busier(*instance_requests(self._store, {}, start, end)):
            label = window.series.label
            place = label.get("service", ""), label.get("environment", "")
            grouped[window.start, place].append(window)
        return [(place, at, grouped[at, place]) for at, place in sorted(grouped)]

    def _watch(self, place: Place) -> InstanceWatch:
        if place not in self._watches:
            self._watches[place] = InstanceWatch(self._pace)
        return self._watches[place]

    def _hosts(self, place: Place, bad: BadInstance, now: float) -> list[str]:
        """Where it runs, as far as somebody samples it there."""
        labels = {"service": place[0], "environment": place[1], "instance": bad.instance}
        since = now - 2.0 * self._width - LATENESS
        gauges = self._store.gauges(CPU_SHARE, labels, since, now)
        return sorted({g.series.label["host"] for g in gauges})
