"""The resources heard of lately, by which processes and containers of this machine are found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from perfd.model.series import Resource

FORGET_SECONDS = 600.0  # after its last telemetry a process is not looked for any more
_MOST = 1_000
_LOCAL = ("process.pid", "container.id")


class Population:
    """Resources that name a process or a container, at most so many."""

    def __init__(self) -> None:
        self._seen: dict[Resource, float] = {}

    def note(self, resources: Iterable[Resource], now: float) -> None:
        """These have sent telemetry now."""
        for resource in resources:
            known = resource in self._seen
            if known or (len(self._seen) < _MOST and any(map(resource.attribute, _LOCAL))):
                self._seen[resource] = now

    def recent(self, now: float) -> Sequence[Resource]:
        """Those heard of in the last ten minutes."""
        self._seen = {r: at for r, at in self._seen.items() if abs(now - at) <= FORGET_SECONDS}
        return list(self._seen)
