"""What it costs to look: CPU milliseconds of the overview and a service page, and bytes of pages.

`python -m tests.bench.pages [series]`: an hour of minutes of so many series (500), 20 services, in
SQLite. An open overview asks every 15 s, so its share of a core is the second figure by 15,000 ms.
"""

from __future__ import annotations

import math
import random
import sys
import tempfile
import time
from pathlib import Path

from perfd.clock import ManualClock
from perfd.interfaces import Store
from perfd.model.batch import Batch
from perfd.model.histogram import Histogram
from perfd.model.series import REQUESTS, Series
from perfd.model.window import Window
from perfd.store.open import open_store
from perfd.store.settings import StoreSettings
from perfd.web import static
from perfd.web.reader import Reader
from perfd.web.recent import Recent
from perfd.web.views.hotspots import flame_graph
from perfd.web.views.overview import overview
from perfd.web.views.service import service_page
from tests.fakes import CountingMeter
from tests.web import world

NOW = world.NOW
SERVICES = 20


def fill(store: Store, amount: int) -> None:
    """An hour of minutes with 80 requests each."""
    rng = random.Random(1)
    seen = [Histogram.of(0.02 * math.exp(rng.gauss(0, 0.5)) for _ in range(80)) for _ in range(50)]
    series = [
        Series.of(
            REQUESTS, service=f"service-{i % SERVICES}", version="1", environment="prod",
            operation=f"GET /{i}", status="2xx", phase="steady",
        )
        for i in range(amount)
    ]  # fmt: skip
    for minute in range(60, 0, -1):
        at = NOW - minute * 60.0
        windows = (Window(one, at, 60.0, 80, 0, rng.choice(seen)) for one in series)
        store.append(Batch(windows=tuple(windows)))


def cost(name: str, act: object) -> None:
    """CPU milliseconds of one call."""
    start = time.process_time()
    act()  # type: ignore[operator]
    print(f"{name:<46}{(time.process_time() - start) * 1000:8.1f} ms of CPU")


def main(argv: list[str]) -> int:
    amount = int(argv[0]) if argv else 500
    with tempfile.TemporaryDirectory() as folder:
        clock, meter = ManualClock(NOW), CountingMeter()
        store = open_store(Path(folder), StoreSettings(), pace=1.0, clock=clock, meter=meter)
        fill(store, amount)
        reader = Reader(store, world.NothingLive())
        recent = Recent(store, world.NothingLive(), 1.0)
        print(f"{amount} series of {SERVICES} services, one hour")
        cost("overview, the first time", lambda: overview(reader, recent, [], NOW))
        cost("overview, again", lambda: overview(reader, recent, [], NOW))
        cost("service page, an hour", lambda: service_page(reader, "service-1", NOW))
        store.close()
    nodes = world.flame(random.Random(1), 20_000)
    cost("flame graph of 20,000 nodes, both pictures", lambda: flame_graph(nodes))
    for name, body in static.files().items():
        print(f"{name:<46}{len(body):8,d} bytes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
