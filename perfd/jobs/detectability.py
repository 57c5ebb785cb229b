"""The self-test: what perfd would catch of each series, tried on copies of its own hours.

Each series is tried once a day, a few of them in each hour, so that it costs little at any time:
about half a second of CPU a series (`python -m tests.bench.detectability`).
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from perfd.detect.budget import DEPLOY, HELD, PARTS, Share
from perfd.detect.detectability.blind import blind_spots
from perfd.detect.detectability.copies import copied_of
from perfd.detect.detectability.ladder import ADDED, RELATIVE
from perfd.detect.detectability.measure import measured, reasons
from perfd.detect.detectability.trials import Bench
from perfd.detect.least import Place, least_changes
from perfd.detect.scan.settings import ScanSettings
from perfd.detect.scan.table import RATE, Table
from perfd.detect.settings import HOUR, DetectSettings
from perfd.interfaces import Meter, Store
from perfd.jobs.cells import CellReader
from perfd.jobs.pseudo_deploys import PseudoDeploys
from perfd.jobs.requests import known
from perfd.model.batch import DETECTABILITY
from perfd.model.detectability import BlindSpot, Detectability, Detectable
from perfd.model.times import LATENESS, floor_to
from perfd.tickets.codec import decode, document

log = logging.getLogger(__name__)

DAY = 86_400.0
COUNTED = "perfd_self_tested_series"
Key = tuple[str, str, str]  # environment, operation, metric


@dataclass(slots=True)
class Row:
    """One series of a table; `held` is what was measured of it before."""

    table: Table
    at: int
    held: Detectable | None
    reason: str

    @property
    def key(self) -> Key:
        """Which series."""
        subject = self.table.subjects[self.at]
        return subject.environment, subject.operation, subject.metric

    @property
    def requests(self) -> float:
        """Of a day, since the first of them."""
        counts = self.table.second[self.at]
        told = np.flatnonzero(counts > 0.0)
        return float(np.nansum(counts)) * 24.0 / (len(counts) - told[0]) if len(told) else 0.0


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
        self._reader = CellReader(store, pace)
        self.configure(settings)

    def configure(self, settings: DetectSettings) -> None:
        """Take new settings; what was measured stays until it is measured again."""
        self._settings = settings
        self._pseudo = PseudoDeploys(self._store, settings, self._pace)

    def run(self, now: float) -> None:
        """Try some series of the services that have waited longest."""
        left = self._settings.self_test
        places = self._reader.services() if left else []
        for service in self._due(sorted({name for name, _ in places}), now):
            if left <= 0:
                return
            environments = [env for name, env in places if name == service]
            left -= self._try(service, environments, now, left)

    def _due(self, services: Sequence[str], now: float) -> list[str]:
        """Services of which some series were not tried for a day, the longest first."""
        oldest = {name: self._oldest(name) for name in services}
        due = (name for name in services if oldest[name] <= now - DAY / self._pace)
        return sorted(due, key=lambda name: oldest[name])

    def _oldest(self, service: str) -> float:
        held = self._held(service)
        if held is None or held.waiting:
            return 0.0
        return min((row.at for row in held.rows), default=0.0)

    def _held(self, service: str) -> Detectability | None:
        held = self._store.document(DETECTABILITY, service)
        return None if held is None else decode(Detectability, held.body)

    def _try(self, service: str, environments: Sequence[str], now: float, most: int) -> int:
        """Measure at most so many series of a service; how many it were."""
        held = self._held(service)
        before = {} if held is None else {_key(row): row for row in held.rows}
        rows = [row for env in environments for row in self._rows(service, env, before, now)]
        ready = [row for row in rows if not row.reason and self._is_due(row, now)]
        ready.sort(key=lambda row: (row.held.at if row.held else 0.0, -row.requests, row.key))
        chosen, waiting = ready[:most], len(ready[most:])
        found = {row.key: row.held for row in rows if row.held is not None and not row.reason}
        found |= {row.key: _unmeasured(row, now) for row in rows if row.reason}
        found |= {one.key: value for one, value in self._measured(chosen, now)}
        told = [row for row in found.values() if row is not None]
        told = self._with_deploys(service, environments, told, now)
        blind = tuple(self._blind(service, environments, told))
        self._put(Detectability(service, now, tuple(told), blind, waiting))
        self._meter.count(COUNTED, len(chosen), outcome="measured")
        self._meter.count(COUNTED, waiting, outcome="waiting")
        self._meter.count(COUNTED, sum(bool(row.reason) for row in rows), outcome="too_little")
        return len(chosen)

    def _is_due(self, row: Row, now: float) -> bool:
        return row.held is None or bool(row.held.reason) or row.held.at <= now - DAY / self._pace

    def _rows(
        self, service: str, environment: str, before: Mapping[Key, Detectable], now: float
    ) -> Iterator[Row]:
        end = floor_to(now - LATENESS, self._reader.width)
        settings = ScanSettings()
        for read in (self._reader.levels, self._reader.rates):
            table = read(service, environment, end)
            told = np.isfinite(table.first) & (table.second > 0.0)
            for at, reason in enumerate(reasons(told, settings)):
                row = Row(table, at, None, reason)
                row.held = before.get(row.key)
                yield row

    def _measured(self, chosen: Sequence[Row], now: float) -> Iterator[tuple[Row, Detectable]]:
        """Rows of one table are tried together."""
        bench = self._bench()
        for table in {id(row.table): row.table for row in chosen}.values():
            rows = [row for row in chosen if row.table is table]
            own = table.rows([row.at for row in rows])
            sizes = ADDED if _is_rate(own) else RELATIVE
            for row, one in zip(
                rows, measured(copied_of(own, self._pace, bench.draw), sizes, bench), strict=True
            ):
                subject = table.subjects[row.at]
                yield (
                    row,
                    Detectable(
                        subject.environment,
                        subject.operation,
                        subject.metric,
                        subject.unit,
                        now,
                        row.requests,
                        one.smallest,
                        one.recalls,
                        one.wrong,
                        one.weeks,
                        reason=one.reason,
                    ),
                )

    def _bench(self) -> Bench:
        every = max(round(self._settings.scan.every / HOUR), 1)
        return Bench(ScanSettings(), np.random.default_rng(self._luck.getrandbits(64)), every)

    def _with_deploys(
        self, service: str, environments: Sequence[str], rows: list[Detectable], now: float
    ) -> list[Detectable]:
        """With the smallest change that a deploy just now would have shown."""
        least = {env: self._least(service, env, now) for env in environments}
        return [
            replace(row, deploy=least.get(row.environment, {}).get((row.operation, row.metric)))
            for row in rows
        ]

    def _least(self, service: str, environment: str, now: float) -> dict[Place, float]:
        at = floor_to(now - LATENESS, 60.0 / self._pace) - self._pseudo.lasts
        case = self._pseudo.case(service, environment, at)
        if case is None:
            return {}
        allowed = self._settings.wrong_tickets
        given = Share(allowed * HELD * PARTS[DEPLOY], allowed, 0.0, allowed * HELD)
        return least_changes(replace(case, share=given))

    def _blind(
        self, service: str, environments: Sequence[str], rows: Sequence[Detectable]
    ) -> Iterator[BlindSpot]:
        for environment in environments:
            labels = {"service": service, "environment": environment}
            versions = {s.label.get("version", "") for s in known(self._store, labels)}
            yield from blind_spots(environment, rows, versions)

    def _put(self, found: Detectability) -> None:
        revision = self._store.next_revision()
        self._store.put([document(found, found.service, revision, found.at)])


def _key(row: Detectable) -> Key:
    return row.environment, row.operation, row.metric


def _unmeasured(row: Row, now: float) -> Detectable:
    subject = row.table.subjects[row.at]
    return Detectable(*row.key, subject.unit, now, row.requests, reason=row.reason)


def _is_rate(table: Table) -> bool:
    return bool(table.subjects) and table.subjects[0].kind == RATE
