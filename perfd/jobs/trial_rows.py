"""The series of a service that steps are tried on, and what came of it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from perfd.detect.detectability.copies import copied_of
from perfd.detect.detectability.ladder import ADDED, RELATIVE
from perfd.detect.detectability.measure import Measured, measured, reasons
from perfd.detect.detectability.trials import Bench
from perfd.detect.scan.settings import ScanSettings
from perfd.detect.scan.table import RATE, Subject, Table
from perfd.detect.settings import DetectSettings
from perfd.interfaces import Store
from perfd.jobs.cells import CellReader
from perfd.jobs.evaluations import every
from perfd.model.detectability import Detectable
from perfd.model.times import LATENESS, floor_to

Key = tuple[str, str, str]  # environment, operation, metric


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One series of a table; `held` is what was said of it before, `reason` why nothing can be."""

    table: Table
    at: int
    held: Detectable | None
    reason: str

    @property
    def subject(self) -> Subject:
        """What it measures."""
        return self.table.subjects[self.at]

    @property
    def key(self) -> Key:
        """Which series of its service."""
        return key_of(self.subject)

    @property
    def requests(self) -> float:
        """Of a day, since the first of them."""
        counts = self.table.second[self.at]
        told = np.flatnonzero(counts > 0.0)
        return float(np.nansum(counts)) * 24.0 / (len(counts) - told[0]) if len(told) else 0.0

    def said(self, one: Measured, now: float) -> Detectable:
        """What is published of it."""
        return Detectable(
            *self.key, self.subject.unit, now, self.requests, one.smallest, one.recalls, one.wrong,
            one.weeks, reason=one.reason, obstacle=one.obstacle,
        )  # fmt: skip


class TrialRows:
    """Reads from a store; `pace` as the daemon's."""

    def __init__(
        self, store: Store, settings: DetectSettings, pace: float, luck: random.Random
    ) -> None:
        self._settings = settings
        self._pace = pace
        self._luck = luck
        self._reader = CellReader(store, pace)

    def services(self) -> list[tuple[str, str]]:
        """Services and their environments."""
        return self._reader.services()

    def read(
        self, service: str, environment: str, before: Mapping[Key, Detectable], now: float
    ) -> Iterator[TrialRow]:
        """All series; `before` is what was said of them."""
        end = floor_to(now - LATENESS, self._reader.width)
        for read in (self._reader.levels, self._reader.rates):
            table = read(service, environment, end)
            told = np.isfinite(table.first) & (table.second > 0.0)
            for at, reason in enumerate(reasons(told, ScanSettings())):
                held = before.get(key_of(table.subjects[at]))
                yield TrialRow(table, at, held, reason)

    def tried(self, chosen: Sequence[TrialRow], now: float) -> Iterator[Detectable]:
        """What would be caught; rows of one table are tried together."""
        bench = self._bench()
        for table in {id(row.table): row.table for row in chosen}.values():
            rows = [row for row in chosen if row.table is table]
            own = copied_of(table.rows([row.at for row in rows]), self._pace, bench.draw)
            sizes = ADDED if rows[0].subject.kind == RATE else RELATIVE
            for row, one in zip(rows, measured(own, sizes, bench), strict=True):
                yield row.said(one, now)

    def _bench(self) -> Bench:
        draw = np.random.default_rng(self._luck.getrandbits(64))
        return Bench(ScanSettings(), draw, every(self._settings))


def key_of(about: Subject | Detectable) -> Key:
    """Which series of its service."""
    return about.environment, about.operation, about.metric
