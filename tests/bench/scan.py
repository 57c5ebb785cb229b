"""What one evaluation of the scan costs: CPU and memory, from a SQLite store with 14 days of hours.

    python -m tests.bench scan
    python -m tests.bench.scan [--operations 20] [--services 2]

Each service has so many operations of 60 requests a minute, each with two status classes (two
streams) that are written minute by minute, and packed. The figure is told for 500 streams.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from perfd.clock import ManualClock
from perfd.detect.settings import DetectSettings
from perfd.jobs.detect import DetectJob
from perfd.jobs.follow import Follower
from perfd.jobs.scan import ScanJob
from perfd.model.batch import Batch
from perfd.model.series import REQUESTS, STEADY, Series
from perfd.model.window import Window
from perfd.store.settings import StoreSettings
from perfd.store.sqlite import SqliteStore
from perfd.tickets.settings import TicketSettings
from tests.fakes import CountingMeter
from tests.scenarios.history import histogram

START = 1_699_833_600.0  # 2023-11-13 00:00 UTC
HOURS, HOUR, MINUTE = 336, 3600.0, 60.0
DRAWN = 30  # minutes that are drawn; the others repeat them in another order
STREAMS = 500
MIB = 1024.0


def main(argv: list[str]) -> int:
    """Write the history, then time one evaluation in this process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--operations", type=int, default=20)
    parser.add_argument("--services", type=int, default=2)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        meter, end = CountingMeter(), START + HOURS * HOUR
        store = SqliteStore(
            Path(folder) / "scan.db", StoreSettings(), pace=1.0, clock=ManualClock(end), meter=meter
        )
        _write(store, options.services, options.operations)
        _evaluate(store, meter, 2 * options.services * options.operations, end)
        store.close()
    return 0


def _evaluate(store: SqliteStore, meter: CountingMeter, streams: int, end: float) -> None:
    follower = Follower(store, TicketSettings(), pace=1.0, base_url="", meter=meter)
    settings = DetectSettings()
    deploys = DetectJob(store, follower.record, settings, 1.0, meter)
    job = ScanJob(store, follower, settings, 1.0, meter, deploys.budgets)
    before = _peak()
    began = time.process_time()
    job.run(end + MINUTE)
    spent = time.process_time() - began
    judged = meter.total("perfd_scan_series", state="judged")
    print(f"{streams} streams x {HOURS} hours: {spent:.1f} s of CPU, {judged:.0f} series judged")
    print(f"for {STREAMS} streams: {spent * STREAMS / streams:.0f} s of CPU every six hours")
    print(f"peak memory {_peak():.0f} MiB, of which {_peak() - before:.0f} by the evaluation")


def _write(store: SqliteStore, services: int, operations: int) -> None:
    rng = np.random.default_rng(1)
    names = [(f"service-{i}", f"GET /{j}") for i in range(services) for j in range(operations)]
    usual = [_drawn(rng, 60, -3.5 + 0.3 * (i % 5)) for i in range(len(names))]
    failed = _drawn(rng, 1, -3.0)
    ok, bad = ([_series(*name, status) for name in names] for status in ("2xx", "5xx"))
    for hour in range(HOURS):
        at = START + hour * HOUR
        windows = []
        for minute in range(60):
            begin = at + minute * MINUTE
            for i, choice in enumerate(rng.integers(0, DRAWN, len(names)).tolist()):
                windows.append(Window(ok[i], begin, MINUTE, 60, 0, usual[i][choice]))
                if minute % 10 == i % 10:
                    windows.append(Window(bad[i], begin, MINUTE, 1, 1, failed[choice]))
        store.append(Batch(tuple(windows)))
        for _ in range(3):
            store.maintain(at + HOUR)


def _drawn(rng: np.random.Generator, count: int, median: float) -> Sequence[object]:
    return [histogram(np.exp(rng.normal(median, 0.5, count))) for _ in range(DRAWN)]


def _series(service: str, operation: str, status: str) -> Series:
    labels = {"service": service, "environment": "prod", "version": "1", "operation": operation}
    return Series.of(REQUESTS, **labels, status=status, phase=STEADY)


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB


if __name__ == "__main__":
    import sys

    raise SystemExit(main(sys.argv[1:]))
