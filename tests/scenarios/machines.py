"""The hosts of a world, as a sampler on them would read their resources."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from perfd.model.series import CPU_SHARE, CPU_WAIT, HOST_CPU, Series
from perfd.model.window import Reading
from tests.scenarios.service import Instance, Service


@dataclass
class Host:
    """Gauges by name, e.g. `host.cpu.utilization`; change them while the world runs.

    With `others`, the share of its `cores` that anything but the world's services uses, the rest
    follows: how busy it is, and what each instance on it has of it (how long its threads waited for
    a core, only where `waits`).
    """

    name: str
    gauges: dict[str, float] = field(default_factory=lambda: {HOST_CPU: 0.3})
    others: float | None = None
    cores: int = 4
    waits: bool = False


@dataclass
class Machines:
    """The Sampler of interfaces.py over hosts that somebody described; none by default."""

    services: Callable[[], Iterable[Service]] = tuple
    hosts: dict[str, Host] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._spent: dict[str, tuple[float, float]] = {}

    def sample(self, now: float) -> Sequence[Reading]:
        """One reading of every gauge of every host."""
        readings = []
        for host in self.hosts.values():
            gauges, shares = dict(host.gauges), list(self._shares(host, now))
            if host.others is not None:
                used = sum(r.value for r in shares if r.series.name == CPU_SHARE)
                gauges[HOST_CPU] = min(host.others + used, 1.0)
            readings += [Reading(Series.of(n, host=host.name), now, v) for n, v in gauges.items()]
            readings += shares
        return readings

    def _shares(self, host: Host, now: float) -> Iterator[Reading]:
        for service in self.services() if host.others is not None else ():
            for instance in (i for i in service.instances if i.host == host.name):
                before, since = self._spent.get(instance.name, (0.0, now))
                self._spent[instance.name] = instance.cpu_seconds, now
                if now > since:
                    spent = instance.cpu_seconds - before
                    labels = _labels(service, instance)
                    share = spent / (now - since) / host.cores
                    yield Reading(Series.of(CPU_SHARE, **labels), now, share)
                    if host.waits:
                        waited = spent * (instance.starved - 1.0)
                        yield Reading(Series.of(CPU_WAIT, **labels), now, waited)


def _labels(service: Service, instance: Instance) -> dict[str, str]:
    return {
        "host": instance.host,
        "service": service.name,
        "version": instance.build.version if service.reporting.versioned else "unknown",
        "environment": service.environment,
        "instance": instance.name,
    }
