"""What perfd would hold of a random topology: its traces drawn, and counted into windows.

Requests are drawn and added up in arrays, as spans sent one by one would have been (a test sends
the same requests as spans and finds the same windows). A service's requests are put together with
their calls for as large a part of the traces as its budget of spans allows.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

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
from tests.bench.topology_graph import (
    ASYNC,
    DATABASE,
    FAILING,
    MESSAGE,
    MORE_CALLS,
    SLOWER,
    SYNC,
    WORKER,
    Call,
    Change,
    Node,
    Topology,
    repeatable,
)

START = 1_700_000_100.0  # when the first deploy begins; on a minute
MINUTE = 60.0
BEFORE, AFTER = 75, 50  # minutes around it that are drawn
FINE = 130  # minutes before it that are read as fine as stored
HISTORY = 1440  # minutes before it that are resampled from them, by the five
TRAIN = 5  # minutes within which all are deployed
ROLLING = 3  # minutes until a new version has all traffic
INSTANCES = 2
BACKOFF = 0.02  # seconds before a retry
MOST_CALLS = 10
ENVIRONMENT = "test"
OLD, NEW = "1", "2"

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
_PER_LOG = BUCKETS_PER_OCTAVE / math.log(2.0)


@dataclass
class Layer:
    """One call by some requests of a node: whose they are, and which requests of the callee.

    `again` and `repeats` are the places in both of those that were retried, and with what.
    """

    call: Call
    caller: Ints
    callee: Ints
    again: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    repeats: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    share: Floats = field(default_factory=lambda: np.zeros(0))


@dataclass
class Served:
    """All requests of one node; `trace` in 0 … 1 tells whether a trace is looked at as a whole."""

    minute: Ints
    trace: Floats
    new: Flags
    changed: Flags
    layers: list[Layer] = field(default_factory=list)
    own: Floats = field(default_factory=lambda: np.zeros(0))
    seconds: Floats = field(default_factory=lambda: np.zeros(0))
    failed: Flags = field(default_factory=lambda: np.zeros(0, bool))
    own_failed: Flags = field(default_factory=lambda: np.zeros(0, bool))
    repeated: list[Ints] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.minute)


class Traffic:
    """The requests of a topology, minute by minute; minute 0 is `BEFORE` minutes before START."""

    def __init__(self, topology: Topology, seed: int, *, before: int = BEFORE, after: int = AFTER):
        self._rng = np.random.default_rng((seed, 1))
        self._minutes, self._at = before + after, before
        self._topology = topology
        self._begins = [before + self._rng.uniform(0.0, TRAIN) for _ in topology.nodes]
        self._changes = {c.node: _possible(c, topology.nodes) for c in topology.changes}
        self.served: list[Served] = []
        self._draw()
        for number in topology.order:
            self._answer(number)

    # --- who is called ----------------------------------------------------------------------------

    def _draw(self) -> None:
        """Requests of every node, callers first; retries are drawn when their time has come."""
        nodes = self._topology.nodes
        minutes = self._rng.poisson(self._topology.rate, self._minutes)
        asked: list[list[tuple[Ints, Floats]]] = [[] for _ in nodes]
        minute = np.repeat(np.arange(self._minutes), minutes)
        asked[0].append((minute, self._rng.random(len(minute))))
        for number, node in enumerate(nodes):
            served = self._arrived(number, asked[number])
            self.served.append(served)
            for call in node.calls:
                for callers in self._callers(number, call, served):
                    first = sum(len(minute) for minute, _ in asked[call.callee])
                    places = np.arange(first, first + len(callers))
                    served.layers.append(Layer(call, callers, places))
                    asked[call.callee].append((served.minute[callers], served.trace[callers]))

    def _arrived(self, number: int, asked: Sequence[tuple[Ints, Floats]]) -> Served:
        minute = np.concatenate([m for m, _ in asked])
        trace = np.concatenate([t for _, t in asked])
        share = np.clip((minute + 1.0 - self._begins[number]) / ROLLING, 0.0, 1.0)
        new = self._rng.random(len(minute)) < share
        changed = new if number in self._changes else np.zeros(len(minute), bool)
        deployed = number in self._topology.deployed
        return Served(minute, trace, new if deployed else np.zeros(len(minute), bool), changed)

    def _callers(self, number: int, call: Call, served: Served) -> Iterator[Ints]:
        """Who makes the first call, the second, and so on."""
        making = np.flatnonzero(self._rng.random(len(served)) < call.probability)
        for _ in range(call.times):
            yield making
        change = self._changes.get(number)
        if change is not None and change.kind == MORE_CALLS:
            target, more = more_calls(change, self._topology.nodes)
            for _ in range(more if call == target else 0):
                yield np.flatnonzero(served.changed)

    # --- how long it takes ------------------------------------------------------------------------

    def _answer(self, number: int) -> None:
        """Durations and failures of a node, whose callees have answered."""
        node, served = self._topology.nodes[number], self.served[number]
        failed, touched = np.zeros((2, len(served)), bool)
        for layer in served.layers:
            touched[self._failing(layer)] = True
            failed[self._retried(layer)] = True
        waiting = self._waiting(served)
        served.own = self._own_time(number, node, served, waiting)
        rate = np.full(len(served), node.error_rate)
        change = self._changes.get(number)
        if change is not None and change.kind == FAILING:
            rate[served.changed] += change.effect
        by_itself = self._rng.random(len(served)) < rate
        served.own_failed = by_itself & ~touched
        served.failed = by_itself | failed
        served.seconds = served.own + waiting

    def _own_time(self, number: int, node: Node, served: Served, waiting: Floats) -> Floats:
        restart = self._rng.normal(0.0, 0.01 / math.sqrt(INSTANCES), 2)
        level = math.log(node.median) + self._weather(node.window_sd)[served.minute]
        level += restart[served.new.astype(int)]
        own = np.exp(self._rng.normal(level, node.sd))
        change = self._changes.get(number)
        if change is not None and change.kind == SLOWER:
            usual = ~served.changed
            whole = float((own + waiting)[usual].mean())
            own[served.changed] *= 1.0 + (change.effect - 1.0) * whole / float(own[usual].mean())
        return own

    def _weather(self, sd: float, correlation: float = 0.7) -> Floats:
        """An AR(1), minute by minute."""
        steps = self._rng.normal(0.0, sd * math.sqrt(1.0 - correlation**2), self._minutes)
        series = np.empty(self._minutes)
        value = float(self._rng.normal(0.0, sd))
        for i, step in enumerate(steps):
            value = correlation * value + step
            series[i] = value
        return series

    def _failing(self, layer: Layer) -> Ints:
        """Whose call failed at first."""
        failed = self.served[layer.call.callee].failed[layer.callee]
        callers: Ints = layer.caller[failed & (layer.call.mode == SYNC)]
        return callers

    def _retried(self, layer: Layer) -> Ints:
        """Retry what failed, with any request of the same minute; who is left with a failure."""
        callee = self.served[layer.call.callee]
        if layer.call.mode != SYNC:
            return np.zeros(0, np.int64)
        failing = np.flatnonzero(callee.failed[layer.callee])
        if not layer.call.retried or not len(failing):
            return layer.caller[failing]
        layer.again = failing
        layer.repeats = self._others(callee, callee.minute[layer.callee[failing]])
        callee.repeated.append(layer.repeats)
        return layer.caller[failing[callee.failed[layer.repeats]]]

    def _others(self, callee: Served, minute: Ints) -> Ints:
        order = np.argsort(callee.minute, kind="stable")
        held = np.bincount(callee.minute, minlength=self._minutes)
        first = np.cumsum(held) - held
        chosen: Ints = order[
            first[minute] + (self._rng.random(len(minute)) * held[minute]).astype(int)
        ]
        return chosen

    def _waiting(self, served: Served) -> Floats:
        """Seconds that each request waits; each layer learns its share."""
        waiting = np.zeros(len(served))
        for group in {layer.call.group: None for layer in served.layers}:
            layers = [x for x in served.layers if x.call.group == group and x.call.mode == SYNC]
            if len({layer.call for layer in layers}) > 1:
                self._in_parallel(layers, waiting)
                continue
            for layer in layers:
                layer.share = self._length(layer)
                waiting += np.bincount(layer.caller, layer.share, len(waiting))
        return waiting

    def _in_parallel(self, layers: Sequence[Layer], waiting: Floats) -> None:
        """All begin together; those that still run share each moment."""
        lengths = np.zeros((len(layers), len(waiting)))
        for row, layer in zip(lengths, layers, strict=True):
            row[layer.caller] = self._length(layer)
        order = np.argsort(lengths, axis=0)
        ordered = np.take_along_axis(lengths, order, axis=0)
        steps = np.diff(ordered, axis=0, prepend=0.0)
        parts = np.cumsum(steps / np.arange(len(layers), 0, -1)[:, None], axis=0)
        shares = np.empty_like(parts)
        np.put_along_axis(shares, order, parts, axis=0)
        for row, layer in zip(shares, layers, strict=True):
            layer.share = row[layer.caller]
        waiting += ordered[-1]

    def _length(self, layer: Layer) -> Floats:
        """From the first attempt's start to the last one's end."""
        callee = self.served[layer.call.callee]
        length = callee.seconds[layer.callee].copy()
        length[layer.again] += BACKOFF + callee.seconds[layer.repeats]
        return length

    # --- windows ----------------------------------------------------------------------------------

    def windows(self) -> Iterator[Window]:
        """All windows of all services, those of the day before included."""
        present = list(self.present())
        yield from present
        requests = defaultdict(list)
        for window in present:
            if window.series.name == REQUESTS:
                requests[window.series.label["service"]].append(window)
        for node in self._topology.nodes:
            if node.kind != DATABASE:
                yield from self._past(requests[node.name], node)

    def present(self) -> Iterator[Window]:
        """The windows of the minutes that were drawn."""
        for number, node in enumerate(self._topology.nodes):
            if node.kind != DATABASE:
                yield from self._windows(number, node)

    def _windows(self, number: int, node: Node) -> Iterator[Window]:
        served = self.served[number]
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
            of, new[kept], minute[kept], served.own[kept], served.own_failed[kept]
        )
        for call in node.calls:
            target = target_of(self._topology.nodes[call.callee], call)
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
            callee = self.served[layer.call.callee]
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


def more_calls(change: Change, nodes: Sequence[Node]) -> tuple[Call, int]:
    """Which call is made more often, and how many more times each request makes it."""
    means = _means(nodes)
    added = (change.effect - 1.0) * means[change.node]
    able = [call for call in nodes[change.node].calls if repeatable(call)]
    call = max(able, key=lambda call: means[call.callee])
    return call, min(max(math.ceil(added / means[call.callee]), 1), MOST_CALLS)


def _possible(change: Change, nodes: Sequence[Node]) -> Change:
    """Slower code where no ten calls would make a difference of 10 %."""
    if change.kind != MORE_CALLS:
        return change
    means = _means(nodes)
    call, more = more_calls(change, nodes)
    enough = more * means[call.callee] >= 0.1 * means[change.node]
    return change if enough else replace(change, kind=SLOWER)


def _means(nodes: Sequence[Node]) -> list[float]:
    """About how long a request takes, as if no calls ran in parallel."""
    means = [0.0] * len(nodes)
    for number in range(len(nodes) - 1, -1, -1):
        node = nodes[number]
        waits = (
            c.times * c.probability * means[c.callee]
            for c in node.calls
            if c.mode not in (ASYNC, MESSAGE)
        )
        means[number] = node.median * math.exp(node.sd**2 / 2.0) + sum(waits)
    return means


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
