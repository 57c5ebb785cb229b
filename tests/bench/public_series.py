"""Public series as they would come to the scan: one row of hourly cells each, NaN where nothing is.

Cloud Monitoring Dataset: `TimeStamp,Value,Label` by the minute or the hour; its labels mark spikes
and are not read. Whole numbers are counts and add up to that of the hour, others are averaged. A
latency of 0 is that of no request: nothing is known then; a count of 0 is one.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

HOUR = 3600.0
LATENCY = "latency"  # in the name of the folder
WINDOW, APART = 336, 168  # cells: 14 days, a week
SHORTEST = 24  # cells by which a last window must differ from the one before


@dataclass(frozen=True, slots=True)
class Public:
    """A series of `values` (cells) from `start` on, and whether these are counts."""

    name: str
    start: float
    values: Array
    counts: bool = False

    @property
    def windows(self) -> list[range]:
        """14 days every 7, and the last 14."""
        cells = len(self.values)
        starts = list(range(0, max(cells - WINDOW, 0) + 1, APART))
        if cells - WINDOW - starts[-1] >= SHORTEST:
            starts.append(cells - WINDOW)
        return [range(start, min(start + WINDOW, cells)) for start in starts]

    def time(self, cell: int) -> str:
        """When a cell begins."""
        return datetime.fromtimestamp(self.start + cell * HOUR, UTC).strftime("%Y-%m-%dT%HZ")

    def cell(self, time: str) -> int:
        """Which cell begins then."""
        read = datetime.strptime(time, "%Y-%m-%dT%HZ").replace(tzinfo=UTC)
        return round((read.timestamp() - self.start) / HOUR)


def cloudmon(folder: Path) -> list[Public]:
    """All series that have a value above 0 in three cells or more."""
    found = (_hourly(file) for file in sorted(folder.glob("data/*/*.csv")))
    return [series for series in found if (series.values > 0.0).sum() >= 3]


def perfherder(folder: Path) -> Iterator[tuple[str, list[float]]]:
    """Runs of a benchmark in the order of their pushes."""
    for file in sorted(folder.glob("*.json")):
        told = json.loads(file.read_text("utf-8"))
        if isinstance(told, dict) and "test_runs" in told:
            runs = sorted(told["test_runs"], key=lambda run: run[2])
            yield file.stem, [float(run[3]) for run in runs]


def _hourly(file: Path) -> Public:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = [(_seconds(row[0]), float(row[1] or "nan")) for row in list(csv.reader(lines))[1:]]
    hours = np.array([math.floor(time / HOUR) for time, _ in rows])
    values = np.array([value for _, value in rows])
    known = np.isfinite(values) & (LATENCY not in str(file.parent) or values > 0.0)
    first, number = int(hours.min()), int(np.ptp(hours)) + 1
    held = np.bincount(hours[known] - first, minlength=number)
    total = np.bincount(hours[known] - first, values[known], minlength=number)
    counts = bool((values[known] == np.floor(values[known])).all())
    cells = total if counts else total / np.where(held > 0, held, 1)
    return Public(file.stem, first * HOUR, np.where(held > 0, cells, np.nan), counts)


def _seconds(text: str) -> float:
    time = datetime.fromisoformat(text.strip().strip('"'))
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
