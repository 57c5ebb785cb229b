"""Scans the functions of every profiled service, as often as all other series are scanned.

Nothing is remembered between two evaluations but the findings that were made: the evaluations that
a confirmation needs are replayed, and a share that changed is compared with its new level from
then on. So a restart changes nothing.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from perfd.detect.budget import PRUDENCE
from perfd.detect.functions import proof
from perfd.detect.functions.change import Group, groups
from perfd.detect.functions.findings import SELF, Setting
from perfd.detect.functions.scan import Scanned, scan
from perfd.detect.functions.table import FunctionTable
from perfd.detect.settings import DetectSettings
from perfd.interfaces import Meter, Store
from perfd.jobs import evaluations
from perfd.jobs.budgets import Budgets
from perfd.jobs.follow import Follower
from perfd.jobs.function_counts import HOUR, FunctionReader, Place
from perfd.jobs.function_findings import FunctionFindings
from perfd.model.batch import FINDING
from perfd.model.deploy import Deploy
from perfd.model.evidence import Found as Told
from perfd.model.finding import Finding
from perfd.model.profile import PROFILE, Function
from perfd.tickets.codec import decode

log = logging.getLogger(__name__)

MOST_GROUPS = 5  # times of one evaluation at which shares changed, the surest first
COUNTED = "perfd_functions_scanned"


class FunctionJob:
    """Call `run` every few minutes (divided by pace), in a thread; it works when one is due."""

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
        self._upto = 0
        self.configure(settings)

    def configure(self, settings: DetectSettings) -> None:
        """Take new settings; what was found stays as it is."""
        self._settings = settings
        self._reader = FunctionReader(self._store, self._pace, settings.functions.most)
        self._findings = FunctionFindings(self._store, self._reader, settings, self._pace)

    def run(self, now: float) -> None:
        """One evaluation of all services, if one is due."""
        due = evaluations.due(now, self._reader.width, self._settings)
        if not self._settings.scan.enabled or due <= self._upto:
            return
        held = self._held(due)
        for place in self._reader.places():
            try:
                self._evaluate(place, due, held.get(place, ()), now)
            except (ArithmeticError, LookupError, ValueError):
                self._meter.count(COUNTED, outcome="failed")
                log.exception("functions of %s in %s could not be scanned", *place)
        self._upto = due

    def _evaluate(self, place: Place, due: int, held: Sequence[Finding], now: float) -> None:
        table, sampler = self._reader.table(place, due * self._reader.width)
        maturity = round(self._settings.scan.maturity / HOUR)
        if int(np.isfinite(table.samples).sum()) < maturity:
            self._meter.count(COUNTED, len(table.functions), outcome="immature")
            return
        key = f"functions {place[1]} {due}"
        given = evaluations.given(self._budgets, place[0], key, now, self._settings)
        deploys = self._follower.deploys(*place)
        scanned = scan(
            table,
            self._settings.functions,
            given.alpha * PRUDENCE,
            maturity=maturity,
            every=evaluations.every(self._settings),
            deploys=[_cell(table, deploy.at) for deploy in deploys],
            since=_since(table, held),
        )
        self._count(scanned)
        setting = Setting(
            *place, table, scanned.alpha, 2 * (scanned.functions - scanned.silent),
            given.alpha * PRUDENCE, now,
        )  # fmt: skip
        told = self._told(scanned, setting, sampler, deploys, held)
        if told:
            self._follower.record(told, [], now)

    def _told(
        self,
        scanned: Scanned,
        setting: Setting,
        sampler: str,
        deploys: Sequence[Deploy],
        held: Sequence[Finding],
    ) -> list[Told]:
        opened = [finding for finding in held if finding.opened]
        fresh = [g for g in groups(scanned.confirmed) if not _told_before(g, setting.table, opened)]
        return [
            told
            for group in fresh[:MOST_GROUPS]
            for told in self._findings.of(group, setting, sampler, deploys)
        ]

    def _held(self, due: int) -> Mapping[Place, Sequence[Finding]]:
        """Findings of functions whose change is in the window, by service."""
        found: defaultdict[Place, list[Finding]] = defaultdict(list)
        for held in self._store.documents(FINDING, self._reader.begins(due * self._reader.width)):
            finding = decode(Finding, held.body)
            if finding.series.name == PROFILE and finding.metric == proof.METRIC:
                found[finding.service, finding.environment].append(finding)
        return found

    def _count(self, scanned: Scanned) -> None:
        self._meter.count(COUNTED, scanned.silent, outcome="silent")
        self._meter.count(COUNTED, scanned.functions - scanned.silent, outcome="judged")


def _cell(table: FunctionTable, at: float) -> int:
    return int((at - table.start) // table.width)


def _since(table: FunctionTable, held: Sequence[Finding]) -> dict[tuple[int, bool], int]:
    """From which cell on a row counts, after what was found of it."""
    rows = {function: row for row, function in enumerate(table.functions)}
    found: dict[tuple[int, bool], int] = {}
    for finding in held:
        label = finding.series.label
        row = rows.get(Function(label.get("resource", ""), label.get("file", "")).id)
        cell = _cell(table, finding.change_at + 0.5 * table.width)
        if row is not None and cell > 0:
            key = row, label.get("of") == SELF
            found[key] = max(found.get(key, 0), cell)
    return found


def _told_before(group: Group, table: FunctionTable, opened: Sequence[Finding]) -> bool:
    """Whether what changed then was told already: these functions rose with it."""
    low, high = (table.time(cell) for cell in group.at_ci)
    return any(f.change_ci[0] <= high and low <= f.change_ci[1] for f in opened)
