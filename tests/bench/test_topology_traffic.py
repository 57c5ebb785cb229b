"""The traffic of the attribution benchmark is what the aggregator makes of the same spans."""

from collections import defaultdict
from itertools import groupby

import pytest

from perfd.aggregate.settings import CallSettings
from perfd.aggregate.topology import WAIT
from perfd.model.series import CALLS, OWN_TIME, REQUESTS, RETRIES
from tests.aggregate.sent import CLIENT, CONSUMER, PRODUCER, SERVER, Perfd, new_id, span
from tests.bench.topology_graph import (
    ASYNC,
    DATABASE,
    MESSAGE,
    SERVICE,
    SLOWER,
    SYNC,
    WORKER,
    Call,
    Change,
    Node,
    Topology,
)
from tests.bench.topology_traffic import BACKOFF, MINUTE, START, Traffic
from tests.bench.topology_windows import Counted, operation_of

BEFORE, AFTER = 2, 3


def call(callee, mode=SYNC, *, times=1, probability=1.0, retried=False, group=0):
    return Call(callee, mode, times, probability, retried, group)


NODES = (
    Node(
        *("service-0", SERVICE, 0.02, 0.5, 0.02, 0.05),
        calls=(
            call(1, group=1),
            call(4, MESSAGE, group=2),
            call(2, group=3),
            call(3, group=3, probability=0.6, retried=True),
            call(5, ASYNC, group=4),
        ),
    ),
    Node(
        *("service-1", SERVICE, 0.01, 0.5, 0.02, 0.05),
        calls=(call(3, retried=True, group=1), call(5, times=2, group=2)),
    ),
    Node("service-2", SERVICE, 0.01, 0.5, 0.02, 0.05),
    Node("database-3", DATABASE, 0.005, 0.5, 0.02, 0.3),
    Node("worker-4", WORKER, 0.01, 0.5, 0.02, 0.05),
    Node("service-5", SERVICE, 0.01, 0.5, 0.02, 0.0),  # of two calls the second is no retry
)
TOPOLOGY = Topology(NODES, 20.0, (Change(1, SLOWER, 2.0),), frozenset({0, 1, 4}))


class Sender:
    """Writes a traffic's requests as spans, by service and version."""

    def __init__(self, traffic):
        self.traffic = traffic
        self.spans = defaultdict(list)

    def send(self):
        served = self.traffic.served[0]
        for i, minute in enumerate(served.minute):
            self.request(0, i, START + (minute - BEFORE) * MINUTE + 1.0, new_id(16), b"")
        return self.spans

    def request(self, number, i, start, trace, parent):
        """One request of a node and all that it causes; returns its end."""
        node, served = NODES[number], self.traffic.served[number]
        end = start + served.seconds[i]
        id_, version = new_id(8), "2" if served.new[i] else "1"
        out = self.spans[node.name, version]
        layers = [
            (layer, places[0])
            for layer in served.layers
            if len(places := (layer.caller == i).nonzero()[0])
        ]
        at = start
        for _, group in groupby(layers, key=lambda pair: pair[0].call.group):
            members = list(group)
            parallel = len({layer.call for layer, _ in members}) > 1
            ends = []
            for layer, place in members:
                ends.append(self.call(layer, place, at, end, trace, id_, out))
                if not parallel:
                    at = max(at, ends[-1])
            at = max([at, *ends])
        out.append(
            span(
                operation_of(node),
                kind=CONSUMER if node.kind == WORKER else SERVER,
                end=end,
                seconds=served.seconds[i],
                trace=trace,
                id=id_,
                parent=parent,
                error=bool(served.failed[i]),
            )
        )
        return end

    def call(self, layer, place, at, end, trace, parent, out):
        """One call with its retry; returns until when it is waited for."""
        callee = self.traffic.served[layer.call.callee]
        i = layer.callee[place]
        mode = layer.call.mode
        if mode == MESSAGE:
            id_ = self.client(layer, at, 0.0001, trace, parent, out, False)
        else:
            length = callee.seconds[i]
            outliving = end - at + 0.001 if mode == ASYNC else 0.0
            id_ = self.client(layer, at, length + outliving, trace, parent, out, callee.failed[i])
        if NODES[layer.call.callee].kind != DATABASE:
            self.request(layer.call.callee, i, at, trace, id_)
        if mode != SYNC:
            return at
        at += callee.seconds[i]
        (again,) = (layer.again == place).nonzero()
        for repeat in layer.repeats[again]:
            at += BACKOFF
            seconds = callee.seconds[repeat]
            self.client(layer, at, seconds, trace, parent, out, callee.failed[repeat])
            at += seconds
        return at

    def client(self, layer, at, seconds, trace, parent, out, failed):
        callee, id_ = NODES[layer.call.callee], new_id(8)
        name, attributes = "GET", {"peer.service": callee.name}
        if callee.kind == DATABASE:
            attributes = {"db.system.name": "postgresql", "db.namespace": callee.name}
            attributes["db.query.summary"] = "SELECT rows"
        if layer.call.mode == MESSAGE:
            name = "send"
            attributes = {"messaging.system": "kafka", "messaging.destination.name": callee.name}
        kind = PRODUCER if layer.call.mode == MESSAGE else CLIENT
        out.append(
            span(
                name,
                kind=kind,
                end=at + seconds,
                seconds=seconds,
                trace=trace,
                id=id_,
                parent=parent,
                attributes=attributes,
                error=bool(failed),
            )
        )
        return id_


def counted(windows, name):
    """Counts, errors, measured requests and their seconds by series and minute."""
    found = {}
    for w in windows:
        if w.series.name == name and w.start >= START - BEFORE * MINUTE and w.count:
            key = (w.series.labels, w.start)
            sums = (w.count, w.errors, w.histogram.count)
            old = found.get(key, ((0, 0, 0), 0.0))
            new = tuple(a + b for a, b in zip(old[0], sums, strict=True))
            found[key] = (new, old[1] + w.histogram.total)
    return found


def sent(traffic):
    """What the aggregator makes of it; every instance has warmed up long before."""
    perfd = Perfd(calls=CallSettings(spans_per_second=1e6))
    end = START + AFTER * MINUTE
    windows = []
    for (service, version), spans in Sender(traffic).send().items():
        resource = {
            "service.name": service,
            "service.version": version,
            "deployment.environment.name": "test",
        }
        early = [span("GET /warm", end=START - 3600.0) for _ in range(60)]
        perfd.spans(early, resource, now=START - 3600.0)
        perfd.spans(spans, resource, now=end)
    windows += perfd.take(end + WAIT + 1.0).windows
    return windows


@pytest.mark.parametrize("name", [REQUESTS, OWN_TIME, CALLS, RETRIES])
def test_drawn_windows_are_those_of_the_spans(name):
    traffic = Traffic(TOPOLOGY, 11, before=BEFORE, after=AFTER)
    drawn = counted(Counted(traffic).present(), name)
    real = counted(sent(traffic), name)
    assert drawn.keys() == real.keys()
    assert len(drawn) > 5
    for key, (sums, seconds) in drawn.items():
        assert real[key][0] == sums, key
        assert real[key][1] == pytest.approx(seconds, abs=5e-6 * max(sums[0], 1)), key
