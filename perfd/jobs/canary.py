"""Watches canaries until they are judged: an early warning, and never a ticket."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from perfd.detect.canary.case import CanaryCase
from perfd.detect.canary.finding import finding, settled, unsettled
from perfd.detect.canary.watch import watch
from perfd.detect.deploys import WITHDRAWN
from perfd.detect.settings import DetectSettings
from perfd.detect.sides import version_of
from perfd.detect.speaker import chosen, metric_speaks
from perfd.interfaces import Store
from perfd.jobs.requests import instance_requests, requests
from perfd.model.batch import DEPLOY, FINDING, JUDGEMENT
from perfd.model.deploy import Deploy
from perfd.model.evidence import Found
from perfd.model.finding import Finding
from perfd.model.judgement import WAITING, Judgement
from perfd.model.times import LATENESS, floor_to
from perfd.tickets.codec import decode

Record = Callable[[Sequence[Found], Sequence[Deploy], float], None]

MINUTE = 60.0
RECENT = 3  # cells


class CanaryJob:
    """Call `run` about once a minute (divided by pace), in a thread.

    `record` writes findings; none of them is opened.
    """

    def __init__(self, store: Store, record: Record, settings: DetectSettings, pace: float) -> None:
        self._store = store
        self._record = record
        self._settings = settings
        self._pace = pace
        self._width = MINUTE / pace

    def configure(self, settings: DetectSettings) -> None:
        """Take new settings."""
        self._settings = settings

    def run(self, now: float) -> None:
        """Look at the deploys that nobody has judged yet, and at what became of the others."""
        since = now - (self._settings.after + self._settings.baseline) / self._pace - LATENESS
        held = [decode(Deploy, d.body) for d in self._store.documents(DEPLOY, since)]
        found: list[Finding] = []
        for deploy in held:
            if deploy.source == WITHDRAWN:  # the old version stayed: nothing is new
                continue
            judgement = self._judgement(deploy)
            if judgement is None or (judgement.state == WAITING and not judgement.looks):
                found += self._watched(deploy, now)
            else:
                found += self._settled(deploy, judgement)
        if found:
            self._record([Found(one) for one in found], [], now)

    def _watched(self, deploy: Deploy, now: float) -> Iterable[Finding]:
        """One finding for each suspicion, told when it first shows."""
        end = floor_to(now - LATENESS, self._width)
        if not self._beside(deploy, end):
            return []
        known = {one.id for one in self._findings(deploy)}
        case = self._case(deploy, end)
        told = (finding(case, seen, now) for seen in watch(case))
        return [one for one in told if one.id not in known]

    def _settled(self, deploy: Deploy, judgement: Judgement) -> Iterable[Finding]:
        return [settled(one, judgement) for one in self._findings(deploy) if unsettled(one)]

    def _beside(self, deploy: Deploy, end: float) -> bool:
        """Whether both versions served in the last cells: else nothing new is to be learned."""
        place = {"service": deploy.service, "environment": deploy.environment}
        recent = requests(self._store, place, end - RECENT * self._width, end)
        versions = {version_of(window) for windows in recent for window in windows}
        return {deploy.version, deploy.previous} <= versions

    def _case(self, deploy: Deploy, end: float) -> CanaryCase:
        place = {"service": deploy.service, "environment": deploy.environment}
        start = deploy.at - self._settings.baseline / self._pace
        spans, metric = requests(self._store, place, start, end)
        by_metric = metric_speaks(spans, metric)
        of_old = {**place, "version": deploy.previous}
        instances = instance_requests(self._store, of_old, start, deploy.at)[by_metric]
        return CanaryCase(
            deploy,
            self._settings,
            self._pace,
            self._width,
            end,
            chosen(spans, metric, by_metric),
            instances,
        )

    def _findings(self, deploy: Deploy) -> list[Finding]:
        held = (decode(Finding, d.body) for d in self._store.documents(FINDING, deploy.at))
        place = deploy.service, deploy.environment, deploy.version
        return [one for one in held if (one.service, one.environment, one.version) == place]

    def _judgement(self, deploy: Deploy) -> Judgement | None:
        held = self._store.document(JUDGEMENT, deploy.id)
        return None if held is None else decode(Judgement, held.body)
