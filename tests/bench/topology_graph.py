"""Random topologies: what the attribution benchmark is measured on.

Written and committed before the code that it judges; tuning and evaluation use other seeds. All of
it follows from one seed:

* 5 to 40 nodes (log-uniform) in a directed acyclic graph. Node 0 receives all traffic, 400 to 1,200
  requests a minute; every other node is called by 1 (65 %), 2 or 3 nodes before it. How deep the
  graph is, is drawn for each topology: from stars to chains.
* 20 % of the nodes are databases without instrumentation, called by 1 or 2 services; 12 % are
  workers that consume a queue, to which their callers publish; the rest are services.
* A call is made always (70 %) or by some requests (30 to 90 % of them), once (80 %), twice or three
  times. 12 % of the calls to services are asynchronous: they outlive the request. Calls run in
  sequence, or in groups of up to four in parallel (35 %). 30 % of the synchronous calls are retried
  once when they fail, after 20 ms.
* Own times are log-normal with a median of 2 to 50 ms (databases: 0.5 to 10 ms) and an sd of ln of
  0.4 to 0.8, which varies from minute to minute by an AR(1) of 1 to 3 % with correlation 0.7, and
  between two starts by 1 %. A node fails by itself in 0.1 to 1 % of its requests, and with a
  synchronous call that fails for good.
* 60 % of the topologies have one change, 30 % two, 10 % three, in different nodes. A change is
  slower code (70 %): the node's latency, all its calls included, rises by 10 % to 3x (log-uniform);
  more errors (15 %): by 2 to 15 points; or, where each request makes a call, more of it (15 %): at
  least as many as it takes for such a rise, at most ten.
* In 12 % of the topologies no code changes: a database is 1.3 to 3 times as slow.
* All services are deployed within five minutes (50 %), or the changed ones and everything above
  them (25 %), or the changed ones and half of the others (25 %). In 15 % one changed node is not
  among the deployed: something else changed it.
* The day before the deploys is known, so that the floor is the usual 5 %.

A ticket is right for a changed and deployed node. Nothing else may get one: no caller, no callee of
a node that calls it more often, no service that waits for a database, no worker.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

SERVICE, DATABASE, WORKER = "service", "database", "worker"
SYNC, ASYNC, MESSAGE = "sync", "async", "message"
SLOWER, FAILING, MORE_CALLS = "slower", "failing", "more calls"
LEAST_VISITS, MOST_VISITS = 0.25, 3.0  # requests of a node per request of node 0

Generator = np.random.Generator


@dataclass(frozen=True)
class Call:
    """Calls of one node to another; those of one `group` run in parallel."""

    callee: int
    mode: str
    times: int
    probability: float
    retried: bool
    group: int


@dataclass(frozen=True)
class Node:
    """A service, worker or database; `median` in seconds, `window_sd` from minute to minute."""

    name: str
    kind: str
    median: float
    sd: float
    window_sd: float
    error_rate: float
    calls: tuple[Call, ...] = ()


@dataclass(frozen=True)
class Change:
    """What happens to a node: `effect` is a ratio of latencies, or a difference of error rates."""

    node: int
    kind: str
    effect: float


@dataclass(frozen=True)
class Topology:
    """`rate` is in requests a minute to node 0."""

    nodes: tuple[Node, ...]
    rate: float
    changes: tuple[Change, ...]
    deployed: frozenset[int]

    @property
    def guilty(self) -> frozenset[int]:
        """The nodes that must get a ticket."""
        return frozenset(c.node for c in self.changes) & self.deployed

    @property
    def order(self) -> range:
        """Callees before their callers."""
        return range(len(self.nodes) - 1, -1, -1)


def unchanged(seed: int) -> Topology:
    """A topology in which every service is deployed and nothing changes."""
    topology = random_topology(seed)
    deployed = (i for i, node in enumerate(topology.nodes) if node.kind != DATABASE)
    return replace(topology, changes=(), deployed=frozenset(deployed))


def random_topology(seed: int) -> Topology:
    """The composition above."""
    rng = np.random.default_rng(seed)
    nodes = _nodes(rng)
    visits = _visits(nodes)
    changes = _changes(rng, nodes, visits)
    deployed = _deployed(rng, nodes, frozenset(c.node for c in changes))
    return Topology(nodes, _log_uniform(rng, 400.0, 1200.0), changes, deployed)


# --- nodes and calls ------------------------------------------------------------------------------


def _nodes(rng: Generator) -> tuple[Node, ...]:
    size = round(_log_uniform(rng, 5.0, 40.4))
    depth = rng.uniform(0.3, 3.0)
    kinds = [SERVICE] * 2 + list(
        rng.choice([SERVICE, DATABASE, WORKER], size - 2, p=(0.68, 0.2, 0.12))
    )
    calls: list[list[Call]] = [[] for _ in range(size)]
    visits = [1.0] + [0.0] * (size - 1)
    for callee in range(1, size):
        for caller in _callers(rng, callee, kinds, visits, depth):
            room = (MOST_VISITS - visits[callee]) / visits[caller]
            call = _call(rng, callee, kinds[callee], room)
            calls[caller].append(call)
            visits[callee] += visits[caller] * call.times * call.probability
    return tuple(_node(rng, i, kinds[i], _grouped(rng, calls[i])) for i in range(size))


def _callers(
    rng: Generator, callee: int, kinds: list[str], visits: list[float], depth: float
) -> list[int]:
    """Nodes before it that have traffic enough; the greater `depth`, the nearer ones."""
    able = [i for i in range(callee) if kinds[i] != DATABASE and visits[i] >= LEAST_VISITS]
    odds = np.array([(i + 1.0) ** depth for i in able])
    most = 2 if kinds[callee] == DATABASE else 3
    wanted = min(int(rng.choice([1, 2, 3], p=(0.65, 0.25, 0.1))), most, len(able))
    return sorted(rng.choice(able, wanted, replace=False, p=odds / odds.sum()).tolist())


def _call(rng: Generator, callee: int, kind: str, room: float) -> Call:
    mode = MESSAGE if kind == WORKER else SYNC
    if kind == SERVICE and rng.random() < 0.12:
        mode = ASYNC
    times = int(rng.choice([1, 2, 3], p=(0.8, 0.15, 0.05)))
    probability = 1.0 if rng.random() < 0.7 else float(rng.uniform(0.3, 0.9))
    if times * probability > room:
        times, probability = 1, max(min(room, 1.0), 0.05)
    retried = mode == SYNC and bool(rng.random() < 0.3)
    return Call(callee, mode, times, probability, retried, 0)


def _grouped(rng: Generator, calls: list[Call]) -> tuple[Call, ...]:
    """In random order; some next to each other run in parallel."""
    ordered: list[Call] = []
    group = members = 0
    for place in rng.permutation(len(calls)):
        call = calls[int(place)]
        joins = members < 4 and call.times == 1 and rng.random() < 0.35
        alone = not ordered or ordered[-1].times > 1
        if not (joins and not alone):
            group, members = group + 1, 0
        members += 1
        ordered.append(replace(call, group=group))
    return tuple(ordered)


def _node(rng: Generator, number: int, kind: str, calls: tuple[Call, ...]) -> Node:
    low, high = (0.0005, 0.01) if kind == DATABASE else (0.002, 0.05)
    return Node(
        name=f"{kind}-{number}",
        kind=kind,
        median=_log_uniform(rng, low, high),
        sd=float(rng.uniform(0.4, 0.8)),
        window_sd=float(rng.uniform(0.01, 0.03)),
        error_rate=_log_uniform(rng, 0.001, 0.01),
        calls=calls,
    )


def _visits(nodes: tuple[Node, ...]) -> list[float]:
    visits = [1.0] + [0.0] * (len(nodes) - 1)
    for number, node in enumerate(nodes):
        for call in node.calls:
            visits[call.callee] += visits[number] * call.times * call.probability
    return visits


# --- changes and deploys --------------------------------------------------------------------------


def _changes(rng: Generator, nodes: tuple[Node, ...], visits: list[float]) -> tuple[Change, ...]:
    busy = [i for i, v in enumerate(visits) if v >= LEAST_VISITS]
    databases = [i for i in busy if nodes[i].kind == DATABASE]
    if databases and rng.random() < 0.12:
        return (Change(int(rng.choice(databases)), SLOWER, _log_uniform(rng, 1.3, 3.0)),)
    able = [i for i in busy if nodes[i].kind != DATABASE]
    many = min(int(rng.choice([1, 2, 3], p=(0.6, 0.3, 0.1))), len(able))
    chosen = rng.choice(able, many, replace=False).tolist()
    return tuple(_change(rng, i, nodes[i]) for i in sorted(chosen))


def _change(rng: Generator, number: int, node: Node) -> Change:
    kind = str(rng.choice([SLOWER, FAILING, MORE_CALLS], p=(0.7, 0.15, 0.15)))
    if kind == FAILING:
        return Change(number, kind, _log_uniform(rng, 0.02, 0.15))
    if kind == MORE_CALLS and not any(repeatable(call) for call in node.calls):
        kind = SLOWER
    return Change(number, kind, _log_uniform(rng, 1.1, 3.0))


def repeatable(call: Call) -> bool:
    """Whether a node may make more of these calls: made by each request, and waited for."""
    return call.mode == SYNC and call.probability == 1.0


def _deployed(rng: Generator, nodes: tuple[Node, ...], changed: frozenset[int]) -> frozenset[int]:
    own = [i for i, node in enumerate(nodes) if node.kind != DATABASE]
    way = rng.random()
    if way < 0.5:
        chosen = set(own)
    elif way < 0.75:
        chosen = _above(nodes, changed)
    else:
        chosen = {i for i in own if rng.random() < 0.5} | changed
    if rng.random() < 0.15:
        chosen.discard(min(changed))
    return frozenset(chosen & set(own))


def _above(nodes: tuple[Node, ...], changed: frozenset[int]) -> set[int]:
    """These nodes and all that call them, directly or not."""
    found = set(changed)
    for number in range(len(nodes) - 1, -1, -1):
        if any(call.callee in found for call in nodes[number].calls):
            found.add(number)
    return found


def _log_uniform(rng: Generator, low: float, high: float) -> float:
    return float(math.exp(rng.uniform(math.log(low), math.log(high))))
