"""The Sampler of interfaces.py: the host, its containers, the processes known, and perfd itself."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from perfd.interfaces import Meter
from perfd.model.series import Resource
from perfd.model.window import Reading
from perfd.sources.cgroup import ROOT, CgroupSampler, Group
from perfd.sources.host import HostSampler
from perfd.sources.locate import Locator
from perfd.sources.proc import Proc
from perfd.sources.processes import Claim, Processes, ProcessSampler, labels_of
from perfd.sources.sample_settings import SampleSettings

Subjects = Callable[[], Sequence[Resource]]


class ResourceSampler:
    """Reads it all in one go, in the calling thread. Not safe to call from two at once.

    `subjects` are the resources that telemetry named lately; `own` is perfd, whose series exist
    always. `host` is this machine's name.
    """

    def __init__(
        self,
        subjects: Subjects,
        *,
        own: Resource,
        own_pid: int,
        host: str,
        settings: SampleSettings,
        meter: Meter,
        proc: Path = Path("/proc"),
        cgroups: Path = ROOT,
    ) -> None:
        self._subjects = subjects
        self._own = own
        self._own_pid = own_pid
        self._settings = settings
        self._meter = meter
        self._proc = Proc(proc)
        self._host = HostSampler(host, meter)
        locator = Locator(self._proc, host, own_pid, meter)
        self._processes = Processes(self._proc, locator, settings.max_processes, meter)
        self._readings = ProcessSampler(self._proc, host, os.cpu_count() or 1)
        self._cgroups = CgroupSampler(cgroups, host, meter)

    def sample(self, now: float) -> Sequence[Reading]:
        """What can be read now; what cannot be read is left out and counted."""
        readings: list[Reading] = []
        if self._settings.host:
            readings += self._host.sample(now)
        claims = self._claims(now)
        readings += self._readings.sample(now, claims)
        if self._settings.containers:
            readings += self._cgroups.sample(now, self._groups(claims))
        return readings

    def _claims(self, now: float) -> list[Claim]:
        claims: list[Claim] = []
        try:
            claims.append(Claim(self._proc.process(self._own_pid), labels_of(self._own)))
        except (OSError, ValueError, IndexError):
            self._meter.count("perfd_sample_failures", source="process", reason="own")
        if self._settings.processes:
            claims += self._processes.claims(self._subjects(), now)
        return claims

    def _groups(self, claims: Sequence[Claim]) -> list[Group]:
        groups = []
        for claim in claims:
            try:
                path = self._proc.cgroup(claim.process.pid)
            except OSError:
                continue  # ended since it was read
            if path:
                groups.append(self._cgroups.group(path))
        return groups
