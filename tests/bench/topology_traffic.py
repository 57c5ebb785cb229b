"""The requests of a random topology: drawn as arrays, node by node, as traces would be."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from tests.bench.topology_graph import (
    ASYNC,
    FAILING,
    MESSAGE,
    MORE_CALLS,
    SLOWER,
    SYNC,
    Call,
    Change,
    Node,
    Topology,
    repeatable,
)

START = 1_700_000_100.0  # when the first deploy begins; on a minute
MINUTE = 60.0
BEFORE, AFTER = 75, 50  # minutes around it that are drawn
TRAIN = 5  # minutes within which all are deployed
ROLLING = 3  # minutes until a new version has all traffic
INSTANCES = 2
BACKOFF = 0.02  # seconds before a retry
MOST_CALLS = 10

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


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
        self.minutes, self.before, self.seed = before + after, before, seed
        self.topology = topology
        self._begins = [before + self._rng.uniform(0.0, TRAIN) for _ in topology.nodes]
        self._changes = {c.node: _possible(c, topology.nodes) for c in topology.changes}
        self.served: list[Served] = []
        self._draw()
        for number in topology.order:
            self._answer(number)

    # --- who is called ----------------------------------------------------------------------------

    def _draw(self) -> None:
        """Requests of every node, callers first; retries are drawn when their time has come."""
        nodes = self.topology.nodes
        minutes = self._rng.poisson(self.topology.rate, self.minutes)
        asked: list[list[tuple[Ints, Floats]]] = [[] for _ in nodes]
        minute = np.repeat(np.arange(self.minutes), minutes)
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
        deployed = number in self.topology.deployed
        return Served(minute, trace, new if deployed else np.zeros(len(minute), bool), changed)

    def _callers(self, number: int, call: Call, served: Served) -> Iterator[Ints]:
        """Who makes the first call, the second, and so on."""
        making = np.flatnonzero(self._rng.random(len(served)) < call.probability)
        for _ in range(call.times):
            yield making
        change = self._changes.get(number)
        if change is not None and change.kind == MORE_CALLS:
            target, more = more_calls(change, self.topology.nodes)
            for _ in range(more if call == target else 0):
                yield np.flatnonzero(served.changed)

    # --- how long it takes ------------------------------------------------------------------------

    def _answer(self, number: int) -> None:
        """Durations and failures of a node, whose callees have answered."""
        node, served = self.topology.nodes[number], self.served[number]
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
        steps = self._rng.normal(0.0, sd * math.sqrt(1.0 - correlation**2), self.minutes)
        series = np.empty(self.minutes)
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
        held = np.bincount(callee.minute, minlength=self.minutes)
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
