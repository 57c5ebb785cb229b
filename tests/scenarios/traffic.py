"""Requests: who serves them, how long they take, and what they call; the model behind everything.

The same model makes live telemetry and seeded history; only the sink differs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tests.scenarios.service import Call, Database, Operation, Service
from tests.scenarios.weather import Weather

HOP = 0.0002  # seconds on the wire, each way
FADING = 10.0  # seconds: how soon a cold process is warm

Array = np.ndarray


@dataclass
class Traces:
    """Trace ids, parents and the sampler's random numbers of requests that belong together."""

    ids: Array  # (n, 16) bytes
    parents: Array  # (n, 8) bytes; empty (n, 0) at the root
    chance: Array  # in [0, 1), the same in the whole trace


@dataclass
class Served:
    """Requests of one operation; arrays by request, times in seconds UTC."""

    service: Service
    operation: Operation
    which: Array  # indices into service.instances
    starts: Array
    durations: Array
    own: Array  # of the durations, what the service spent itself
    failed: Array
    traces: Traces
    spans: Array  # (n, 8) bytes: their span ids


@dataclass
class Called:
    """Requests of one operation to something else, as the caller saw them."""

    by: Served
    call: Call
    starts: Array
    durations: Array
    failed: Array
    spans: Array


class Sink(Protocol):
    """What becomes of requests."""

    def served(self, served: Served) -> None: ...

    def called(self, called: Called) -> None: ...


class Traffic:
    """Draws requests; everything follows from the generator that it is handed."""

    def __init__(self, weather: Weather, rng: np.random.Generator) -> None:
        self._weather = weather
        self._rng = rng

    def send(self, service: Service, start: float, seconds: float, sink: Sink) -> None:
        """What comes from outside to a service in `[start, start + seconds)`."""
        for operation in service.operations:
            count = int(self._rng.poisson(operation.rate_at(start + seconds / 2) * seconds))
            if count:
                starts = np.sort(start + seconds * self._rng.random(count))
                served = self._serve(service, operation, starts, self._roots(count), sink)
                self._retry(served, sink)

    def _retry(self, served: Served, sink: Sink) -> None:
        """Clients that went away ask once more."""
        timeout = served.operation.timeout
        if timeout is not None and (gone := served.durations >= timeout).any():
            again = np.sort(served.starts[gone] + timeout)
            roots = self._roots(len(again))
            self._serve(served.service, served.operation, again, roots, sink)

    def _serve(
        self, service: Service, operation: Operation, starts: Array, traces: Traces, sink: Sink
    ) -> Served:
        rng, count = self._rng, len(starts)
        which = rng.choice(len(service.instances), count, p=service.weights())
        own = self._own(service, operation, which, starts)
        faults = np.array([i.build.faults(operation.name) for i in service.instances])
        at = float(starts[0])
        failed = rng.random(count) < operation.errors_at(at) + faults[which]
        if operation.failure is not None:
            own[failed] = operation.failure * np.exp(rng.normal(0.0, 0.2, int(failed.sum())))
        served = Served(
            service, operation, which, starts, own, own, failed, traces, self._ids(count, 8)
        )
        waited = own * operation.queue_at(at)
        made = list(self._make_calls(served, waited, sink))
        served.durations = own + waited
        if operation.timeout is not None:
            served.failed = served.failed | (served.durations >= operation.timeout)
            served.durations = np.minimum(served.durations, operation.timeout)
        sink.served(served)
        for called in made:
            sink.called(called)
        return served

    def _own(self, service: Service, operation: Operation, which: Array, starts: Array) -> Array:
        instances, climate = service.instances, self._weather.climate
        level = math.log(operation.latency)
        level += self._weather.effect(service.name, operation.name, float(starts[0]))
        slow = np.array(
            [
                i.restart + math.log(i.build.slowness(operation.name) * i.slower * i.starved)
                for i in instances
            ]
        )
        ages = np.maximum(starts - np.array([i.started for i in instances])[which], 0.0)
        cold = climate.cold * np.exp(-ages / FADING)
        return np.asarray(
            np.exp(self._rng.normal(level, operation.spread, len(starts)) + slow[which] + cold)
        )

    def _make_calls(self, served: Served, waited: Array, sink: Sink) -> Iterator[Called]:
        """One after the other in the middle of the own time; adds to `waited`."""
        for call in served.operation.calls:
            for _ in range(call.times):
                at = served.starts + served.own / 2 + waited
                called = self._call(served, call, at, sink)
                if call.waits:
                    waited += called.durations
                if call.fails:
                    served.failed = served.failed | called.failed
                yield called

    def _call(self, served: Served, call: Call, at: Array, sink: Sink) -> Called:
        count, rng = len(at), self._rng
        spans = self._ids(count, 8)
        if isinstance(call.target, Database):
            level = math.log(call.target.latency)
            took = np.exp(rng.normal(level, call.target.spread, count))
            return Called(served, call, at, took, np.zeros(count, bool), spans)
        traces = Traces(served.traces.ids, spans, served.traces.chance)
        operation = call.target.operation(call.operation)
        callee = self._serve(call.target, operation, at + HOP, traces, sink)
        return Called(served, call, at, callee.durations + 2 * HOP, callee.failed, spans)

    def _roots(self, count: int) -> Traces:
        return Traces(self._ids(count, 16), np.empty((count, 0), np.uint8), self._rng.random(count))

    def _ids(self, count: int, size: int) -> Array:
        return np.frombuffer(self._rng.bytes(count * size), np.uint8).reshape(count, size)
