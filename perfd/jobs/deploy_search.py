"""Finds deploys in the traffic: versions that rise, restarts without a name, announcements.

Cheap between deploys: each run reads the request counts of the last minutes only.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from perfd.detect.deploys import Traffic, VersionWatch, joined, unexplained
from perfd.detect.restarts import RestartWatch
from perfd.detect.speaker import busier
from perfd.interfaces import Store
from perfd.jobs.requests import instance_requests
from perfd.model.deploy import ANNOUNCED, Deploy
from perfd.model.series import UNKNOWN
from perfd.model.times import LATENESS, floor_to
from perfd.model.window import Window

Place = tuple[str, str]  # service and environment

MINUTE = 60.0
HOUR = 3600.0
DAY = 86_400.0
LATE_WINDOWS = 15  # behind the newest, that are read again: pipelines may take minutes


class Arrivals(Protocol):
    """What is known of windows that others forward."""

    def complete(self, now: float) -> float:
        """Up to when all of them are here that are worth waiting for."""
        ...

    def earliest(self) -> float:
        """The earliest window that came for the first time since this was last asked."""
        ...


class DeploySearch:
    """What serves where, from window to window; `join` is in seconds, divided by pace already."""

    def __init__(
        self, store: Store, pace: float, join: float, arrivals: Arrivals | None = None
    ) -> None:
        self._store, self._arrivals = store, arrivals
        self._pace = pace
        self._width = MINUTE / pace
        self._join = join
        self._watches: dict[Place, VersionWatch] = {}
        self._restarts: dict[Place, RestartWatch] = {}
        self._upto: float | None = None
        self._since = 0.0  # where looking began

    def complete(self, now: float) -> float:
        """Up to when the windows are here; what came too late for the last run is looked at anew.

        Traffic that was forwarded after an outage is found as it would have been after a restart.
        """
        known = now - LATENESS
        if self._arrivals is not None:
            known = min(known, self._arrivals.complete(now))
            if self._upto is not None and self._arrivals.earliest() < self._upto:
                self._watches.clear()
                self._restarts.clear()
                self._upto = None
        complete = floor_to(known, self._width)
        return complete if self._upto is None else max(complete, self._upto)

    def find(self, complete: float, known: Sequence[Deploy]) -> list[Deploy]:
        """Deploys that are not known yet, or now known better, in the traffic up to `complete`.

        Call `found` once they are recorded.
        """
        if self._upto is None:
            self._since = self._upto = self._resume(complete, known)
        # What came late belongs to windows that were seen, or that were empty then.
        late = max(self._since, min(self._upto, complete - LATE_WINDOWS * self._width))
        windows = self._served(late, complete)
        found = []
        for place, traffic in _traffic(windows):
            seen = self._watch(place).see_late(traffic)
            found += [joined(deploy, known, self._join) for deploy in seen]
        for place, start, instances in _nameless(windows):
            if restart := self._restarts_of(place).see_new(start, instances):
                found.append(joined(restart, known, self._join))
        found += [done for deploy in known if (done := self._completed(deploy)) != deploy]
        return [deploy for deploy in found if deploy not in known]

    def found(self, complete: float) -> None:
        """What there was up to `complete` is recorded; the next run takes up there."""
        self._upto = complete

    def serving(self, place: Place) -> Collection[str]:
        """Versions that serve there now; none where no traffic was seen."""
        return self._watch(place).serving

    def _resume(self, complete: float, known: Sequence[Deploy]) -> float:
        """Where to take up: an hour ago, or where versions changed while nobody looked."""
        hour = HOUR / self._pace
        hours = _traffic(self._served(complete - DAY / self._pace, complete, hour))
        # Whole hours, so that those who served before and the windows that follow leave no gap.
        upto = min(unexplained(hours, known, hour, self._join), floor_to(complete - hour, hour))
        earlier = [deploy for deploy in known if deploy.at < upto]
        for (service, environment), traffic in hours:
            if traffic.start + hour <= upto + self._width / 2.0:
                self._watch((service, environment)).resume(traffic, earlier)
        return upto

    def _completed(self, deploy: Deploy) -> Deploy:
        """An announcement with what ran before it; that may be the same version."""
        watch = self._watches.get((deploy.service, deploy.environment))
        if deploy.previous or deploy.source != ANNOUNCED or watch is None:
            return deploy
        return dataclasses.replace(deploy, previous=watch.leading(deploy.at - self._join))

    def _served(self, start: float, end: float, step: float | None = None) -> list[Window]:
        """Requests by instance, as spans or a metric count them."""
        return busier(*instance_requests(self._store, {}, start, end, step))

    def _watch(self, place: Place) -> VersionWatch:
        if place not in self._watches:
            self._watches[place] = VersionWatch(*place, self._width, self._join)
        return self._watches[place]

    def _restarts_of(self, place: Place) -> RestartWatch:
        if place not in self._restarts:
            self._restarts[place] = RestartWatch(*place, self._width, self._join)
        return self._restarts[place]


def _traffic(windows: Iterable[Window]) -> list[tuple[Place, Traffic]]:
    """Requests by service, environment and version, in time order."""
    counts: dict[tuple[float, Place], dict[str, int]] = {}
    for window in windows:
        label = window.series.label
        place = (label.get("service", ""), label.get("environment", ""))
        versions = counts.setdefault((window.start, place), {})
        version = label.get("version", "")
        versions[version] = versions.get(version, 0) + window.count
    ordered = sorted(counts.items(), key=lambda item: item[0])
    return [(place, Traffic(start, versions)) for (start, place), versions in ordered]


def _nameless(windows: Iterable[Window]) -> list[tuple[Place, float, set[str]]]:
    """Instances that serve without a version, by service and environment, in time order.

    Where other instances of the service name theirs, the label tells deploys, and not the restart.
    """
    serving: dict[tuple[float, Place], set[str]] = {}
    labelled: set[Place] = set()
    for window in windows:
        label = window.series.label
        place = (label.get("service", ""), label.get("environment", ""))
        if label.get("version", UNKNOWN) != UNKNOWN:
            labelled.add(place)
        elif window.count:
            serving.setdefault((window.start, place), set()).add(label.get("instance", UNKNOWN))
    ordered = sorted(serving.items(), key=lambda item: item[0])
    return [(place, start, who) for (start, place), who in ordered if place not in labelled]
