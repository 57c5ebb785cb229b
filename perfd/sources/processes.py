"""CPU time and memory of the processes that telemetry names, as far as they run on this host."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from perfd.interfaces import Meter
from perfd.model.series import CPU_SHARE, CPU_TIME, CPU_WAIT, MEMORY, Resource, Series
from perfd.model.window import Reading
from perfd.sources.locate import RETRY, Locator
from perfd.sources.proc import Proc, Process

Labels = tuple[str, str, str, str]  # service, version, environment, instance
Key = tuple[int, int]  # pid and start: pids are used again
MOST_THREADS = 128  # of a process, whose waits are read one by one, 10 µs each


class Claim(NamedTuple):
    """A process as it is now, and who says to be it."""

    process: Process
    labels: Labels

    @property
    def key(self) -> Key:
        """Which process it is."""
        return (self.process.pid, self.process.started)


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
                claim = Claim(process, labels)
                held = claims.setdefault(claim.key, claim)
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
    """CPU seconds since the last reading, and resident bytes, summed over each instance.

    And what the instance has of its host, which names the two for each other.
    """

    def __init__(self, proc: Proc, host: str, cores: int) -> None:
        self._proc = proc
        self._host = host
        self._cores = cores
        self._at: float | None = None
        self._cpu: dict[Key, float] = {}
        self._waited: dict[Key, dict[int, int]] = {}

    def sample(self, now: float, claims: Iterable[Claim]) -> Iterator[Reading]:
        """A process seen for the first time has no CPU time yet."""
        claims = list(claims)
        cpu = self._spent(claims)
        for name, values in ((CPU_TIME, cpu), (MEMORY, _summed(claims, _resident))):
            for labels, value in values.items():
                yield Reading(_series(name, labels), now, value)
        waited, elapsed = self._waits(claims), now - (self._at or now)
        self._at = now
        shares = {n: v / (elapsed * self._cores) for n, v in cpu.items()} if elapsed > 0.0 else {}
        for name, values in ((CPU_SHARE, shares), (CPU_WAIT, waited)):
            for labels, value in values.items():
                yield Reading(_series(name, labels, host=self._host), now, value)

    def _spent(self, claims: Iterable[Claim]) -> dict[Labels, float]:
        before, self._cpu = self._cpu, {c.key: c.process.cpu for c in claims}
        known = [c for c in claims if c.key in before]
        return _summed(known, lambda c: max(c.process.cpu - before[c.key], 0.0))

    def _waits(self, claims: Iterable[Claim]) -> dict[Labels, float]:
        """Seconds that threads waited for a core; only of processes all of whose waits are known.

        A thread that began since the last reading has waited only since then.
        """
        before, self._waited = self._waited, {c.key: self._read_waits(c) for c in claims}
        known = [c for c in claims if before.get(c.key) and self._waited[c.key]]
        return _summed(known, lambda c: _growth(before[c.key], self._waited[c.key]))

    def _read_waits(self, claim: Claim) -> dict[int, int]:
        try:
            return self._proc.waited(claim.process.pid, MOST_THREADS)
        except (OSError, ValueError, IndexError):
            return {}  # it has ended, or is hidden from us


def _summed(claims: Iterable[Claim], value: Callable[[Claim], float]) -> dict[Labels, float]:
    found: dict[Labels, float] = {}
    for claim in claims:
        found[claim.labels] = found.get(claim.labels, 0.0) + value(claim)
    return found


def _resident(claim: Claim) -> float:
    return float(claim.process.memory)


def _growth(before: Mapping[int, int], after: Mapping[int, int]) -> float:
    """Seconds added to nanoseconds by thread."""
    return sum(max(waited - before.get(thread, 0), 0) for thread, waited in after.items()) * 1e-9


def labels_of(resource: Resource) -> Labels:
    """The labels of a process's series, without the phase: that is the aggregate's to say."""
    return (resource.service, resource.version, resource.environment, resource.instance)


def _series(name: str, labels: Labels, **more: str) -> Series:
    service, version, environment, instance = labels
    return Series.of(
        name, service=service, version=version, environment=environment, instance=instance, **more
    )


def _locatable(subject: Resource) -> bool:
    return any(subject.attribute(n) for n in ("process.pid", "container.id", "k8s.pod.uid"))


def _names_no_pid(subject: Resource) -> bool:
    return not subject.attribute("process.pid")
