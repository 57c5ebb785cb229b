"""The hosts of a world, as a sampler on them would read their resources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from perfd.model.series import Series
from perfd.model.window import Reading


@dataclass
class Host:
    """Gauges by name, e.g. `host.cpu.utilization`; change them while the world runs."""

    name: str
    gauges: dict[str, float] = field(default_factory=lambda: {"host.cpu.utilization": 0.3})


@dataclass
class Machines:
    """The Sampler of interfaces.py over hosts that somebody described; none by default."""

    hosts: dict[str, Host] = field(default_factory=dict)

    def sample(self, now: float) -> Sequence[Reading]:
        """One reading of every gauge of every host."""
        return [
            Reading(Series.of(name, host=host.name), now, value)
            for host in self.hosts.values()
            for name, value in host.gauges.items()
        ]
