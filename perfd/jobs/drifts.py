"""Reads the hours of every service, and says what drifts."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from perfd.detect.measures import CPU, LATENCY_MEAN, LATENCY_P95
from perfd.detect.scan.table import Table
from perfd.detect.trends.counts import counted, log_odds
from perfd.detect.trends.drift import BLOCK, Drift, drifts
from perfd.detect.trends.drift_finding import finding
from perfd.detect.trends.settings import TrendSettings
from perfd.detect.trends.told import Stretch
from perfd.interfaces import Meter, Store
from perfd.jobs.cells import CellReader, Place
from perfd.jobs.gauge_hours import HOUR
from perfd.model.evidence import Found
from perfd.model.finding import Check

log = logging.getLogger(__name__)

Array = NDArray[np.float64]
Checks = tuple[Check, ...]

METRICS = (LATENCY_P95, LATENCY_MEAN, CPU)


class Drifts:
    """`pace` divides hours."""

    def __init__(self, store: Store, settings: TrendSettings, pace: float, meter: Meter) -> None:
        self._reader = CellReader(store, pace)
        self._settings = settings
        self._meter = meter

    def found(self, end: float, now: float) -> Iterator[Found]:
        """What drifts, a service at a time; what is not told is counted by what stopped it."""
        for place in self._reader.services():
            try:
                found = list(self._of(place, end, now))
            except (ArithmeticError, LookupError, ValueError):
                self._count("failed")
                log.exception("the drift of %s in %s could not be judged", *place)
            else:
                yield from found

    def _of(self, place: Place, end: float, now: float) -> Iterator[Found]:
        levels = self._reader.levels(*place, end)
        chosen = [i for i, s in enumerate(levels.subjects) if s.metric in METRICS]
        yield from self._drifting(levels.rows(chosen), [()] * len(chosen), now)
        yield from self._drifting(*self._odds(self._reader.rates(*place, end)), now)

    def _odds(self, rates: Table) -> tuple[Table, list[Checks]]:
        """Error rates that are no mere handfuls of errors, as odds, with what says so."""
        counts = [counted(k, n, BLOCK) for k, n in zip(rates.first, rates.second, strict=True)]
        for check in counts:
            if not check.passed:
                self._count("too few errors")
        chosen = [i for i, check in enumerate(counts) if check.passed]
        some = rates.rows(chosen)
        pairs = zip(some.first, some.second, strict=True)
        odds = [np.exp(log_odds(k, n, BLOCK)) for k, n in pairs]
        first = np.array(odds).reshape(some.first.shape)
        table = Table(some.subjects, some.start, some.width, first, some.second)
        return table, [(counts[i],) for i in chosen]

    def _drifting(self, table: Table, before: Sequence[Checks], now: float) -> Iterator[Found]:
        """`before` are the checks that each row has passed already."""
        fewest = round(self._settings.drift_after / HOUR)
        with np.errstate(divide="ignore", invalid="ignore"):
            x = np.where(table.first > 0.0, np.log(table.first), np.nan)
        found = drifts(x, table.start, table.width, self._settings.drift_floor, fewest)
        for _ in range(len(table) - len(found)):
            self._count("too short")
        for drift in found:
            self._count("drifts" if drift.told else drift.checks[-1].name)
            if drift.told:
                subject = table.subjects[drift.row]
                whole = replace(drift, checks=(*before[drift.row], *drift.checks))
                yield Found(finding(subject, whole, _stretch(table, drift), now))

    def _count(self, outcome: str) -> None:
        self._meter.count("perfd_trends_judged", what="drift", outcome=outcome)


def _stretch(table: Table, drift: Drift) -> Stretch:
    """From the first cell that was measured to the last."""
    known = np.flatnonzero(np.isfinite(table.first[drift.row]))
    start, end = (table.start + cell * table.width for cell in (known[0], known[-1] + 1))
    return Stretch(start, end, int(np.nansum(table.second[drift.row])))
