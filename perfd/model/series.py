"""Who is measured (Resource) and what is measured of it (Series), and the names perfd keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from perfd.model.identity import hash63

# RED from spans: service, version, environment, operation, status, phase.
REQUESTS = "requests"
# RED from spans: service, version, environment, instance, phase.
INSTANCE_REQUESTS = "instance.requests"
# RED from the metric of the same meaning; never added to REQUESTS, which counts the same requests.
# Labels as of REQUESTS, and `buckets`: what the sender's histogram could tell apart.
METRIC_REQUESTS = "http.server.request.duration"
# The same by instance, labels as of INSTANCE_REQUESTS.
METRIC_INSTANCE_REQUESTS = "instance.http.server.request.duration"
# Of sampled requests: the time that no call of theirs explains, and the failures (errors) that no
# failed call explains: service, version, environment, operation. Its count is the requests sampled;
# its histogram, like that of CALLS, has no buckets.
OWN_TIME = "requests.own"
# Calls that the sampled requests of OWN_TIME made: service, version, environment, operation, peer,
# call. Seconds are those that the requests waited; calls in parallel share them.
CALLS = "calls"
# Calls of CALLS that repeated a failed one, and how long the requests waited for them.
RETRIES = "calls.retries"
# Which service was seen behind a peer: service, environment, peer, callee.
LINKS = "calls.links"
# CPU seconds spent in the window by the processes of an instance (Gauge.total).
CPU_TIME = "process.cpu.time"
# Resident bytes of the processes of an instance (Gauge.mean).
MEMORY = "process.memory.usage"

# Of an instance on the host that it runs on: host, service, version, environment, instance.
# Share of all cores of the host that its processes used (Gauge.mean).
CPU_SHARE = "process.cpu.utilization"
# Seconds in the window that its threads were ready to run and had no core (Gauge.total).
CPU_WAIT = "process.cpu.wait.time"
# Of a host: share of all cores in use, and share of time that its hypervisor gave to others.
HOST_CPU = "host.cpu.utilization"
HOST_STEAL = "host.cpu.steal"

# `phase` of a request: an instance's first 20 s and 50 requests are kept, but judged by nobody.
STEADY = "steady"
WARMUP = "warmup"

# What stands for the label values that a service was not allowed to add (the cardinality cap).
OVERFLOW = "_other"

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Resource:
    """Where telemetry comes from.

    `attributes` are the sorted rest, for matching processes and hosts.
    """

    service: str
    version: str = UNKNOWN
    environment: str = UNKNOWN
    instance: str = UNKNOWN
    attributes: tuple[tuple[str, str], ...] = ()

    def attribute(self, name: str) -> str | None:
        """The value of one resource attribute, e.g. `process.pid`."""
        return next((value for key, value in self.attributes if key == name), None)


@dataclass(frozen=True)
class Series:
    """A name and its labels, sorted; equal series have the same 63-bit id everywhere."""

    name: str
    labels: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, name: str, /, **labels: str) -> Series:
        """`Series.of("requests", service="pricing", …)`."""
        return cls(name, tuple(sorted(labels.items())))

    @cached_property
    def id(self) -> int:
        """63-bit hash of name and labels."""
        return hash63(self.name, *(part for pair in self.labels for part in pair))

    @cached_property
    def label(self) -> Mapping[str, str]:
        """The labels as a mapping."""
        return dict(self.labels)

    def matches(self, name: str, labels: Mapping[str, str]) -> bool:
        """Whether this is a series of that name with at least these labels."""
        return self.name == name and all(self.label.get(k) == v for k, v in labels.items())
