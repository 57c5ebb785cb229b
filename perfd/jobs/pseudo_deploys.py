"""Deploys that never were: a moment of the past, judged as if something had been deployed then.

Both sides are the same versions, told apart by time, so whatever is found is wrong; the five
minutes around such a moment belong to neither side.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from perfd.detect.case import DeployCase
from perfd.detect.settings import DetectSettings
from perfd.interfaces import Store
from perfd.jobs.deploy_case import CaseReader
from perfd.jobs.requests import requests
from perfd.model.deploy import Deploy

PSEUDO = "pseudo"


class PseudoDeploys:
    """Cases as a real deploy's, at the second look."""

    def __init__(self, store: Store, settings: DetectSettings, pace: float) -> None:
        self._store = store
        self._settings = settings
        self._pace = pace
        self._reader = CaseReader(store, settings, pace)

    @property
    def lasts(self) -> float:
        """Seconds from such a deploy to its look."""
        return (self._settings.after * 4.0 / 3.0 + self._settings.mixed) / self._pace

    def case(self, service: str, environment: str, at: float) -> DeployCase | None:
        """The case of a deploy at `at`; None where nothing was served in the hour before."""
        version = self._serving(service, environment, at)
        if version is None:
            return None
        deploy = Deploy(service, environment, version, version, at, source=PSEUDO)
        return replace(self._reader.read(deploy, None, at + self.lasts), looks=1)

    def with_proof(self, case: DeployCase) -> DeployCase:
        """With what is read when something would be opened."""
        return self._reader.with_proof(case)

    def _serving(self, service: str, environment: str, at: float) -> str | None:
        """The version that had most of the traffic."""
        labels = {"service": service, "environment": environment}
        served: Counter[str] = Counter()
        for windows in requests(self._store, labels, at - self._settings.baseline / self._pace, at):
            for window in windows:
                served[window.series.label.get("version", "")] += window.count
        return max(served, key=lambda version: served[version]) if served else None
