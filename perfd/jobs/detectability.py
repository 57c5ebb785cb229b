"""The self-test: what perfd would catch of each series, tried on copies of its own hours.

Each series is tried once a day at most, a few of them in each hour, so that it costs little at any
time: up to a second of CPU a series (`python -m tests.bench.detectability`).
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

from perfd.detect.budget import HELD, Share
from perfd.detect.detectability.blind import blind_spots
from perfd.detect.detectability.measure import Measured
from perfd.detect.least import Place, least_changes
from perfd.detect.settings import DetectSettings
from perfd.detect.tune.deploys import promised
from perfd.interfaces import Meter, Store
from perfd.jobs.pseudo_deploys import PseudoDeploys
from perfd.jobs.requests import known
from perfd.jobs.trial_rows import TrialRow, TrialRows, key_of
from perfd.model.batch import DETECTABILITY
from perfd.model.detectability import BlindSpot, Detectability, Detectable
from perfd.model.times import LATENESS, floor_to
from perfd.tickets.codec import decode, document

log = logging.getLogger(__name__)

DAY = 86_400.0
MINUTE = 60.0
COUNTED = "perfd_self_tested_series"


class DetectabilityJob:
    """Call `run` about once an hour (divided by pace), in a thread."""

    def __init__(
        self,
        store: Store,
        settings: DetectSettings,
        pace: float,
        meter: Meter,
        luck: random.Random,
    ) -> None:
        self._store = store
        self._pace = pace
        self._meter = meter
        self._luck = luck
        self.configure(settings)

    def configure(self, settings: DetectSettings) -> None:
        """Take new settings; what was measured stays until it is measured again."""
        self._settings = settings
        self._rows = TrialRows(self._store, settings, self._pace, self._luck)
        self._pseudo = PseudoDeploys(self._store, settings, self._pace)

    def run(self, now: float) -> None:
        """Try some series of the services that have waited longest.

        One that cannot be tried does not keep the others waiting.
        """
        left = self._settings.self_test
        places = self._rows.services() if left else []
        for service in self._due(sorted({name for name, _ in places}), now):
            if left <= 0:
                return
            environments = [env for name, env in places if name == service]
            try:
                left -= self._try(service, environments, now, left)
            except (ArithmeticError, LookupError, ValueError):
                self._meter.count(COUNTED, outcome="failed")
                log.exception("%s: what would be seen of it could not be tried", service)

    def _due(self, services: Sequence[str], now: float) -> list[str]:
        """Services of which some series were not tried for a day; they take turns."""
        held = {name: self._held(name) for name in services}
        due = (name for name in services if _oldest(held[name]) <= now - DAY / self._pace)
        return sorted(due, key=lambda name: held[name].at)

    def _held(self, service: str) -> Detectability:
        held = self._store.document(DETECTABILITY, service)
        return decode(Detectability, held.body) if held else Detectability(service, 0.0)

    def _try(self, service: str, environments: Sequence[str], now: float, most: int) -> int:
        """Measure at most so many series of a service; how many it were."""
        before = {key_of(row): row for row in self._held(service).rows}
        rows = [row for env in environments for row in self._rows.read(service, env, before, now)]
        ready = sorted((row for row in rows if self._is_due(row, now)), key=_turn)
        found = {row.key: _as_before(row, now) for row in rows}
        found |= {key_of(one): one for one in self._rows.tried(ready[:most], now)}
        told = [one for one in found.values() if one is not None]
        self._put(service, environments, told, len(ready[most:]), now)
        self._count(rows, len(ready), most)
        return len(ready[:most])

    def _is_due(self, row: TrialRow, now: float) -> bool:
        if row.reason:
            return False
        return row.held is None or row.held.at <= now - DAY / self._pace

    def _put(
        self,
        service: str,
        environments: Sequence[str],
        rows: Sequence[Detectable],
        waiting: int,
        now: float,
    ) -> None:
        least = {env: self._least(service, env, now) for env in environments}
        told = tuple(
            replace(row, deploy=least[row.environment].get((row.operation, row.metric)))
            for row in rows
        )
        blind = tuple(self._blind(service, environments, told))
        found = Detectability(service, now, told, blind, waiting)
        self._store.put([document(found, service, self._store.next_revision(), now)])

    def _count(self, rows: Sequence[TrialRow], ready: int, most: int) -> None:
        count = self._meter.count
        count(COUNTED, min(ready, most), outcome="measured")
        count(COUNTED, max(ready - most, 0), outcome="waiting")
        count(COUNTED, sum(bool(row.reason) for row in rows), outcome="too_little")

    def _least(self, service: str, environment: str, now: float) -> dict[Place, float]:
        """What the judging of a deploy would find, had there been one just now."""
        at = floor_to(now - LATENESS, MINUTE / self._pace) - self._pseudo.lasts
        case = self._pseudo.case(service, environment, at)
        if case is None:
            return {}
        allowed = self._settings.wrong_tickets
        given = Share(promised(allowed), allowed, 0.0, allowed * HELD)
        return least_changes(replace(case, share=given))

    def _blind(
        self, service: str, environments: Sequence[str], rows: Sequence[Detectable]
    ) -> Iterator[BlindSpot]:
        for environment in environments:
            labels = {"service": service, "environment": environment}
            versions = {s.label.get("version", "") for s in known(self._store, labels)}
            yield from blind_spots(environment, rows, versions)


def _oldest(held: Detectability) -> float:
    """When the series was tried that has waited longest; 0 for never."""
    return 0.0 if held.waiting else min((row.at for row in held.rows), default=0.0)


def _as_before(row: TrialRow, now: float) -> Detectable | None:
    """Why nothing can be said, or what was said the last time."""
    return row.said(Measured(reason=row.reason), now) if row.reason else row.held


def _turn(row: TrialRow) -> tuple[object, ...]:
    """Whose turn it is: what has waited longest, of these what has most requests."""
    return row.held.at if row.held else 0.0, -row.requests, row.key
