"""What a scan of a service's functions costs: CPU and memory, reading from disk included.

    python -m tests.bench.functions [--stacks 600] [--days 14]

One service of 1,000 functions, whose profiles are written to a SQLite store in windows of ten
minutes, as packed hours have them, and packed; then the table of 336 hours is read as the daemon
reads it, and scanned. Writing and scanning are processes of their own, so that the memory is that
of the scan alone.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from perfd.clock import ManualClock
from perfd.detect.functions.scan import scan
from perfd.detect.functions.settings import FunctionSettings
from perfd.jobs.function_counts import CELLS, FunctionReader
from perfd.model.batch import Batch
from perfd.model.profile import CPU_PROFILE, PROFILE, Function, ProfileWindow, Symbols, Weight
from perfd.model.series import STEADY, Series
from perfd.store.settings import StoreSettings
from perfd.store.sqlite import SqliteStore
from tests.fakes import CountingMeter

END = 1_700_006_400.0
FUNCTIONS, DEPTH, SAMPLES, STEP = 1_000, 25, 3_300, 600.0
MIB = 1024.0


def opened(folder: Path, now: float) -> SqliteStore:
    """The store of the run."""
    clock = ManualClock(now)
    return SqliteStore(
        folder / "perfd.db", StoreSettings(), pace=1.0, clock=clock, meter=CountingMeter()
    )


def write(folder: Path, days: int, stacks: int) -> None:
    """All of the past; each hour is packed when the next is whole."""
    draw = np.random.default_rng(1)
    functions = [Function(f"Part{i % 40}.step_{i}", f"/srv/part_{i % 40}.py") for i in range(1_000)]
    symbols = Symbols()
    paths = np.sort(draw.integers(0, FUNCTIONS, (stacks, DEPTH)), axis=1)
    tree = [symbols.intern(tuple(functions[int(j)] for j in path)) for path in paths]
    share = np.exp(draw.normal(0.0, 1.5, stacks))
    share /= share.sum()
    labels = {"service": "pricing", "version": "1.0.0", "environment": "prod"}
    series = Series.of(PROFILE, **labels, type=CPU_PROFILE, phase=STEADY)
    store = opened(folder, END - days * 86_400.0)
    at = END - days * 86_400.0
    while at < END:
        hits = draw.multinomial(SAMPLES, share).tolist()
        weights = {n: Weight(h * 10_000_000, h) for n, h in zip(tree, hits, strict=True) if h}
        window = ProfileWindow(series, at, STEP, "nanoseconds", weights, STEP, 60)
        store.append(Batch(profiles=(window,), symbols=symbols))
        at += STEP
        if at % 3_600.0 == 0.0:
            store.maintain(at)
    for _ in range(4):
        store.maintain(END)
    store.close()


def measure(folder: Path) -> None:
    """Read and scan."""
    store = opened(folder, END)
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB
    reader = FunctionReader(store, 1.0, FunctionSettings().most)
    began = time.process_time()
    table, _ = reader.table(("pricing", "prod"), END, CELLS)
    read = time.process_time() - began
    found = scan(table, FunctionSettings(), 1e-4)
    scanned = time.process_time() - began - read
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB
    print(f"{len(table.functions)} functions, {int(np.isfinite(table.samples).sum())} hours")
    print(f"read {read:.2f} s of CPU, scan {scanned:.2f} s, {len(found.confirmed)} found")
    print(f"peak RSS {peak:.0f} MiB, {peak - base:.0f} MiB of it for this")


def main(arguments: Sequence[str]) -> int:
    """Both processes."""
    parser = argparse.ArgumentParser(prog="functions", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--stacks", type=int, default=600, help="distinct ones")
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--measure", type=Path, help="the folder of a store; used by itself")
    options = parser.parse_args(arguments)
    if options.measure:
        measure(options.measure)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), options.days, options.stacks)
        command = [sys.executable, "-m", "tests.bench.functions", "--measure", folder]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
