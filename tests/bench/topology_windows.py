"""Requests of a topology as the windows that perfd would hold.

A test sends the same requests as spans and finds the same windows. A service's requests are put
together with their calls for as large a part of the traces as its budget of spans allows.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from perfd.aggregate.settings import CallSettings
from perfd.model.histogram import BUCKETS_PER_OCTAVE, Histogram
from perfd.model.series import (
    CALLS,
    INSTANCE_REQUESTS,
    OWN_TIME,
    REQUESTS,
    RETRIES,
    STEADY,
    Series,
)
from perfd.model.window import Window
from tests.bench.topology_graph import DATABASE, MESSAGE, SYNC, WORKER, Call, Node
from tests.bench.topology_traffic import (
    INSTANCES,
    MINUTE,
    START,
    Flags,
    Floats,
    Ints,
    Layer,
    Served,
    Traffic,
)

FINE = 130  # minutes before START that are read as fine as stored
HISTORY = 1440  # minutes before it that are resampled, by the five, from those that were drawn
ENVIRONMENT = "test"
OLD, NEW = "1", "2"

_PER_LOG = BUCKETS_PER_OCTAVE / math.log(2.0)


class Counted:
    """The windows of a traffic."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._nodes = traffic.topology.nodes
        self._minutes, self._at = traffic.minutes, traffic.before
        self._rng = np.random.default_rng((traffic.seed, 2))

    def windows(self) -> Iterator[Window]:
        """All windows of all services, those of the day before included."""
        present = list(self.present())
        yield from present
        requests = defaultdict(list)
        for window in present:
            if window.series.name == REQUESTS:
                requests[window.series.label["service"]].append(window)
        for node in self._nodes:
            if node.kind != DATABASE:
                yield from self._past(requests[node.name], node)

    def present(self) -> Iterator[Window]:
        """The windows of the minutes that were drawn."""
        for number, node in enumerate(self._nodes):
            if node.kind != DATABASE:
                yield from self._windows(number, node)

    def _windows(self, number: int, node: Node) -> Iterator[Window]:
        served = self._traffic.served[number]
        every = np.concatenate([np.arange(len(served)), *served.repeated])
        minute, seconds, failed = (a[every] for a in (served.minute, served.seconds, served.failed))
        version = served.new[every].astype(np.int64)
        key = version * 2 + failed
        yield from self._counted(_requests(node), key, minute, seconds, failed)
        instance = np.arange(len(every)) % INSTANCES
        key = version * INSTANCES + instance
        yield from self._counted(_instances(node), key, minute, seconds, failed)
        yield from self._together(node, served)

    def _together(self, node: Node, served: Served) -> Iterator[Window]:
        """Own times and calls of the part of the traces that is looked at."""
        taken = served.trace < self._part(served)
        kept = np.flatnonzero(taken)
        new = served.new.astype(np.int64)
        of = [_series(OWN_TIME, node, v) for v in (OLD, NEW)]
        minute = served.minute
        yield from self._counted(
            of, new[kept], minute[kept], served.own[kept], served.own_failed[kept], sums=True
        )
        for call in node.calls:
            target = target_of(self._nodes[call.callee], call)
            layers = [layer for layer in served.layers if layer.call is call]
            of = [_series(CALLS, node, v, **target) for v in (OLD, NEW)]
            yield from self._calls(of, layers, served, taken)
            of = [_series(RETRIES, node, v, **target) for v in (OLD, NEW)]
            yield from self._retries(of, layers, served, taken)

    def _calls(
        self, of: Sequence[Series], layers: Sequence[Layer], served: Served, taken: Flags
    ) -> Iterator[Window]:
        callers, waits, failures = [], [], []
        for layer in layers:
            callee = self._traffic.served[layer.call.callee]
            made = np.flatnonzero(taken[layer.caller])
            again = np.flatnonzero(taken[layer.caller[layer.again]])
            share = layer.share if len(layer.share) else np.zeros(len(layer.caller))
            callers += [layer.caller[made], layer.caller[layer.again[again]]]
            waits += [share[made], np.zeros(len(again))]
            answers = layer.call.mode != MESSAGE  # a message was sent, whatever comes of it
            failures += [
                callee.failed[layer.callee[made]] & answers,
                callee.failed[layer.repeats[again]],
            ]
        caller, seconds = np.concatenate(callers), np.concatenate(waits)
        failed = np.concatenate(failures)
        new = served.new[caller].astype(np.int64)
        waited = layers[0].call.mode == SYNC
        for window in self._counted(of, new, served.minute[caller], seconds, failed, sums=True):
            yield window if waited else replace(window, histogram=Histogram())

    def _retries(
        self, of: Sequence[Series], layers: Sequence[Layer], served: Served, taken: Flags
    ) -> Iterator[Window]:
        caller = np.concatenate([layer.caller[layer.again] for layer in layers])
        caller = caller[taken[caller]]
        none = np.zeros(len(caller))
        new = served.new[caller].astype(np.int64)
        for window in self._counted(of, new, served.minute[caller], none, none, sums=True):
            yield replace(window, histogram=Histogram())

    def _part(self, served: Served) -> float:
        """The part of the traces that is looked at: a power of a half (Thinning)."""
        spans = len(served) + sum(len(layer.caller) for layer in served.layers)
        excess = spans / self._minutes / MINUTE / CallSettings().spans_per_second
        return 2.0 ** -max(math.ceil(math.log2(excess)), 0)

    def _counted(
        self,
        series: Sequence[Series],
        key: Ints,
        minute: Ints,
        seconds: Floats,
        failed: Flags,
        *,
        sums: bool = False,
    ) -> Iterator[Window]:
        """One window for each series and minute with requests; `key` is an index of `series`."""
        cell = key * self._minutes + minute
        cells = len(series) * self._minutes
        counts, errors, total = (
            np.bincount(cell, weights, cells) for weights in (None, failed, seconds)
        )
        logs = np.log(np.maximum(seconds, 1e-12)) * (not sums)
        log_total, log_square = (np.bincount(cell, w, cells) for w in (logs, logs * logs))
        buckets = _buckets(cell, logs) if not sums else {}
        for place in np.flatnonzero(counts).tolist():
            count = int(counts[place])
            held = buckets.get(place, {})
            histogram = Histogram(
                *(held, count if sums else 0, count),
                *(float(total[place]), float(log_total[place]), float(log_square[place])),
            )
            start = START + (place % self._minutes - self._at) * MINUTE
            yield Window(
                series[place // self._minutes], start, MINUTE, count, int(errors[place]), histogram
            )

    def _past(self, requests: Sequence[Window], node: Node) -> Iterator[Window]:
        """The day before: runs of five minutes of the baseline, in any order."""
        held = {(w.series, round((w.start - START) / MINUTE)): w for w in requests}
        of = [s for s in _requests(node) if s.label["version"] == OLD]
        for begin in range(-self._at - 5, -HISTORY, -5):
            source = -int(self._rng.integers(5, self._at)) - 1
            for series in of:
                run = [held.get((series, source + i)) for i in range(5)]
                found = [(begin + i, w) for i, w in enumerate(run) if w is not None]
                yield from _moved(found, fine=begin >= -FINE)
            if begin % 60 < 5:
                at = START + begin * MINUTE
                yield Window(_instances(node)[0], at, MINUTE, 1, 0)


def _moved(run: Sequence[tuple[int, Window]], *, fine: bool) -> Iterator[Window]:
    """Windows at other minutes: as they are, or merged into the first of them."""
    if not fine and run:
        merged = run[0][1]
        for _, window in run[1:]:
            merged = merged.merge(window)
        run = [(run[0][0], merged)]
    for minute, window in run:
        yield replace(window, start=START + minute * MINUTE, width=MINUTE)


def target_of(callee: Node, call: Call) -> dict[str, str]:
    """The labels of a call."""
    if callee.kind == DATABASE:
        return {"peer": f"postgresql/{callee.name}", "call": "SELECT rows"}
    if call.mode == MESSAGE:
        return {"peer": f"kafka/{callee.name}", "call": "send"}
    return {"peer": callee.name, "call": "GET"}


def operation_of(node: Node) -> str:
    """Each node has one."""
    return f"process {node.name}" if node.kind == WORKER else f"GET /{node.name}"


def _buckets(cell: Ints, logs: Floats) -> dict[int, dict[int, int]]:
    """Counts of latencies by bucket, of each cell."""
    bucket = np.ceil(logs * _PER_LOG).astype(np.int64) - 1
    if not len(bucket):
        return {}
    low = int(bucket.min())
    width = int(bucket.max()) - low + 1
    held = np.bincount(cell * width + (bucket - low))
    found: dict[int, dict[int, int]] = {}
    used = np.flatnonzero(held)
    for place, index, n in zip(
        (used // width).tolist(), (used % width + low).tolist(), held[used].tolist(), strict=True
    ):
        found.setdefault(place, {})[index] = n
    return found


def _requests(node: Node) -> list[Series]:
    """By version and status."""
    return [
        _series(REQUESTS, node, version, status=status, phase=STEADY)
        for version in (OLD, NEW)
        for status in ("ok", "error")
    ]


def _instances(node: Node) -> list[Series]:
    return [
        Series.of(
            INSTANCE_REQUESTS,
            service=node.name,
            version=version,
            environment=ENVIRONMENT,
            instance=f"{node.name}-{version}-{number}",
            phase=STEADY,
        )
        for version in (OLD, NEW)
        for number in range(INSTANCES)
    ]


def _series(name: str, node: Node, version: str, **labels: str) -> Series:
    place = {"service": node.name, "version": version, "environment": ENVIRONMENT}
    return Series.of(name, **place, operation=operation_of(node), **labels)
