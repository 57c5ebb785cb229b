"""Cells: what one window says of one metric, as a weighted value whose sampling noise is known.

Every metric is written as a mean of cells. A quantile is the mean of its influence values (by how
much each window pulls it), and a ratio of sums (CPU per request) that of its residuals; so all of
them share one model of the noise, also where a window holds a handful of requests.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from perfd.model.histogram import BUCKETS_PER_OCTAVE
from perfd.model.window import Gauge, Window

Array = NDArray[np.float64]

OCTAVE = math.log(2.0) / BUCKETS_PER_OCTAVE  # width of a bucket in ln(latency)
LOG = "log"
LINEAR = "linear"
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Cells:
    """Values `y` with weights `n` (requests) of windows at `start`, in time order.

    `level` is the metric's value, and the weighted mean of `y`: its logarithm where `scale` is
    log. `sampling` is the variance that one request brings, known to `freedom` degrees; `span` how
    many of the finest windows a cell covers.
    """

    scale: str
    level: float
    start: Array
    span: Array
    n: Array
    y: Array
    sampling: float
    freedom: float = math.inf  # degrees of freedom of `sampling`

    def __len__(self) -> int:
        return len(self.y)

    @property
    def total(self) -> float:
        """Requests in all cells."""
        return float(self.n.sum())

    def where(self, keep: NDArray[np.bool_]) -> Cells:
        """Some of the cells, with the level that they have by themselves."""
        n, y = self.n[keep], self.y[keep]
        level = float(n @ y / n.sum()) if n.sum() > 0 else math.nan
        return replace(self, level=level, start=self.start[keep], span=self.span[keep], n=n, y=y)


def by_start(windows: Iterable[Window]) -> list[Window]:
    """One window per interval: status classes, instances and phases merged."""
    merged: dict[float, Window] = {}
    for window in windows:
        held = merged.get(window.start)
        merged[window.start] = window if held is None else held.merge(window)
    return [merged[start] for start in sorted(merged)]


def mean_cells(windows: Sequence[Window]) -> Cells | None:
    """Mean log latency per window; None without two measured requests."""
    windows = [w for w in windows if w.histogram.count > w.histogram.zeros]
    n = _array(w.histogram.count - w.histogram.zeros for w in windows)
    if n.sum() < 2:
        return None
    totals = _array(w.histogram.log_total for w in windows)
    squares = _array(w.histogram.log_square for w in windows)
    y = totals / n
    within = max(float((squares - n * y * y).sum()), 0.0)
    freedom = n.sum() - len(n)
    pooled = within / freedom if freedom > 0 else _variance(n, totals, squares)
    return _cells(LOG, float(totals.sum() / n.sum()), windows, n, y, pooled)


def quantile_cells(windows: Sequence[Window], q: float) -> Cells | None:
    """The `q` quantile of ln(latency) by its influence per window (Hampel 1974).

    A window with a share `e` of its requests above the quantile pulls it by (e - (1 - q)) / f,
    with f the density of ln(latency) there.
    """
    windows = [w for w in windows if w.histogram.count > w.histogram.zeros]
    if not windows:
        return None
    counts, lowest = bucket_matrix(windows)
    n = counts.sum(axis=1)
    pooled = counts.sum(axis=0)
    at = place(pooled, q)
    density = _density(pooled, q)
    if density is None:
        return None
    exceeding = _above(counts, at) / n
    level = (lowest + at) * OCTAVE
    y = level + (exceeding - float(exceeding @ n / n.sum())) / density
    cells = _cells(LOG, level, windows, n, y, q * (1.0 - q) / (density * density))
    # The variance goes with 1 / f², and f is known from the requests in its band.
    return replace(cells, freedom=max(n.sum() * _half_band(pooled, q), 2.0))


def error_cells(windows: Sequence[Window]) -> Cells | None:
    """Errors per request and window."""
    windows = [w for w in windows if w.count]
    if not windows:
        return None
    n = _array(w.count for w in windows)
    errors = _array(w.errors for w in windows)
    rate = float(errors.sum() / n.sum())
    return _cells(LINEAR, rate, windows, n, errors / n, rate * (1.0 - rate))


def cpu_cells(windows: Sequence[Window], cpu: Iterable[Gauge]) -> Cells | None:
    """CPU seconds per request, over the windows that hold both; its noise is all between windows.

    The residual of a ratio of sums: y = ln R + (C - R n) / (R n) with R = sum C / sum n.
    """
    spent: dict[float, float] = {}
    for gauge in cpu:
        spent[gauge.start] = spent.get(gauge.start, 0.0) + gauge.total
    windows = [w for w in windows if w.count and w.start in spent]
    n = _array(w.count for w in windows)
    seconds = _array(spent[w.start] for w in windows)
    if len(windows) < 2 or seconds.sum() <= 0.0:
        return None
    ratio = float(seconds.sum() / n.sum())
    y = math.log(ratio) + seconds / (ratio * n) - 1.0
    return _cells(LOG, math.log(ratio), windows, n, y, 0.0)


def bucket_matrix(windows: Sequence[Window]) -> tuple[Array, int]:
    """Counts per window (row) and bucket (column), and the index of the first column."""
    lowest = min((min(w.histogram.buckets) for w in windows if w.histogram.buckets), default=0)
    highest = max((max(w.histogram.buckets) for w in windows if w.histogram.buckets), default=0)
    counts = np.zeros((len(windows), highest - lowest + 1))
    for row, window in enumerate(windows):
        _fill(counts[row], window.histogram.buckets, lowest)
    return counts, lowest


def _fill(row: Array, buckets: Mapping[int, int], lowest: int) -> None:
    for index, count in buckets.items():
        row[index - lowest] = count


def place(pooled: Array, q: float) -> float:
    """Where the quantile is, in buckets from the first; inside a bucket by its share."""
    reached = np.cumsum(pooled)
    rank = q * reached[-1]
    column = int(np.searchsorted(reached, rank))
    column = min(column, len(pooled) - 1)
    before = reached[column] - pooled[column]
    return column + float((rank - before) / pooled[column]) if pooled[column] else float(column)


def _density(pooled: Array, q: float) -> float | None:
    """Requests per unit of ln(latency) at the quantile, as a share of all.

    From the slope of ln(latency) over normal scores around it, which is straight where latencies
    are log-normal; the wider band for fewer requests trades a little bias for much less noise.
    """
    if pooled.sum() < 2:
        return None
    half = _half_band(pooled, q)
    width = (place(pooled, q + half) - place(pooled, q - half)) * OCTAVE
    scores = _NORMAL.inv_cdf(q + half) - _NORMAL.inv_cdf(q - half)
    return _NORMAL.pdf(_NORMAL.inv_cdf(q)) * scores / max(width, OCTAVE)


def _half_band(pooled: Array, q: float) -> float:
    """Half of the band around the quantile in which the density is measured."""
    return min(0.8 * (1.0 - q), 0.025 if pooled.sum() >= 2000 else 0.04)


def _above(counts: Array, at: float) -> Array:
    """Requests of each window above a place."""
    column = min(int(at), counts.shape[1] - 1)
    part: Array = counts[:, column] * (1.0 - min(at - column, 1.0))
    rest: Array = counts[:, column + 1 :].sum(axis=1)
    return part + rest


def _variance(n: Array, totals: Array, squares: Array) -> float:
    """Variance of single requests where no window holds two of them."""
    mean = totals.sum() / n.sum()
    return max(float(squares.sum() / n.sum() - mean * mean), 0.0)


def _cells(
    scale: str, level: float, windows: Sequence[Window], n: Array, y: Array, sampling: float
) -> Cells:
    width = _array(w.width for w in windows)
    span = np.maximum(np.round(width / width.min()), 1.0)
    return Cells(scale, level, _array(w.start for w in windows), span, n, y, sampling)


def _array(values: Iterable[float]) -> Array:
    return np.fromiter(values, dtype=np.float64)
