"""CPU time and memory of the processes that telemetry names, as far as they run on this host."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from perfd.interfaces import Meter
from perfd.model.series import CPU_TIME, MEMORY, Resource, Series
from perfd.model.window import Reading
from perfd.sources.locate import RETRY, Locator
from perfd.sources.proc import Proc, Process

Labels = tuple[str, str, str, str]  # service, version, environment, instance
Key = tuple[int, int]  # pid and start: pids are used again


class Claim(NamedTuple):
    """A process as it is now, and who says to be it."""

    process: Process
    labels: Labels


class _Found(NamedTuple):
    keys: tuple[Key, ...]
    until: float  # then it is looked for again


class Processes:
    """Follows the processes of resources, at most `most` of them."""

    def __init__(self, proc: Proc, locator: Locator, most: int, meter: Meter) -> None:
        self._proc = proc
        self._locator = locator
        self._most = most
        self._meter = meter
        self._found: dict[Resource, _Found] = {}

    def claims(self, subjects: Iterable[Resource], now: float) -> list[Claim]:
        """Each process once; of two claims on one the first that names its pid counts."""
        named = sorted(filter(_locatable, subjects), key=_names_no_pid)
        self._forget(named)
        claims: dict[Key, Claim] = {}
        for subject in named[: self._most]:
            labels = labels_of(subject)
            for process in self._processes(subject, now):
                held = claims.setdefault((process.pid, process.started), Claim(process, labels))
                if held.labels != labels:
                    self._failed("ambiguous")
        if len(named) > self._most:
            self._failed("too_many", len(named) - self._most)
        return list(claims.values())

    def _processes(self, subject: Resource, now: float) -> list[Process]:
        found = self._found.get(subject)
        if found is not None and now < found.until:
            read = [self._read(pid) for pid, _ in found.keys]
            same = [p for p in read if p is not None and (p.pid, p.started) in found.keys]
            if same or not found.keys:
                return same
        return self._look(subject, now)

    def _look(self, subject: Resource, now: float) -> list[Process]:
        pids = self._locator.pids(subject, now)
        processes = [p for p in map(self._read, pids) if p is not None]
        # A named process is that one until it ends; a container's processes come and go.
        lasting = processes and not _names_no_pid(subject)
        until = float("inf") if lasting else now + RETRY
        self._found[subject] = _Found(tuple((p.pid, p.started) for p in processes), until)
        return processes

    def _read(self, pid: int) -> Process | None:
        try:
            return self._proc.process(pid)
        except (FileNotFoundError, ProcessLookupError):
            pass  # it has ended
        except OSError:
            self._failed("unreadable")
        except (ValueError, IndexError):
            self._failed("malformed")
        return None

    def _forget(self, named: Sequence[Resource]) -> None:
        if len(self._found) > len(named):
            still = set(named)
            self._found = {s: found for s, found in self._found.items() if s in still}

    def _failed(self, reason: str, times: int = 1) -> None:
        self._meter.count("perfd_sample_failures", times, source="process", reason=reason)


class ProcessSampler:
    """CPU seconds since the last reading, and resident bytes, summed over each instance."""

    def __init__(self) -> None:
        self._before: dict[Key, float] = {}

    def sample(self, now: float, claims: Iterable[Claim]) -> Iterator[Reading]:
        """A process seen for the first time has no CPU time yet."""
        cpu: dict[Labels, float] = {}
        memory: dict[Labels, float] = {}
        before, self._before = self._before, {}
        for process, labels in claims:
            key = (process.pid, process.started)
            self._before[key] = process.cpu
            memory[labels] = memory.get(labels, 0.0) + process.memory
            if key in before:
                cpu[labels] = cpu.get(labels, 0.0) + max(process.cpu - before[key], 0.0)
        for name, values in ((CPU_TIME, cpu), (MEMORY, memory)):
            for labels, value in values.items():
                yield Reading(_series(name, labels), now, value)


def labels_of(resource: Resource) -> Labels:
    """The labels of a process's series, without the phase: that is the aggregate's to say."""
    return (resource.service, resource.version, resource.environment, resource.instance)


def _series(name: str, labels: Labels) -> Series:
    service, version, environment, instance = labels
    return Series.of(
        name, service=service, version=version, environment=environment, instance=instance
    )


def _locatable(subject: Resource) -> bool:
    return any(subject.attribute(n) for n in ("process.pid", "container.id", "k8s.pod.uid"))


def _names_no_pid(subject: Resource) -> bool:
    return not subject.attribute("process.pid")
