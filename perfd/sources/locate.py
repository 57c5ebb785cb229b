"""Which processes of this host a sender is: pids of a Resource.

A wrong match would charge one service for another's CPU, and a pid alone proves nothing: it has to
be said on which host (`host.name`) or in which container (`container.id`, `k8s.pod.uid`) it counts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from perfd.interfaces import Meter
from perfd.model.series import Resource
from perfd.sources.proc import Proc

RETRY = 30.0  # seconds, real ones, between two looks at all processes

_PID = re.compile(r"[1-9][0-9]{0,9}")
_MARK = re.compile(r"[0-9A-Za-z_-]{12,128}")  # a shorter one could be part of any path
_DOCKER_HOST = re.compile(r"[0-9a-f]{12}")  # Docker calls a container's host by its id


class Locator:
    """Looks in /proc; all processes are looked at only for senders in containers."""

    def __init__(self, proc: Proc, host: str, own_pid: int, meter: Meter) -> None:
        self._proc = proc
        self._host = _short(host)
        self._own_pid = own_pid
        self._meter = meter
        self._groups: dict[int, str] = {}
        self._scanned = float("-inf")

    def pids(self, subject: Resource, now: float) -> list[int]:
        """Its process; all of its container where it names no process; [] when not found."""
        stated = subject.attribute("process.pid") or ""
        marks = _marks(subject)
        if (stated and not _PID.fullmatch(stated)) or not all(map(_MARK.fullmatch, marks)):
            self._failed("malformed")
            return []
        if marks:
            return self._inside(marks, stated, now)
        if stated and _short(subject.attribute("host.name") or "") == self._host:
            return self._outside(int(stated))
        return []

    def _outside(self, pid: int) -> list[int]:
        # In another pid namespace under the same host name (a pod) the number means another
        # process, most often number 1, perfd itself.
        numbers = self._numbers(pid)
        if numbers == [pid] and pid != self._own_pid:
            return numbers
        if numbers:
            self._failed("namespace")
        return []

    def _inside(self, marks: Sequence[str], stated: str, now: float) -> list[int]:
        """The sender knows its number in the container's namespace, the innermost one."""
        if now >= self._scanned + RETRY:
            self._scan()
            self._scanned = now
        members = [
            pid
            for pid, groups in self._groups.items()
            if pid != self._own_pid and any(mark in groups for mark in marks)
        ]
        if not stated:
            return members
        return [pid for pid in members if self._numbers(pid)[-1:] == [int(stated)]][:1]

    def _scan(self) -> None:
        self._groups.clear()
        for pid in self._proc.pids():
            try:
                self._groups[pid] = self._proc.cgroups(pid)
            except OSError:
                continue  # ended meanwhile, or hidden from us: then it is not found, and that shows

    def _numbers(self, pid: int) -> list[int]:
        """Empty for a process that has ended."""
        try:
            return self._proc.numbers(pid)
        except (OSError, ValueError):
            return []

    def _failed(self, reason: str) -> None:
        self._meter.count("perfd_sample_failures", source="process", reason=reason)


def _marks(subject: Resource) -> list[str]:
    """What a cgroup's path holds for this sender: the container's id, or the pod's."""
    host = subject.attribute("host.name") or ""
    container = subject.attribute("container.id") or (_DOCKER_HOST.fullmatch(host) and host)
    if container:
        return [container]
    pod = subject.attribute("k8s.pod.uid")
    return [pod, pod.replace("-", "_")] if pod else []  # the systemd driver writes underscores


def _short(host: str) -> str:
    """Senders give the host's name with its domain or without."""
    return host.partition(".")[0].lower()
