"""Judges deploys that are due; finding them and what comes of it are others' jobs.

A deploy is judged from what the store holds, so a restart changes nothing: the same look gives the
same findings under the same ids.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Sequence

from perfd.detect.deploy import Judged, judge
from perfd.detect.deploys import WITHDRAWN
from perfd.detect.settings import DetectSettings
from perfd.interfaces import Meter, Store
from perfd.jobs.budgets import Budgets
from perfd.jobs.deploy_case import CaseReader
from perfd.jobs.deploy_search import Arrivals, DeploySearch
from perfd.model.batch import DEPLOY, JUDGEMENT, Document
from perfd.model.deploy import ANNOUNCED, Deploy
from perfd.model.evidence import Found
from perfd.model.judgement import JUDGED, SUPERSEDED, WAITING, Judgement
from perfd.model.series import UNKNOWN
from perfd.model.times import LATENESS
from perfd.tickets.codec import decode, encode

log = logging.getLogger(__name__)

Record = Callable[[Sequence[Found], Sequence[Deploy], float], None]


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
        self._store = store
        self._record = record
        self._settings = settings
        self._pace = pace
        self._meter = meter
        self._search = DeploySearch(store, pace, settings.join / pace, arrivals)
        self._reader = CaseReader(store, settings, pace)
        self.budgets = Budgets(store, settings.wrong_tickets, meter)  # of all triggers

    def configure(self, settings: DetectSettings) -> None:
        """Take new settings; deploys that were judged stay as they are."""
        self._settings = settings
        self._reader = CaseReader(self._store, settings, self._pace)
        self.budgets.configure(settings.wrong_tickets)

    def run(self, now: float) -> None:
        """Look at the traffic since the last run, then at the deploys that are due."""
        complete = self._search.complete(now)
        if found := self._search.find(complete, self._deploys(now)):
            self._record([], found, now)
        self._search.found(complete)
        deploys = self._deploys(now)
        for deploy in deploys:
            held = self._judgement(deploy)
            if held is None and deploy.source == WITHDRAWN:
                self._put(_nothing_new(deploy))
            elif held is None or (held.due is not None and held.due <= complete):
                self._try(deploy, held, deploys, complete, now)

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
        case = dataclasses.replace(case, share=self.budgets.share(deploy.service, deploy.id, now))
        judged = judge(case, now)
        if judged.spends:
            self.budgets.charge(deploy.service, deploy.id, case.share, now)
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
        serving = self._search.serving(place)
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
