"""Scans every service, a few times a day, for changes that no deploy announced.

What is remembered between two evaluations is a document of the service, written after the findings
that it led to: after a crash between the two the evaluation is made again, on the same hours, and
finds the same under the same ids.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace

from perfd.detect.budget import PRUDENCE
from perfd.detect.scan import discoveries
from perfd.detect.scan.evaluation import Evaluation, evaluate
from perfd.detect.scan.memory import Memory, name_of
from perfd.detect.scan.settings import ScanSettings
from perfd.detect.scan.table import Table
from perfd.detect.settings import DetectSettings
from perfd.interfaces import Meter, Store
from perfd.jobs import evaluations, scan_memory
from perfd.jobs.budgets import Budgets
from perfd.jobs.cells import CellReader, Place
from perfd.jobs.follow import Follower
from perfd.jobs.scan_callees import callees_first
from perfd.jobs.scan_findings import ScanFindings, Standing

log = logging.getLogger(__name__)

NOWHERE: Place = ("", "")  # of what belongs to a host and to no service


class ScanJob:
    """Call `run` every few minutes (divided by pace), in a thread; it works when one is due.

    An evaluation that was missed is not made up for: it would have seen what the next one sees.
    """

    def __init__(
        self,
        store: Store,
        follower: Follower,
        settings: DetectSettings,
        pace: float,
        meter: Meter,
        budgets: Budgets,
    ) -> None:
        self._store, self._follower, self._meter = store, follower, meter
        self._pace, self._budgets = pace, budgets
        self._reader = CellReader(store, pace)
        self._point = ScanSettings()
        self._upto = 0
        self.configure(settings)

    def configure(self, settings: DetectSettings) -> None:
        """Take new settings; what was found stays as it is."""
        self._settings = settings
        self._findings = ScanFindings(self._store, self._follower, settings, self._pace)

    def run(self, now: float) -> None:
        """One evaluation of all services, if one is due."""
        due = evaluations.due(now, self._reader.width, self._settings)
        if not self._settings.scan.enabled or due <= self._upto:
            return
        began = time.thread_time()
        resources = self._reader.gauges(due * self._reader.width)
        for place in [*callees_first(self._store, self._reader.services()), NOWHERE]:
            self._try(place, due, resources, now)
        self._upto = due
        self._meter.count("perfd_scan_cpu_seconds", time.thread_time() - began)

    def _try(self, place: Place, due: int, resources: Table, now: float) -> None:
        """One service that cannot be scanned does not keep the others waiting."""
        try:
            self._scan(place, due, resources, now)
        except (ArithmeticError, LookupError, ValueError):
            self._meter.count("perfd_scan_evaluations", outcome="failed")
            log.exception("%s in %s could not be scanned", *place)

    def _scan(self, place: Place, due: int, resources: Table, now: float) -> None:
        held = scan_memory.load(self._store, name_of(*place))
        if held is not None and held.upto >= due:
            return
        memory = held or Memory(*place, begun=due, upto=0)
        deploys = self._follower.deploys(*place)
        made = evaluate(
            memory,
            self._tables(place, due, resources),
            [deploy.at for deploy in deploys],
            self._point,
            self._pace,
        )
        standing = self._standing(place, due, made, now)
        found = self._findings.of(made, standing, due * self._reader.width, now)
        if found:
            self._follower.record(found, [], now)
        scan_memory.save(self._store, replace(made.memory, upto=due), now)
        self._count(made)

    def _tables(self, place: Place, due: int, resources: Table) -> Sequence[Table]:
        of_place = [
            i
            for i, subject in enumerate(resources.subjects)
            if (subject.service, subject.environment) == place
        ]
        gauges = resources.rows(of_place)
        if place == NOWHERE:
            return (gauges,)
        end = due * self._reader.width
        return self._reader.levels(*place, end), self._reader.rates(*place, end), gauges

    def _standing(self, place: Place, due: int, made: Evaluation, now: float) -> Standing:
        """What of the evaluation stands within the service's budget, which its tests spend."""
        if place == NOWHERE or not made.judged:
            return Standing(0.0, made.judged, 0.0)
        key = f"scan {place[1]} {due}"
        share = evaluations.given(self._budgets, place[0], key, now, self._settings)
        q = share.alpha * PRUDENCE
        return Standing(discoveries.threshold(made.p_values, made.judged, q), made.judged, q)

    def _count(self, made: Evaluation) -> None:
        self._meter.count("perfd_scan_evaluations", outcome="made")
        self._meter.count("perfd_scan_series", made.judged, state="judged")
        self._meter.count("perfd_scan_series", made.series - made.judged, state="too_short")
