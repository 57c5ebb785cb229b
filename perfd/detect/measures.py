"""The metrics that are judged, and how each is read from windows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from perfd.detect.cells import (
    LOG,
    Cells,
    cpu_cells,
    error_cells,
    mean_cells,
    quantile_cells,
    sum_cells,
)
from perfd.detect.coarse import blurred
from perfd.detect.columns import Columns, columns
from perfd.model.window import Gauge, Window

# The geometric mean, what a mean of log latencies estimates; of a metric the arithmetic one.
LATENCY_MEAN = "latency.mean"
LATENCY_P50 = "latency.p50"
LATENCY_P95 = "latency.p95"
LATENCY_P99 = "latency.p99"
ERROR_RATE = "error_rate"
CPU = "cpu_per_request"

QUANTILES = {LATENCY_P50: 0.50, LATENCY_P95: 0.95, LATENCY_P99: 0.99}
OF_OPERATIONS = (LATENCY_P95, LATENCY_MEAN, ERROR_RATE)


def unit(metric: str) -> str:
    """Seconds, or 1 for a ratio."""
    return "1" if metric == ERROR_RATE else "s"


def read(metric: str, windows: Sequence[Window], cpu: Iterable[Gauge] = ()) -> Cells | None:
    """The metric's cells, one per interval, or None where the windows do not hold it.

    Windows of several status classes or instances are merged. `cpu` is for CPU per request alone.
    """
    return cells_of(metric, columns(windows), cpu)


def cells_of(metric: str, held: Columns, cpu: Iterable[Gauge] = ()) -> Cells | None:
    """The same of windows that were read before."""
    if metric == CPU:
        return cpu_cells(held, cpu)
    if metric == ERROR_RATE:
        return error_cells(held)
    if metric in QUANTILES:
        return blurred(quantile_cells(held, QUANTILES[metric]), held.layouts)
    if metric == LATENCY_MEAN:
        return sum_cells(held) if held.by_metric else mean_cells(held)
    raise ValueError(f"{metric!r} is not a metric that can be judged")


def natural(cells: Cells, level: float) -> float:
    """A level in the metric's own unit."""
    return math.exp(level) if cells.scale == LOG else level
