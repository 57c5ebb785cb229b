"""Reads from the store what is needed to judge one deploy, and no more."""

from __future__ import annotations

import dataclasses

from perfd.detect.case import DeployCase
from perfd.detect.settings import DetectSettings
from perfd.interfaces import Store
from perfd.jobs.surroundings import surroundings
from perfd.model.deploy import Deploy
from perfd.model.judgement import Judgement
from perfd.model.series import CPU_TIME, INSTANCE_REQUESTS, REQUESTS, STEADY
from perfd.model.window import Gauge, Window

MINUTE = 60.0
STEP = 5.0 * MINUTE  # of the day before, and of other services
MOST_OTHERS = 20


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
        history = self._history(deploy, place, fine)
        exemplars = tuple(self._store.exemplars(REQUESTS, place, fine, end))
        return DeployCase(
            deploy=deploy,
            settings=self._settings,
            pace=self._pace,
            width=MINUTE / self._pace,
            end=end,
            looks=held.looks if held else 0,
            opened=held.finding_id if held else "",
            requests=self._windows(REQUESTS, place, spans),
            history=history,
            others={} if self._has_day(deploy, history) else self._others(deploy, spans),
            exemplars=exemplars,
            instances=self._windows(INSTANCE_REQUESTS, place, spans),
            cpu_history=self._cpu_history(deploy, place, fine),
            cpu=tuple(g for a, b in spans for g in self._store.gauges(CPU_TIME, place, a, b)),
        )

    def with_proof(self, case: DeployCase) -> DeployCase:
        """The case with what only a ticket needs: profiles and resources.

        It is read when something is to be opened, and not at every look.
        """
        deploy, store = case.deploy, self._store
        place = {"service": deploy.service, "environment": deploy.environment}
        start = deploy.at - 2.0 * self._settings.baseline / self._pace
        profiles = tuple(store.profiles(place, start, case.end))
        leaves = {node for window in profiles for node in window.weights}
        around = deploy.at - self._settings.baseline / self._pace
        return dataclasses.replace(
            case,
            profiles=profiles,
            symbols=store.symbols(leaves),
            resources=surroundings(store, place, around, case.end),
        )

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

    def _history(self, deploy: Deploy, place: dict[str, str], upto: float) -> tuple[Window, ...]:
        """The previous version's day, without what will be read as fine as stored."""
        if not deploy.previous:
            return ()
        labels = {**place, "version": deploy.previous, "phase": STEADY}
        return tuple(self._store.windows(REQUESTS, labels, self._since(deploy), upto, self._step))

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
        known = {s.label.get("service", "") for s in self._store.series(REQUESTS, labels)}
        for service in sorted(known - {deploy.service})[:MOST_OTHERS]:
            of = {**labels, "service": service}
            for start, end in spans:
                found.setdefault(service, []).extend(
                    self._store.windows(REQUESTS, of, start, end, self._step)
                )
        return {service: tuple(windows) for service, windows in found.items()}

    def _cpu_history(self, deploy: Deploy, place: dict[str, str], upto: float) -> tuple[Gauge, ...]:
        if not deploy.previous:
            return ()
        labels = {**place, "version": deploy.previous, "phase": STEADY}
        return tuple(self._store.gauges(CPU_TIME, labels, self._since(deploy), upto, self._step))

    def _since(self, deploy: Deploy) -> float:
        return deploy.at - self._settings.baseline_max / self._pace
