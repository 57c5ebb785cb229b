"""How much work a service is offered, and what a metric was when it was offered as much before.

Load is in requests under way at the old version's latencies (Erlangs): each request counts for what
its operation used to take, so that a bot's cheap requests weigh as little as they cost, and a new
version that is slow does not look busy.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perfd.detect.cells import Cells
from perfd.model.finding import Interval
from perfd.model.window import Window

Array = NDArray[np.float64]

ENOUGH = 100  # requests that tell a load to a tenth
BLOCK = 5  # windows, at most, in which load is taken as one
ALIKE = math.log(1.25)  # of a new cell's load: that many requests there must have been before
BEYOND = math.log(1.1)  # the greatest load before, up to which a line may be drawn on
NEAR = math.log(2.0)  # where the weight of an old cell ends


@dataclass(frozen=True, slots=True)
class Equal:
    """What is left of a shift at equal load, over `requests` of the new side."""

    shift: float
    requests: float


Kind = tuple[str, str]  # operation and status class
Costs = Mapping[Kind, float]


class Load:
    """The load of one service by blocks of time, over all versions."""

    def __init__(self, windows: Iterable[Window], costs: Costs, width: float) -> None:
        windows = list(windows)
        self._costs = costs
        self._block = width * _windows_in_block(windows)
        work: defaultdict[int, float] = defaultdict(float)
        seen: defaultdict[int, dict[float, float]] = defaultdict(dict)
        for window in windows:
            block = int(window.start // self._block)
            work[block] += window.count * self._cost(window)
            seen[block][window.start] = window.width
        self._at = {b: work[b] / sum(seen[b].values()) for b in work if work[b] > 0.0}

    def at(self, starts: Array) -> Array:
        """ln(load) at these times; NaN where it is not known."""
        blocks = (starts // self._block).astype(int)
        return np.array([math.log(self._at[b]) if b in self._at else math.nan for b in blocks])

    def answered(self, windows: Iterable[Window], span: Interval) -> float:
        """The load of requests that did not fail: what is wanted, without retries of what fails."""
        held = (w for w in windows if span[0] <= w.start < span[1])
        work = sum((w.count - w.errors) * self._cost(w) for w in held)
        return work / (span[1] - span[0])

    def _cost(self, window: Window) -> float:
        return self._costs.get(kind_of(window), 0.0)


def _windows_in_block(windows: Iterable[Window]) -> int:
    """As few as hold requests enough to tell a load: within longer ones it may change."""
    counts: defaultdict[float, int] = defaultdict(int)
    for window in windows:
        counts[window.start] += window.count
    usual = float(np.median(list(counts.values()))) if counts else 0.0
    return min(max(math.ceil(ENOUGH / max(usual, 1.0)), 1), BLOCK)


def costs(before: Iterable[Window], windows: Iterable[Window], *, by_class: bool) -> Costs:
    """Mean seconds of a request of each kind in `before`, for all kinds that `windows` hold.

    Where a class was not seen before, a request costs what it takes now, at most what its operation
    used to take. Not `by_class`, a refusal counts like the answer that was wanted.
    """
    known, usual = _means(before)
    own, _ = _means(windows)
    found = {}
    for kind, mean in own.items():
        otherwise = usual.get(kind[0], mean)
        new = min(mean, otherwise)
        found[kind] = known.get(kind, new) if by_class else otherwise
    return found


def kind_of(window: Window) -> Kind:
    """Operation and status class of a window's requests."""
    label = window.series.label
    return label.get("operation", ""), label.get("status", "")


def _means(windows: Iterable[Window]) -> tuple[dict[Kind, float], dict[str, float]]:
    """Mean seconds of a request, by kind and by operation."""
    kinds: defaultdict[Kind, list[float]] = defaultdict(lambda: [0.0, 0.0])
    operations: defaultdict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for window in windows:
        kind = kind_of(window)
        for held in (kinds[kind], operations[kind[0]]):
            held[0] += window.histogram.total
            held[1] += window.histogram.count
    return (
        {kind: total / count for kind, (total, count) in kinds.items() if count},
        {name: total / count for name, (total, count) in operations.items() if count},
    )


def most(load: Load, old: Cells) -> float:
    """The greatest ln(load) at which the old side was measured."""
    known = load.at(old.start)
    return float(np.nanmax(known)) if np.isfinite(known).any() else math.nan


def equal(load: Load, old: Cells, new: Cells, few: float) -> Equal | None:
    """The shift of `new` against what `old` would have been at the same load.

    Each new cell is compared with the line through the old ones whose load was near its own, and
    counts by its requests: near saturation a tenth more load is a fifth more latency. None where
    either side has fewer than `few` requests at loads that both have had.
    """
    x_old, x_new = load.at(old.start), load.at(new.start)
    kept_old = np.isfinite(x_old)
    if not kept_old.any():
        return None
    x_old, y_old, n_old = x_old[kept_old], old.y[kept_old], old.n[kept_old]
    apart = np.abs(x_new[:, None] - x_old[None, :])
    held = (apart <= ALIKE) @ n_old
    kept = (held >= few) & (x_new <= x_old.max() + BEYOND)
    n = new.n[kept]
    if n.sum() < few:
        return None
    weights = np.clip(1.0 - apart[kept] / NEAR, 0.0, None) * n_old[None, :]
    expected = _lines(weights, x_old, y_old, x_new[kept])
    return Equal(float(n @ (new.y[kept] - expected) / n.sum()), float(n.sum()))


def _lines(weights: Array, x: Array, y: Array, at: Array) -> Array:
    """Weighted lines through (x, y), one per row of `weights`, at one place each.

    Never falling: what is slower when it is idle is cold, and no measure of load.
    """
    total = weights.sum(axis=1)
    x_mean, y_mean = weights @ x / total, weights @ y / total
    spread = weights @ (x * x) / total - x_mean**2
    slope = (weights @ (x * y) / total - x_mean * y_mean) / np.maximum(spread, 1e-6)
    return np.asarray(y_mean + np.maximum(slope, 0.0) * (at - x_mean))
