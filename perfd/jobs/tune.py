"""Reads a user's own history and tries the thresholds on it; nothing is changed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from perfd.detect.detectability.copies import copied_of
from perfd.detect.detectability.trials import Bench
from perfd.detect.scan.settings import ScanSettings
from perfd.detect.scan.table import Table
from perfd.detect.settings import DetectSettings
from perfd.detect.tune.deploys import Deploys, Judged, judged, promised
from perfd.detect.tune.proposal import Setting, proposal
from perfd.detect.tune.scans import Scans, joined, scanned
from perfd.interfaces import Store
from perfd.jobs.cells import CellReader
from perfd.jobs.evaluations import every
from perfd.jobs.pseudo_deploys import PseudoDeploys
from perfd.model.batch import DEPLOY, TICKET
from perfd.model.deploy import Deploy
from perfd.model.ticket import Resolution, Ticket
from perfd.model.times import LATENESS, floor_to
from perfd.tickets.codec import decode

DAY = 86_400.0
MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Asked:
    """How much to try: `days` of the past (divided by pace), `moments` in each service."""

    service: str | None = None
    days: float = 14.0
    moments: int = 100
    copies: int = 20


@dataclass(frozen=True, slots=True)
class Place:
    """One service in one environment."""

    service: str
    environment: str
    deploys: Deploys
    scans: Scans


@dataclass(frozen=True, slots=True)
class Tuned:
    """All that was learned; `wrong` are the tickets that were closed as wrong."""

    places: tuple[Place, ...]
    wrong: tuple[Ticket, ...] = ()
    settings: tuple[Setting, ...] = field(default=())


class Tuning:
    """`run` takes minutes of CPU for a hundred moments of ten services."""

    def __init__(
        self, store: Store, settings: DetectSettings, pace: float, luck: random.Random
    ) -> None:
        self._store = store
        self._settings = settings
        self._pace = pace
        self._luck = luck
        self._reader = CellReader(store, pace)
        self._pseudo = PseudoDeploys(store, settings, pace)

    def run(self, asked: Asked, now: float, told: Callable[[str], None] = lambda _: None) -> Tuned:
        """Try everything that was asked; `told` hears which service is next."""
        places = []
        for service, environment in self._reader.services():
            if asked.service in (None, service):
                told(f"{service} ({environment})")
                deploys = self._deploys(service, environment, asked, now)
                scans = self._scans(service, environment, asked, now)
                places.append(Place(service, environment, deploys, scans))
        tickets = [t for t in self._tickets() if asked.service in (None, t.service)]
        settings = proposal(
            self._settings, [p.deploys for p in places], [p.scans for p in places], tickets
        )
        wrong = tuple(t for t in tickets if t.resolution is Resolution.WRONG)
        return Tuned(tuple(places), wrong, tuple(settings))

    def _deploys(self, service: str, environment: str, asked: Asked, now: float) -> Deploys:
        found: list[Judged] = []
        skipped = 0
        for at in self._moments(service, environment, asked, now):
            case = self._pseudo.case(service, environment, at)
            one = (
                judged(case, self._settings.wrong_tickets, self._pseudo.with_proof)
                if case
                else None
            )
            if one is None:
                skipped += 1
            else:
                found.append(one)
        return Deploys(tuple(found), skipped, promised(self._settings.wrong_tickets))

    def _moments(self, service: str, environment: str, asked: Asked, now: float) -> Iterator[float]:
        """One in each part of the past, where nothing was deployed on either side."""
        width = MINUTE / self._pace
        start = now - asked.days * DAY / self._pace
        part = (now - LATENESS - self._pseudo.lasts - start) / asked.moments
        before = 2.0 * self._settings.baseline / self._pace
        deploys = self._real(service, environment)
        for i in range(asked.moments):
            at = floor_to(start + (i + self._luck.random()) * part, width)
            if not any(at - before <= d.at <= at + self._pseudo.lasts for d in deploys):
                yield at

    def _scans(self, service: str, environment: str, asked: Asked, now: float) -> Scans:
        end = floor_to(now - LATENESS, self._reader.width)
        tables = (
            read(service, environment, end) for read in (self._reader.levels, self._reader.rates)
        )
        return joined([self._scanned(table, asked) for table in tables if len(table)])

    def _scanned(self, table: Table, asked: Asked) -> Scans:
        draw = np.random.default_rng(self._luck.getrandbits(64))
        bench = Bench(ScanSettings(), draw, every(self._settings), asked.copies)
        copied = copied_of(table, self._pace, draw)
        return scanned(copied, table.subjects, table.start, table.width, bench)

    def _real(self, service: str, environment: str) -> Sequence[Deploy]:
        found = (decode(Deploy, held.body) for held in self._store.documents(DEPLOY))
        return [d for d in found if (d.service, d.environment) == (service, environment)]

    def _tickets(self) -> list[Ticket]:
        return [decode(Ticket, held.body) for held in self._store.documents(TICKET)]
