"""Cells: what one window says of one metric, as a weighted value whose sampling noise is known.

Every metric is written as a mean of cells. A quantile is the mean of its influence values (by how
much each window pulls it), and a ratio of sums (CPU per request) that of its residuals; so all of
them share one model of the noise, also where a window holds a handful of requests.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from perfd.detect.columns import Array, Columns, summed
from perfd.model.histogram import BUCKETS_PER_OCTAVE
from perfd.model.window import Gauge, Window

OCTAVE = math.log(2.0) / BUCKETS_PER_OCTAVE  # width of a bucket in ln(latency)
LOG = "log"
LINEAR = "linear"
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Cells:
    """Values `y` with weights `n` (requests) of windows at `start`, in time order.

    `level` is the metric's value, and the weighted mean of `y`: its logarithm where `scale` is
    log. `sampling` is the variance that one request brings, known to `freedom` degrees; `span` how
    many of the finest windows a cell covers. `blur` is how far the level may be from the truth
    however many requests there are, because the sender's buckets do not tell.
    """

    scale: str
    level: float
    start: Array
    span: Array
    n: Array
    y: Array
    sampling: float
    freedom: float = math.inf  # degrees of freedom of `sampling`
    end: float = math.nan  # of the last window
    version: str = ""  # of the newest window
    blur: float = 0.0

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


def mean_cells(columns: Columns) -> Cells | None:
    """Mean log latency per window; None without two measured requests."""
    kept = columns.measured > 0.0
    n = columns.measured[kept]
    if n.sum() < 2:
        return None
    totals, squares = columns.logs[kept], columns.squares[kept]
    y = totals / n
    within = max(float((squares - n * y * y).sum()), 0.0)
    freedom = n.sum() - len(n)
    pooled = within / freedom if freedom > 0 else _variance(n, totals, squares)
    return _cells(LOG, float(totals.sum() / n.sum()), columns, kept, n, y, pooled)


def sum_cells(columns: Columns) -> Cells | None:
    """The arithmetic mean per window, of a metric whose sums are exact and whose buckets are wide.

    The residual of a ratio of sums, as of CPU per request; the variance of single requests is that
    of their buckets' middles.
    """
    kept = columns.measured > 0.0
    n, seconds = columns.measured[kept], columns.seconds[kept]
    if n.sum() < 2 or seconds.sum() <= 0.0:
        return None
    mean = float(seconds.sum() / n.sum())
    y = math.log(mean) + seconds / (mean * n) - 1.0
    middles = np.exp((columns.bucket + 0.5) * OCTAVE)
    first = float(columns.held @ middles / columns.held.sum())
    second = float(columns.held @ (middles * middles) / columns.held.sum())
    variance = max(second / (first * first) - 1.0, 0.0)
    return _cells(LOG, math.log(mean), columns, kept, n, y, variance)


def quantile_cells(columns: Columns, q: float) -> Cells | None:
    """The `q` quantile of ln(latency) by its influence per window (Hampel 1974).

    A window with a share `e` of its requests above the quantile pulls it by (e - (1 - q)) / f,
    with f the density of ln(latency) there.
    """
    if not len(columns.bucket):
        return None
    lowest = int(columns.bucket.min())
    column = columns.bucket - lowest
    pooled = summed(column, columns.held)
    at = place(pooled, q)
    density = _density(pooled, q)
    if density is None:
        return None
    n = summed(columns.row, columns.held, len(columns))
    kept = n > 0.0
    n = n[kept]
    exceeding = _above(columns, column, at)[kept] / n
    level = (lowest + at) * OCTAVE
    y = level + (exceeding - float(exceeding @ n / n.sum())) / density
    cells = _cells(LOG, level, columns, kept, n, y, q * (1.0 - q) / (density * density))
    # The variance goes with 1 / f², and f is known from the requests in its band.
    return replace(cells, freedom=max(n.sum() * _half_band(pooled, q), 2.0))


def error_cells(columns: Columns) -> Cells | None:
    """Errors per request and window."""
    kept = columns.requests > 0.0
    n, errors = columns.requests[kept], columns.errors[kept]
    if not len(n):
        return None
    rate = float(errors.sum() / n.sum())
    return _cells(LINEAR, rate, columns, kept, n, errors / n, rate * (1.0 - rate))


def cpu_cells(columns: Columns, cpu: Iterable[Gauge]) -> Cells | None:
    """CPU seconds per request, over the windows that hold both; its noise is all between windows.

    The residual of a ratio of sums: y = ln R + (C - R n) / (R n) with R = sum C / sum n.
    """
    spent: dict[float, float] = {}
    for gauge in cpu:
        spent[gauge.start] = spent.get(gauge.start, 0.0) + gauge.total
    known = np.array([spent.get(start, math.nan) for start in columns.start.tolist()])
    kept = (columns.requests > 0.0) & ~np.isnan(known)
    n, seconds = columns.requests[kept], known[kept]
    if len(n) < 2 or seconds.sum() <= 0.0:
        return None
    ratio = float(seconds.sum() / n.sum())
    y = math.log(ratio) + seconds / (ratio * n) - 1.0
    return _cells(LOG, math.log(ratio), columns, kept, n, y, 0.0)


def bucket_matrix(windows: Sequence[Window]) -> tuple[Array, int]:
    """Counts per window (row) and bucket (column), and the index of the first column."""
    lowest = min((min(w.histogram.buckets) for w in windows if w.histogram.buckets), default=0)
    highest = max((max(w.histogram.buckets) for w in windows if w.histogram.buckets), default=0)
    counts = np.zeros((len(windows), highest - lowest + 1))
    for row, window in enumerate(windows):
        for index, count in window.histogram.buckets.items():
            counts[row, index - lowest] = count
    return counts, lowest


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


def _above(columns: Columns, column: NDArray[np.int64], at: float) -> Array:
    """Requests of each window above a place."""
    part = np.clip(column + 1.0 - at, 0.0, 1.0)  # of a bucket that lies above it
    return summed(columns.row, columns.held * part, len(columns))


def _variance(n: Array, totals: Array, squares: Array) -> float:
    """Variance of single requests where no window holds two of them."""
    mean = totals.sum() / n.sum()
    return max(float(squares.sum() / n.sum() - mean * mean), 0.0)


def _cells(
    scale: str,
    level: float,
    columns: Columns,
    kept: NDArray[np.bool_],
    n: Array,
    y: Array,
    sampling: float,
) -> Cells:
    start, width = columns.start[kept], columns.width[kept]
    span = np.maximum(np.round(width / width.min()), 1.0)
    end = float(start[-1] + width[-1])
    return Cells(scale, level, start, span, n, y, sampling, end=end, version=columns.version)
