"""What a backtest takes: a month of 100 series, every evaluation; and a file of a million rows.

Each is a process of its own, with its wall time, CPU time and peak memory. The control is a file
of the same million rows with one that is wrong, which must be refused by its line.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

START = 1_791_504_000.0
HOUR, CELLS = 3600.0, 720
ROWS = 1_000_000
CHANGED, EACH = 500, 10  # the cell at which each tenth series becomes 8 % slower


def rows(series: int, points: int, step: float) -> Iterator[str]:
    """Noise of 2 %, a season of the day."""
    draw = np.random.default_rng(1)
    yield "series,time,value"
    for number in range(series):
        at = START + step * np.arange(points)
        values = 0.05 * np.exp(0.02 * draw.standard_normal(points))
        values *= 1.0 + 0.1 * np.sin(at / HOUR * np.pi / 12)
        if number % EACH == 0:
            values[at >= START + CHANGED * HOUR] *= 1.08
        yield from (f"s{number}/op,{t:.0f},{v:.6g}" for t, v in zip(at, values, strict=True))


# The peak of the program itself: what wait4 tells begins with that of its parent.
CHILD = """
import re, sys
from pathlib import Path
from perfd.cli import main
code = main(sys.argv[1:])
peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())
print(f"\\n{peak[1]}", file=sys.stderr, end="")
raise SystemExit(code)
"""


def run(file: Path, *words: str) -> tuple[int, str, str]:
    """Exit code, what was printed, and what it took."""
    command = [sys.executable, "-c", CHILD, "backtest", str(file), *words]
    began, before = monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    used, took = resource.getrusage(resource.RUSAGE_CHILDREN), monotonic() - began
    cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    error, _, peak = done.stderr.rpartition("\n")
    figures = f"{took:.1f} s, {cpu:.1f} s of CPU, {int(peak) / 1024:.0f} MiB"
    return done.returncode, done.stdout or error, figures


def told(text: str) -> str:
    """The counts of a report."""
    report: dict[str, Any] = json.loads(text)
    numbers = f"{report['series']} series, {report['evaluations']:,} evaluations"
    return f"{numbers}, {len(report['would_open'])} tickets"


def main(argv: Sequence[str]) -> int:
    """Print both; 1 where a run failed or the control was not refused."""
    del argv
    with tempfile.TemporaryDirectory() as folder:
        month, million = Path(folder) / "month.csv", Path(folder) / "million.csv"
        month.write_text("\n".join(rows(100, CELLS, HOUR)))
        text = "\n".join(rows(ROWS // 8000, 8000, 300.0))
        million.write_text(text)
        codes = []
        for name, file, words in (
            ("a month of 100 series, --walk", month, ("--walk", "--json")),
            (f"{ROWS:,} rows", million, ("--json",)),
        ):
            code, answer, took = run(file, *words)
            codes.append(code)
            print(f"{name}: {took}; {told(answer) if code == 0 else answer}")
        million.write_text(f"{text}\ns0/op,{START:.0f},1\n")
        code, answer, took = run(million)
        print(f"control, the last row was there before: {took}; exit {code}, {answer.strip()}")
    return 0 if codes == [0, 0] and code == 2 else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
