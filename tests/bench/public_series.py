"""Public series as they would come to the scan: one row of hourly cells each, NaN where nothing is.

Cloud Monitoring Dataset: `TimeStamp,Value,Label` by the minute or the hour; its labels mark spikes
and are not read.
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
WINDOW, APART = 336, 168  # cells: 14 days, a week
SHORTEST = 24  # cells by which a last window must differ from the one before


@dataclass(frozen=True, slots=True)
class Public:
    """A series of `values` (cells), the first of which begins at `start`."""

    name: str
    start: float
    values: Array

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
    return [series for series in found if np.isfinite(series.values).sum() >= 3]


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
    first, number = int(hours.min()), int(np.ptp(hours)) + 1
    known = np.isfinite(values)
    held = np.bincount(hours[known] - first, minlength=number)
    total = np.bincount(hours[known] - first, values[known], minlength=number)
    mean = total / np.where(held > 0, held, 1)
    return Public(file.stem, first * HOUR, np.where((held > 0) & (mean > 0.0), mean, np.nan))


def _seconds(text: str) -> float:
    time = datetime.fromisoformat(text.strip().strip('"'))
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
