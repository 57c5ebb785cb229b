"""A new process is slow because it is new: its first requests are kept, but judged by nobody.

Warm-up lasts until both 20 s have passed since the instance was first seen and 50 of its requests
were counted. Real seconds of the telemetry's own time: pace does not divide them, since an
interpreter does not warm up faster because windows are shorter. An instance that serves no request
(a worker, perfd itself) is warm after its 20 s.

When perfd itself starts, every instance looks new for 20 s and 50 requests. That costs a little
data, and no wrong verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from perfd.interfaces import Meter
from perfd.model.series import OVERFLOW, STEADY, WARMUP, Resource

SECONDS = 20.0
REQUESTS = 50
IDLE_SECONDS = 3600.0  # an instance that was not heard of for so long may be forgotten


class InstanceKey(NamedTuple):
    """Who warms up: the same instance under a new version is a new process."""

    service: str
    version: str
    environment: str
    instance: str

    @classmethod
    def of(cls, resource: Resource) -> InstanceKey:
        """The key of a resource."""
        return cls(resource.service, resource.version, resource.environment, resource.instance)


class Instance:
    """What is known of one: when it was first and last seen, and its requests."""

    __slots__ = ("first", "last", "metered", "requests")

    def __init__(self, at: float) -> None:
        self.first = at
        self.last = at
        self.requests = 0
        self.metered = 0  # by the instance's own metric: the same requests, so a count apart

    def steady_at(self, at: float) -> bool:
        """Whether the warm-up was over at `at`, as far as was counted by now."""
        return at >= self.first + SECONDS and not 0 < self.requests < REQUESTS


class Warmup:
    """The instances seen, at most `most`; one that finds no room counts as warming up for ever.

    So does `_other`, the instances beyond the cap. No room is made by pushing another out: a flood
    of made-up instances would then make every real one look new.
    """

    def __init__(self, most: int, meter: Meter) -> None:
        self._most = most
        self._meter = meter
        self._instances: dict[InstanceKey, Instance] = {}
        self._swept = 0.0

    def __len__(self) -> int:
        return len(self._instances)

    def seen(self, key: Resource | InstanceKey, at: float) -> Instance | None:
        """Note that an instance was there at `at` (seconds, UTC); None when there is no room."""
        key = _key(key)
        instance = self._instances.get(key)
        if instance is None:
            if key.instance == OVERFLOW:  # many behind one name
                return None
            if len(self._instances) >= self._most and not self._sweep(at):
                self._meter.count("perfd_evicted", what="instances")
                return None
            instance = self._instances[key] = Instance(at)
        instance.first = min(instance.first, at)
        instance.last = max(instance.last, at)
        return instance

    def phase(self, key: Resource | InstanceKey, at: float) -> str:
        """STEADY or WARMUP for what an instance did at `at`; an unknown one warms up."""
        instance = self._instances.get(_key(key))
        return STEADY if instance is not None and instance.steady_at(at) else WARMUP

    def settled(self, key: InstanceKey, since: float, requests: int) -> bool:
        """Count requests of an instance that was warm before `since`; False for one that was not.

        The short way for the many: no look at each request.
        """
        instance = self._instances.get(key)
        if instance is None or instance.requests < REQUESTS or since < instance.first + SECONDS:
            return False
        instance.requests += requests
        instance.last = max(instance.last, since)
        return True

    def split(
        self, key: Resource | InstanceKey, ends: Sequence[float]
    ) -> tuple[list[int], list[int]]:
        """Count requests that ended at these times; which are warm-up, and which steady, by index.

        A request counts towards the 50 before its own phase is read, so the 51st is the first that
        may be steady.
        """
        instance = self.seen(key, min(ends))
        if instance is None:
            return list(range(len(ends))), []
        parts: tuple[list[int], list[int]] = ([], [])
        instance.last = max(instance.last, *ends)
        warm = instance.first + SECONDS
        for i, end in enumerate(ends):
            parts[instance.requests >= REQUESTS and end >= warm].append(i)
            instance.requests += 1
        return parts

    def metered(self, key: InstanceKey, since: float, requests: int) -> str:
        """The phase of requests that an instance's own metric counted since `since`.

        A point is of one phase: which of its requests came first is not known.
        """
        instance = self.seen(key, since)
        if instance is None:
            return WARMUP
        steady = since >= instance.first + SECONDS and instance.metered >= REQUESTS
        instance.metered += requests
        return STEADY if steady else WARMUP

    def _sweep(self, at: float) -> bool:
        """Forget idle instances, once a minute at most; whether there is room now."""
        if abs(at - self._swept) < 60.0:
            return False
        self._swept = at
        self._instances = {
            key: held for key, held in self._instances.items() if abs(at - held.last) < IDLE_SECONDS
        }
        return len(self._instances) < self._most


def _key(key: Resource | InstanceKey) -> InstanceKey:
    return key if isinstance(key, InstanceKey) else InstanceKey.of(key)
