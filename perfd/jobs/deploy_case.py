"""Reads from the store what is needed to judge one deploy, and no more."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from perfd.detect.case import DeployCase
from perfd.detect.host_readings import HostReadings
from perfd.detect.settings import DetectSettings
from perfd.detect.speaker import chosen, metric_speaks, speaking
from perfd.interfaces import Store
from perfd.jobs.neighbours import neighbours
from perfd.jobs.requests import known, requests
from perfd.jobs.surroundings import surroundings
from perfd.model.deploy import Deploy
from perfd.model.judgement import Judgement
from perfd.model.series import (
    CPU_TIME,
    INSTANCE_REQUESTS,
    METRIC_INSTANCE_REQUESTS,
    METRIC_REQUESTS,
    REQUESTS,
    STEADY,
)
from perfd.model.window import Gauge, Window

MINUTE = 60.0
DAY = 86_400.0
STEP = 5.0 * MINUTE  # of the day before, and of other services
EARLIER = (1.0, 7.0, 14.0)  # days; windows are kept for two weeks
MOST_OTHERS = 20
_INSTANCES = {False: INSTANCE_REQUESTS, True: METRIC_INSTANCE_REQUESTS}


class CaseReader:
    """Everything around a deploy as fine as stored, the day before it by the five minutes."""

    def __init__(self, store: Store, settings: DetectSettings, pace: float) -> None:
        self._store = store
        self._settings = settings
        self._pace = pace
        self._step = STEP / pace

    def read(self, deploy: Deploy, held: Judgement | None, end: float) -> DeployCase:
        """The case as the data up to `end` shows it; `held` is what earlier looks said."""
        place = {"service": deploy.service, "environment": deploy.environment}
        fine = deploy.at - 2.0 * self._settings.baseline / self._pace
        spans = self._spans(deploy, fine, end)
        of_spans = self._windows(REQUESTS, place, spans)
        of_metric = self._windows(METRIC_REQUESTS, place, spans)
        by_metric = _by_metric(deploy, of_spans, of_metric)
        history = self._history(deploy, place, fine, by_metric)
        exemplars = tuple(self._store.exemplars(REQUESTS, place, fine, end))
        return DeployCase(
            deploy=deploy,
            settings=self._settings,
            pace=self._pace,
            width=MINUTE / self._pace,
            end=end,
            looks=held.looks if held else 0,
            opened=held.finding_id if held else "",
            requests=tuple(chosen(of_spans, of_metric, by_metric)),
            history=history,
            others={} if self._has_day(deploy, history) else self._others(deploy, spans),
            exemplars=exemplars,
            instances=self._windows(_INSTANCES[by_metric], place, spans),
            cpu_history=self._cpu_history(deploy, place, fine),
            cpu=tuple(g for a, b in spans for g in self._store.gauges(CPU_TIME, place, a, b)),
            by_metric=by_metric,
            unspoken=of_spans if by_metric else (),
        )

    def with_proof(self, case: DeployCase) -> DeployCase:
        """The case with what only a ticket needs: profiles, resources, callees and callers.

        It is read when something is to be opened, and not at every look.
        """
        deploy, store = case.deploy, self._store
        place = {"service": deploy.service, "environment": deploy.environment}
        start = deploy.at - 2.0 * self._settings.baseline / self._pace
        profiles = tuple(store.profiles(place, start, case.end))
        leaves = {node for window in profiles for node in window.weights}
        around = deploy.at - self._settings.baseline / self._pace
        resources = surroundings(store, place, around, case.end)
        return dataclasses.replace(
            case,
            profiles=profiles,
            symbols=store.symbols(leaves),
            earlier={days: self._earlier(case, days) for days in EARLIER},
            resources=resources,
            hosts=HostReadings(resources),
            neighbours=neighbours(store, deploy, self._spans(deploy, start, case.end)),
        )

    def _earlier(self, case: DeployCase, days: float) -> tuple[Window, ...]:
        """The same hours so many days ago, of all versions."""
        deploy = case.deploy
        labels = {"service": deploy.service, "environment": deploy.environment, "phase": STEADY}
        ago, step = days * DAY / self._pace, self._step
        around = deploy.at - self._settings.baseline / self._pace
        found: list[Window] = []
        for start, end in self._spans(deploy, around, case.end):
            counted = requests(self._store, labels, start - ago, end - ago, step)
            found += chosen(*counted, case.by_metric)
        return tuple(found)

    def _spans(self, deploy: Deploy, fine: float, end: float) -> list[tuple[float, float]]:
        """Before and after; a day later the hour that has the same place in its day."""
        last = deploy.at + self._settings.recheck / self._pace
        if end < last:
            return [(fine, end)]
        return [(fine, deploy.at), (last - self._settings.baseline / self._pace, end)]

    def _windows(
        self, name: str, labels: dict[str, str], spans: list[tuple[float, float]]
    ) -> tuple[Window, ...]:
        return tuple(w for a, b in spans for w in self._store.windows(name, labels, a, b))

    def _history(
        self, deploy: Deploy, place: dict[str, str], upto: float, by_metric: bool
    ) -> tuple[Window, ...]:
        """The previous version's day, without what will be read as fine as stored."""
        if not deploy.previous:
            return ()
        labels = {**place, "version": deploy.previous, "phase": STEADY}
        counted = requests(self._store, labels, self._since(deploy), upto, self._step)
        return tuple(chosen(*counted, by_metric))

    def _has_day(self, deploy: Deploy, history: tuple[Window, ...]) -> bool:
        """Whether the baseline needs nobody else's trend."""
        earliest = min((w.start for w in history), default=deploy.at)
        return earliest <= self._since(deploy) + 2.0 * self._settings.baseline / self._pace

    def _others(
        self, deploy: Deploy, spans: list[tuple[float, float]]
    ) -> dict[str, tuple[Window, ...]]:
        """Steady windows of the services beside, in steps; of so many, the first by name."""
        labels = {"environment": deploy.environment, "phase": STEADY}
        found: dict[str, list[Window]] = {}
        services = {series.label.get("service", "") for series in known(self._store, labels)}
        for service in sorted(services - {deploy.service})[:MOST_OTHERS]:
            of = {**labels, "service": service}
            for start, end in spans:
                counted = requests(self._store, of, start, end, self._step)
                found.setdefault(service, []).extend(speaking(*counted))
        return {service: tuple(windows) for service, windows in found.items()}

    def _cpu_history(self, deploy: Deploy, place: dict[str, str], upto: float) -> tuple[Gauge, ...]:
        if not deploy.previous:
            return ()
        labels = {**place, "version": deploy.previous, "phase": STEADY}
        return tuple(self._store.gauges(CPU_TIME, labels, self._since(deploy), upto, self._step))

    def _since(self, deploy: Deploy) -> float:
        return deploy.at - self._settings.baseline_max / self._pace


def _by_metric(deploy: Deploy, spans: Sequence[Window], metric: Sequence[Window]) -> bool:
    """Whether the metric speaks for what is compared; other versions are not asked."""
    versions = {deploy.previous, deploy.version}
    of_spans, of_metric = (
        [w for w in windows if w.series.label.get("version", "") in versions]
        for windows in (spans, metric)
    )
    if not (of_spans or of_metric):  # a version that no label tells
        return metric_speaks(spans, metric)
    return metric_speaks(of_spans, of_metric)
