"""Requests to the bodies of their instances' exporters: sampled, skewed, named as they are told."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from tests.scenarios import bodies
from tests.scenarios.service import Database, Instance, Service
from tests.scenarios.traffic import Called, Served

_WHOLE = 1 << 56

Sender = tuple[str, str]  # service and instance


class SpanSink:
    """Collects encoded spans by instance until they are taken."""

    def __init__(self) -> None:
        self._spans: dict[Sender, list[bytes]] = defaultdict(list)
        self._from: dict[Sender, tuple[Service, Instance]] = {}

    def served(self, served: Served) -> None:
        """Server spans, and what the instances did."""
        instances = served.service.instances
        _work(served)
        if not served.service.reporting.spans:
            return
        state = _state(served.service)
        parents = _rows(served.traces.parents)
        ids, spans = _rows(served.traces.ids), _rows(served.spans)
        for i in np.nonzero(kept(served))[0]:
            instance = instances[served.which[i]]
            constant = bodies.request_span(
                served.operation.name, bodies.SERVER, bool(served.failed[i])
            )
            start = float(served.starts[i]) + instance.skew
            self._of(served.service, instance).append(
                bodies.span(
                    constant, ids[i], spans[i], parents[i], start, float(served.durations[i]), state
                )
            )

    def called(self, called: Called) -> None:
        """Client spans in the caller's telemetry."""
        by, call = called.by, called.call
        if not by.service.reporting.spans:
            return
        state = _state(by.service)
        ids, parents, spans = _rows(by.traces.ids), _rows(by.spans), _rows(called.spans)
        kind = bodies.CLIENT if call.waits else bodies.PRODUCER
        for i in np.nonzero(kept(by))[0]:
            instance = by.service.instances[by.which[i]]
            if isinstance(call.target, Database):
                constant = bodies.query_span(call.target.name, call.target.system)
            else:
                failed = bool(called.failed[i])
                constant = bodies.request_span(call.operation, kind, failed, call.target.name)
            start = float(called.starts[i]) + instance.skew
            seconds = float(called.durations[i]) if call.waits else 0.0001
            self._of(by.service, instance).append(
                bodies.span(constant, ids[i], spans[i], parents[i], start, seconds, state)
            )

    def take(self) -> list[tuple[Service, bytes, int]]:
        """One body for each instance that has something to send, and how many spans it holds."""
        made = []
        for sender, spans in self._spans.items():
            service, instance = self._from[sender]
            made.append((service, bodies.traces(resource_of(service, instance), spans), len(spans)))
        self._spans.clear()
        self._from.clear()
        return made

    def _of(self, service: Service, instance: Instance) -> list[bytes]:
        sender = service.name, instance.name
        if sender not in self._from:
            self._from[sender] = service, instance
        return self._spans[sender]


def resource_of(service: Service, instance: Instance) -> bytes:
    """The encoded resource of an instance."""
    reporting, build = service.reporting, instance.build
    pairs = {
        "service.name": service.name,
        "deployment.environment.name": service.environment,
        "host.name": instance.host,
        **reporting.attributes,
    }
    if build.image:
        pairs["container.image.repo_digests"] = build.image
    elif reporting.versioned:
        pairs["service.version"] = build.version
    if reporting.named:
        pairs["service.instance.id"] = instance.name
    return bodies.resource(tuple(pairs.items()))


def version_of(service: Service, instance: Instance) -> str:
    """The version that perfd reads from an instance's resource."""
    if image := instance.build.image:
        return "sha256:" + image.partition("sha256:")[2][:12]
    return instance.build.version if service.reporting.versioned else "unknown"


def _work(served: Served) -> None:
    """CPU seconds and requests, for what an instance reports of itself."""
    service, instances = served.service, served.service.instances
    sums = np.bincount(served.which, served.own, len(instances))
    counts = np.bincount(served.which, minlength=len(instances))
    for instance, seconds, count in zip(instances, sums, counts, strict=True):
        instance.cpu_seconds += service.cpu * instance.build.cpu * float(seconds) / instance.starved
        instance.served += int(count)


def kept(served: Served) -> np.ndarray:
    """Which requests' spans are sent."""
    reporting = served.service.reporting
    kept = served.traces.chance >= 1.0 - reporting.sampled
    if reporting.tail is not None:
        kept = kept & reporting.tail(served.durations, served.failed)
    return np.asarray(kept)


def _state(service: Service) -> bytes:
    """`ot=th:` and the threshold of consistent sampling, trailing zeros left out."""
    reporting = service.reporting
    if reporting.sampled >= 1.0 or not reporting.tracestate:
        return b""
    threshold = round((1.0 - reporting.sampled) * _WHOLE)
    return b"ot=th:" + f"{threshold:014x}".rstrip("0").encode()


def _rows(ids: np.ndarray) -> list[bytes]:
    raw, size = ids.tobytes(), ids.shape[1]
    return [raw[i * size : (i + 1) * size] for i in range(len(ids))]
