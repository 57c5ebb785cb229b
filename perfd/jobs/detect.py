"""Finds deploys in the traffic and judges those that are due; what comes of it is another's job.

Cheap between deploys: each run reads the request counts of the last minutes only. A deploy is
judged from what the store holds, so a restart changes nothing: the same look gives the same
findings under the same ids.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from perfd.detect.deploy import Judged, judge
from perfd.detect.deploys import WITHDRAWN, Traffic, VersionWatch, joined, unexplained
from perfd.detect.restarts import RestartWatch
from perfd.detect.settings import DetectSettings
from perfd.detect.speaker import busier
from perfd.interfaces import Meter, Store
from perfd.jobs.budgets import Budgets
from perfd.jobs.deploy_case import CaseReader
from perfd.model.batch import DEPLOY, JUDGEMENT, Document
from perfd.model.deploy import ANNOUNCED, Deploy
from perfd.model.evidence import Found
from perfd.model.judgement import JUDGED, SUPERSEDED, WAITING, Judgement
from perfd.model.series import INSTANCE_REQUESTS, METRIC_INSTANCE_REQUESTS, UNKNOWN
from perfd.model.times import LATENESS, floor_to
from perfd.model.window import Window
from perfd.tickets.codec import decode, encode

log = logging.getLogger(__name__)

Record = Callable[[Sequence[Found], Sequence[Deploy], float], None]
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


class DetectJob:
    """Call `run` about once a minute (divided by pace), in a thread.

    `record` writes findings, evidence, deploys and their tickets in one transaction.
    """

    def __init__(
        self,
        store: Store,
        record: Record,
        settings: DetectSettings,
        pace: float,
        meter: Meter,
        arrivals: Arrivals | None = None,
    ) -> None:
        self._store, self._arrivals = store, arrivals
        self._record = record
        self._settings = settings
        self._pace = pace
        self._meter = meter
        self._width = MINUTE / pace
        self._join = settings.join / pace
        self._reader = CaseReader(store, settings, pace)
        self._budgets = Budgets(store, settings.wrong_tickets, meter)
        self._watches: dict[Place, VersionWatch] = {}
        self._restarts: dict[Place, RestartWatch] = {}
        self._upto: float | None = None
        self._since = 0.0  # where looking began

    def configure(self, settings: DetectSettings) -> None:
        """Take new settings; deploys that were judged stay as they are."""
        self._settings = settings
        self._reader = CaseReader(self._store, settings, self._pace)
        self._budgets = Budgets(self._store, settings.wrong_tickets, self._meter)

    def run(self, now: float) -> None:
        """Look at the traffic since the last run, then at the deploys that are due."""
        complete = self._complete(now)
        self._find(complete, now)
        deploys = self._deploys(now)
        for deploy in deploys:
            held = self._judgement(deploy)
            if held is None and deploy.source == WITHDRAWN:
                self._put(_nothing_new(deploy))
            elif held is None or (held.due is not None and held.due <= complete):
                self._try(deploy, held, deploys, complete, now)

    def _complete(self, now: float) -> float:
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

    # --- finding deploys --------------------------------------------------------------------------

    def _find(self, complete: float, now: float) -> None:
        known = self._deploys(now)
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
        found = [deploy for deploy in found if deploy not in known]
        if found:
            self._record([], found, now)
        self._upto = complete

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
        spans, metric = (
            self._store.windows(name, {}, start, end, step)
            for name in (INSTANCE_REQUESTS, METRIC_INSTANCE_REQUESTS)
        )
        return busier(spans, metric)

    def _watch(self, place: Place) -> VersionWatch:
        if place not in self._watches:
            self._watches[place] = VersionWatch(*place, self._width, self._join)
        return self._watches[place]

    def _restarts_of(self, place: Place) -> RestartWatch:
        if place not in self._restarts:
            self._restarts[place] = RestartWatch(*place, self._width, self._join)
        return self._restarts[place]

    # --- judging them -----------------------------------------------------------------------------

    def _try(
        self,
        deploy: Deploy,
        held: Judgement | None,
        deploys: Sequence[Deploy],
        complete: float,
        now: float,
    ) -> None:
        """One deploy that cannot be judged does not keep the others waiting; it is tried again."""
        try:
            self._judge(deploy, held, deploys, complete, now)
        except (ArithmeticError, LookupError, ValueError):
            self._meter.count("perfd_deploys_judged", state="failed")
            log.exception("deploy %s %s could not be judged", deploy.service, deploy.version)

    def _judge(
        self,
        deploy: Deploy,
        held: Judgement | None,
        deploys: Sequence[Deploy],
        complete: float,
        now: float,
    ) -> None:
        replaced = min((d.at for d in deploys if self._replaces(d, deploy)), default=complete)
        case = self._reader.read(deploy, held, min(complete, replaced))
        case = dataclasses.replace(case, share=self._budgets.share(deploy.service, deploy.id, now))
        judged = judge(case, now)
        if judged.spends:
            self._budgets.charge(deploy.service, deploy.id, case.share, now)
        if any(one.evidence for one in judged.found):
            judged = judge(self._reader.with_proof(case), now)
        if replaced < complete and judged.judgement.state == WAITING:
            judged = _superseded(judged)
        if judged.found:
            self._record(judged.found, [], now)
        self._put(judged.judgement)
        self._meter.count("perfd_deploys_judged", state=judged.judgement.state)
        log.info("deploy %s %s: %s", deploy.service, deploy.version, judged.judgement.reason)

    def _replaces(self, later: Deploy, deploy: Deploy) -> bool:
        """Whether a later deploy ends what can be said of this one.

        One that was only announced does when it serves, or when no label would tell; one that
        names a restart does at once.
        """
        place = later.service, later.environment
        if place != (deploy.service, deploy.environment) or later.version == deploy.version:
            return False
        if later.source != ANNOUNCED:
            return later.at > deploy.at
        if deploy.version == UNKNOWN and later.at == deploy.at:
            return True
        serving = self._watch(place).serving
        return later.at > deploy.at and (not serving or later.version in serving)

    def _deploys(self, now: float) -> list[Deploy]:
        """Deploys that may still be judged, oldest first."""
        horizon = (self._settings.recheck + self._settings.baseline) / self._pace + LATENESS
        documents = self._store.documents(DEPLOY, now - horizon)
        return [decode(Deploy, d.body) for d in documents]

    def _judgement(self, deploy: Deploy) -> Judgement | None:
        held = self._store.document(JUDGEMENT, deploy.id)
        return None if held is None else decode(Judgement, held.body)

    def _put(self, judgement: Judgement) -> None:
        revision = self._store.next_revision()
        at = judgement.deployed_at
        body = encode(judgement)
        self._store.put([Document(JUDGEMENT, judgement.deploy_id, revision, at, body)])


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


def _nothing_new(deploy: Deploy) -> Judgement:
    return Judgement(
        deploy_id=deploy.id,
        service=deploy.service,
        environment=deploy.environment,
        version=deploy.version,
        previous=deploy.previous,
        deployed_at=deploy.at,
        state=JUDGED,
        reason=f"{deploy.previous} was taken back; {deploy.version} had served all the time",
        due=None,
    )


def _superseded(judged: Judged) -> Judged:
    reason = f"another deploy came first: {judged.judgement.reason}"
    state = dataclasses.replace(judged.judgement, state=SUPERSEDED, reason=reason, due=None)
    return Judged(state)
