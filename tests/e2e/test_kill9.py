"""An acknowledgement is a promise: the whole daemon, killed at random, counts each span once."""

from __future__ import annotations

import random
import threading
import time
from collections import defaultdict
from pathlib import Path

import pytest

from perfd.clock import SystemClock
from perfd.model.series import REQUESTS
from perfd.store.open import open_store
from perfd.store.settings import StoreSettings
from tests.e2e.daemon import Running
from tests.e2e.spans import export_request, post
from tests.fakes import CountingMeter

KILLS = 200
SPANS = 7  # in a batch; every batch is an operation of its own, so that it is counted by itself
LONGEST_LIFE = 0.5  # seconds until the kill


class Sender(threading.Thread):
    """Sends one batch after the other until the daemon dies; remembers what was acknowledged."""

    def __init__(self, address: str, service: str, seed: int) -> None:
        super().__init__()
        self._address = address
        self._service = service
        self._rng = random.Random(seed)
        self.acknowledged: list[str] = []
        self.unknown: list[str] = []

    def run(self) -> None:
        for n in range(150):
            route = f"/batch-{n}"
            body = export_request(self._service, route, SPANS, self._rng)
            if post(self._address, "/v1/traces", body) != 200:
                self.unknown.append(route)
                return
            self.acknowledged.append(route)


@pytest.mark.soak
@pytest.mark.slow
def test_every_acknowledged_span_is_counted_exactly_once(tmp_path: Path) -> None:
    rng = random.Random(20261120)
    perfd = Running(tmp_path)
    senders: dict[str, Sender] = {}
    for n in range(KILLS):
        perfd.start()
        sender = Sender(perfd.otlp_http, f"victim-{n}", n)
        sender.start()
        time.sleep(rng.random() * LONGEST_LIFE)
        perfd.kill()
        sender.join()
        senders[f"victim-{n}"] = sender
    perfd.start()
    assert perfd.stop() == 0
    counted = _counted(tmp_path / "data")
    acknowledged = 0
    for service, sender in senders.items():
        for route in sender.acknowledged:
            assert counted[service].pop(f"GET {route}", 0) == SPANS, (service, route)
            acknowledged += 1
        for route in sender.unknown:
            assert counted[service].pop(f"GET {route}", 0) in (0, SPANS), (service, route)
        assert counted[service] == {}
    assert acknowledged > KILLS, "the daemon lived too short for this to mean anything"


def _counted(data: Path) -> dict[str, dict[str, int]]:
    store = open_store(data, StoreSettings(), pace=1, clock=SystemClock(), meter=CountingMeter())
    counted: dict[str, dict[str, int]] = defaultdict(dict)
    for window in store.windows(REQUESTS, {}, 0, 4e9):
        label = window.series.label
        have = counted[label["service"]].get(label["operation"], 0)
        counted[label["service"]][label["operation"]] = have + window.count
    store.close()
    return counted
