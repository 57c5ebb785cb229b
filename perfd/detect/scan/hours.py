"""Windows of an hour each, reduced to the few numbers of an operation that the scan works on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from perfd.detect.columns import Columns, columns, summed
from perfd.model.histogram import BUCKETS_PER_OCTAVE
from perfd.model.window import Gauge, Window

Array = NDArray[np.float64]

QUANTILES = (0.50, 0.95, 0.99)
REQUESTS, ERRORS, MEASURED, LOGS, SECONDS, P50, P95, P99 = range(8)
FIELDS = 8
CPU_SECONDS, CPU_REQUESTS = range(2)  # of versions whose CPU time was read


@dataclass(frozen=True, slots=True)
class Hours:
    """Of each operation (FIELDS, cells), and the service's CPU time (2, cells); 0 or NaN: nothing.

    `versions` counts requests, by version.
    """

    operations: Mapping[str, Array]
    cpu: Array
    versions: Counter[str] = field(default_factory=Counter)


def hours(
    windows: Sequence[Window], cpu: Sequence[Gauge], start: float, width: float, cells: int
) -> Hours:
    """Windows of all versions and status classes, one or more per cell, as rows of cells."""
    found: defaultdict[str, list[Window]] = defaultdict(list)
    for window in windows:
        found[window.series.label.get("operation", "")].append(window)
    reduced = {name: _reduced(held, start, width, cells) for name, held in found.items()}
    return Hours(reduced, _cpu(windows, cpu, start, width, cells))


def joined(parts: Sequence[Hours], cells: Sequence[int]) -> Hours:
    """Consecutive parts of so many cells each as one."""
    names = sorted({name for part in parts for name in part.operations})
    held = {
        name: np.hstack(
            [part.operations.get(name, empty(n)) for part, n in zip(parts, cells, strict=True)]
        )
        for name in names
    }
    cpu = np.hstack([part.cpu for part in parts]) if parts else np.zeros((2, 0))
    return Hours(held, cpu, sum((part.versions for part in parts), Counter()))


def empty(cells: int) -> Array:
    """An operation without requests."""
    rows = np.zeros((FIELDS, cells))
    rows[P50:] = np.nan
    return rows


def _reduced(windows: Sequence[Window], start: float, width: float, cells: int) -> Array:
    held = columns(windows)
    at = places(held.start, start, width)
    rows = empty(cells)
    sums = (held.requests, held.errors, held.measured, held.logs, held.seconds)
    for number, values in enumerate(sums):
        rows[number] = np.bincount(at, values, cells)
    full, values = _quantiles(held, at, cells)
    rows[P50:, full] = values
    return rows


def _quantiles(held: Columns, at: NDArray[np.int64], cells: int) -> tuple[NDArray[np.int64], Array]:
    """The cells with latencies, and their quantiles (QUANTILES, such cells) in seconds."""
    if not len(held.bucket):
        return np.zeros(0, np.int64), np.zeros((len(QUANTILES), 0))
    lowest = int(held.bucket.min())
    wide = int(held.bucket.max()) - lowest + 1
    place = at[held.row] * wide + held.bucket - lowest
    counts = summed(place, held.held, cells * wide).reshape(cells, wide)
    full = np.flatnonzero(counts.sum(axis=1))
    reached = np.cumsum(counts[full], axis=1)
    return full, np.stack([_quantile(reached, q, lowest) for q in QUANTILES])


def _quantile(reached: Array, q: float, lowest: int) -> Array:
    """As Histogram.quantile has it: interpolated on the log scale inside its bucket."""
    rank = q * reached[:, -1]
    column = (reached < rank[:, None]).sum(axis=1)
    rows = np.arange(len(reached))
    before = np.where(column > 0, reached[rows, column - 1], 0.0)
    part = (rank - before) / (reached[rows, column] - before)
    value: Array = 2.0 ** ((lowest + column + part) / BUCKETS_PER_OCTAVE)
    return value


def _cpu(
    windows: Iterable[Window], cpu: Iterable[Gauge], start: float, width: float, cells: int
) -> Array:
    """CPU seconds and requests of the versions of which both are known, by cell."""
    seconds, requests = _by_version(cells), _by_version(cells)
    for gauge in cpu:
        seconds[gauge.series.label.get("version", "")][_place(gauge.start, start, width)] += (
            gauge.total
        )
    for window in windows:
        requests[window.series.label.get("version", "")][_place(window.start, start, width)] += (
            window.count
        )
    rows = np.zeros((2, cells))
    for version in seconds.keys() & requests.keys():
        both = (seconds[version] > 0.0) & (requests[version] > 0.0)
        rows[CPU_SECONDS] += np.where(both, seconds[version], 0.0)
        rows[CPU_REQUESTS] += np.where(both, requests[version], 0.0)
    return rows


def _by_version(cells: int) -> defaultdict[str, Array]:
    return defaultdict(lambda: np.zeros(cells))


def places(at: Array, start: float, width: float) -> NDArray[np.int64]:
    """The cells that begin (or nearly so: pace divides) at these times."""
    return np.floor((at - start) / width + 1e-6).astype(np.int64)


def _place(at: float, start: float, width: float) -> int:
    return int((at - start) / width + 1e-6)
