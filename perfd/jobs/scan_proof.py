"""Reads what is around a rise, asks the filters of windows, and puts its proof together."""

from __future__ import annotations

from dataclasses import dataclass

from perfd.detect.around.by_time import Around, around
from perfd.detect.around.case import Change, ScanCase
from perfd.detect.around.filters import trail
from perfd.detect.around.proof import Beside, bare_proof, measured, proof
from perfd.detect.scan.findings import Moved
from perfd.detect.scan.table import GAUGE
from perfd.detect.settings import DetectSettings
from perfd.interfaces import Store
from perfd.jobs.scan_case import DAY, ScanCaseReader
from perfd.jobs.surroundings import surroundings
from perfd.model.evidence import Evidence
from perfd.model.finding import Check, Finding, Interval
from perfd.model.series import REQUESTS, STEADY
from perfd.model.window import Gauge

UNSEEN = Check("same hours", False, "the windows around it do not hold the metric on both sides")


@dataclass(frozen=True, slots=True)
class Proof:
    """A rise with what is around it; `checks` are what the filters of windows say."""

    case: ScanCase
    around: Around | None
    checks: tuple[Check, ...]
    store: Store
    pace: float

    def measured(self, found: Finding) -> Finding:
        """The finding with both sides as windows have them; of a resource as it is."""
        return found if self.around is None else measured(self.around, found)

    def evidence(self, found: Finding) -> Evidence:
        """Its proof."""
        if self.around is None:
            return bare_proof(Beside(gauges=self._gauges()), found)
        return proof(self.around, self._beside(), found)

    def _beside(self) -> Beside:
        """The profiles of the day before and of the last day, and the exemplars of the time."""
        subject, day = self.case.subject, DAY / self.pace
        place = {"service": subject.service, "environment": subject.environment}
        before, after = self.case.before, self.case.after
        spans: tuple[Interval, ...] = (
            (max(before[0], before[1] - day), before[1]),
            (max(after[0], after[1] - day), after[1]),
        )
        profiles = [
            p for a, b in spans for p in self.store.profiles({**place, "phase": STEADY}, a, b)
        ]
        leaves = {node for window in profiles for node in window.weights}
        exemplars = [e for a, b in spans for e in self.store.exemplars(REQUESTS, place, a, b)]
        return Beside(profiles, self.store.symbols(leaves), exemplars, self._gauges())

    def _gauges(self) -> tuple[Gauge, ...]:
        """What its processes and their machines did, from two days before the change."""
        subject, day = self.case.subject, DAY / self.pace
        place = {"service": subject.service, "environment": subject.environment}
        start = max(self.case.before[0], self.case.before[1] - 2.0 * day)
        return surroundings(self.store, place, start, self.case.after[1], self.case.width)


class ScanProver:
    """Cells are hours, divided by `pace`."""

    def __init__(self, store: Store, settings: DetectSettings, pace: float) -> None:
        self._store, self._pace = store, pace
        self._reader = ScanCaseReader(store, settings, pace)

    def read(self, moved: Moved, first: float, end: float) -> Proof:
        """`first` is up to when the evaluation knew the data that saw it first, `end` this one."""
        low, high = moved.seen.step.at_ci
        when = moved.time(low), moved.time(high)
        change = Change(moved.subject, moved.at, when, moved.seen.step.shift, first)
        case = self._reader.read(change, end)
        if moved.subject.kind == GAUGE:  # no window of requests says anything of it
            return Proof(case, None, (), self._store, self._pace)
        told = around(case)
        checks = trail(case) if told is not None else (UNSEEN,)
        return Proof(case, told, checks, self._store, self._pace)
