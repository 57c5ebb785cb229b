"""Windows as columns: read once per operation and side, so that each metric costs a few sums.

Rows are intervals, in time order; the windows of one interval (status classes, instances, phases)
are one row. Buckets are kept as triples of row, bucket and count, since a window holds few of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perfd.model.series import METRIC_INSTANCE_REQUESTS, METRIC_REQUESTS
from perfd.model.window import Window

Array = NDArray[np.float64]

_METRIC = (METRIC_REQUESTS, METRIC_INSTANCE_REQUESTS)


@dataclass(frozen=True, slots=True)
class Columns:
    """Rows of intervals; times in seconds.

    `measured` requests have a positive latency; `logs` and `squares` are sums of its logarithm and
    of the square of that, `seconds` of itself. `version` is that of the newest window. Of windows
    `by_metric` the sum is exact and all else estimated; `layouts` are the buckets of its senders.
    """

    start: Array
    width: Array
    requests: Array
    errors: Array
    measured: Array
    logs: Array
    squares: Array
    seconds: Array
    row: NDArray[np.int64]
    bucket: NDArray[np.int64]
    held: Array
    version: str = ""
    by_metric: bool = False
    layouts: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.start)


def columns(windows: Sequence[Window]) -> Columns:
    """The columns of windows in any order."""
    histograms = [w.histogram for w in windows]
    starts, row = np.unique(array(w.start for w in windows), return_inverse=True)
    width = np.zeros(len(starts))
    np.maximum.at(width, row, array(w.width for w in windows))
    lengths = [len(h.buckets) for h in histograms]
    return Columns(
        start=starts,
        width=width,
        requests=summed(row, array(w.count for w in windows), len(starts)),
        errors=summed(row, array(w.errors for w in windows), len(starts)),
        measured=summed(row, array(h.count - h.zeros for h in histograms), len(starts)),
        logs=summed(row, array(h.log_total for h in histograms), len(starts)),
        squares=summed(row, array(h.log_square for h in histograms), len(starts)),
        seconds=summed(row, array(h.total for h in histograms), len(starts)),
        row=np.repeat(row, lengths),
        bucket=_chained((h.buckets for h in histograms), sum(lengths), np.int64),
        held=_chained((h.buckets.values() for h in histograms), sum(lengths), np.float64),
        version=_newest(windows),
        by_metric=_by_metric(windows),
        layouts=_layouts(windows),
    )


def summed(place: NDArray[np.int64], values: Array, length: int = 0) -> Array:
    """The sum of the values at each place."""
    return np.asarray(np.bincount(place, values, length), dtype=np.float64)


def _chained(parts: Iterable[Iterable[int]], length: int, kind: type) -> NDArray[Any]:
    return np.fromiter(chain.from_iterable(parts), kind, length)


def _by_metric(windows: Sequence[Window]) -> bool:
    return any(w.series.name in _METRIC for w in windows)


def _layouts(windows: Sequence[Window]) -> frozenset[str]:
    """Layouts of buckets; windows of one series share it, so there are few to look at."""
    series = {id(w.series): w.series for w in windows if w.series.name in _METRIC}
    return frozenset(s.label.get("buckets", "") for s in series.values())


def array(values: Iterable[float]) -> Array:
    """Numbers as they come."""
    return np.fromiter(values, dtype=np.float64)


def _newest(windows: Sequence[Window]) -> str:
    if not windows:
        return ""
    return max(windows, key=lambda w: w.start).series.label.get("version", "")
