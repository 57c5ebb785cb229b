"""How much work a service is offered, and what a metric was when it was offered as much before.

Load is in requests under way at the old version's latencies (Erlangs): each request counts for what
its operation used to take, so that a bot's cheap requests weigh as little as they cost, and a new
version that is slow does not look busy.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perfd.detect.cells import LOG, Cells
from perfd.detect.noise import Spread, noise, spread
from perfd.model.finding import Interval
from perfd.model.window import Window

Array = NDArray[np.float64]

ENOUGH = 1000  # requests that tell a load to 3 %
BLOCK = 5  # windows, at most, in which load is taken as one
ALIKE = math.log(1.25)  # of a new cell's load: that many requests there must have been before
BEYOND = math.log(1.1)  # the greatest load before, up to which a line may be drawn on
NEAR = math.log(1.5)  # where the weight of an old cell ends
TELLING, MIXED = 50, 1.6  # requests of a window, and how far windows of one block may differ
STEEPEST = 4.0  # times what it was nearby: further no line is followed
TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Equal:
    """The part of the new side whose load the old side has had: its cells at `starts`.

    `level` is what the old side would have been there, and `shift` how far the new one is from it.
    """

    level: float
    shift: float
    error: Spread
    starts: frozenset[float]


@dataclass(slots=True)
class _Moment:
    """All windows with one start."""

    width: float
    requests: int = 0
    work: float = 0.0


def _of_block(moments: Sequence[_Moment]) -> float:
    """Requests under way; 0 (not known) where a crowd came or went in the middle."""
    loads = [m.work / m.width for m in moments if m.requests >= TELLING]
    if loads and max(loads) > MIXED * min(loads):
        return 0.0
    return sum(m.work for m in moments) / sum(m.width for m in moments)


Kind = tuple[str, str]  # operation and status class
Costs = Mapping[Kind, float]


class Load:
    """The load of one service by blocks of time, over all versions."""

    def __init__(self, windows: Iterable[Window], costs: Costs, width: float) -> None:
        windows = list(windows)
        self._costs = costs
        usual = _usual(windows)
        length = min(max(math.ceil(ENOUGH / usual), 1), BLOCK)
        self._block = width * length
        self.noise = 1.0 / (usual * length)  # variance of ln(load) that is only chance
        held: dict[float, _Moment] = {}
        for window in windows:
            moment = held.setdefault(window.start, _Moment(window.width))
            moment.requests += window.count
            moment.work += window.count * self._cost(window)
        blocks: defaultdict[int, list[_Moment]] = defaultdict(list)
        for start, moment in held.items():
            blocks[int(start // self._block)].append(moment)
        self._at = {b: load for b, held in blocks.items() if (load := _of_block(held)) > 0.0}

    def at(self, starts: Array) -> Array:
        """ln(load) at these times; NaN where it is not known."""
        blocks = (starts // self._block).astype(int)
        return np.array([math.log(self._at[b]) if b in self._at else math.nan for b in blocks])

    def answered(self, windows: Iterable[Window], span: Interval, seconds: float) -> float:
        """The load of requests that did not fail: what is wanted, without retries of what fails.

        `seconds` is how much of the span was read.
        """
        held = (w for w in windows if span[0] <= w.start < span[1])
        return sum((w.count - w.errors) * self._cost(w) for w in held) / seconds

    def _cost(self, window: Window) -> float:
        return self._costs.get(kind_of(window), 0.0)


def _usual(windows: Iterable[Window]) -> float:
    """Requests in a window, of the finest."""
    counts: defaultdict[tuple[float, float], int] = defaultdict(int)
    for window in windows:
        counts[window.width, window.start] += window.count
    narrow = min((width for width, _ in counts), default=0.0)
    held = [n for (width, _), n in counts.items() if width <= narrow]
    return max(float(np.median(held)) if held else 0.0, 1.0)


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


def most(load: Load, cells: Cells) -> float:
    """The greatest ln(load) at which a side was measured."""
    known = load.at(cells.start)
    return float(np.nanmax(known)) if np.isfinite(known).any() else math.nan


def equal(load: Load, old: Cells, new: Cells, few: float) -> Equal | None:
    """The shift of `new` against what `old` would have been at the same load.

    Each new cell is compared with the line through the old ones whose load was near its own, and
    counts by its requests: near saturation a tenth more load is a fifth more latency. None where
    either side has fewer than `few` requests at loads that both have had.
    """
    old = old.where(np.isfinite(load.at(old.start)))
    x_old, x_new = load.at(old.start), load.at(new.start)
    if not len(old):
        return None
    apart = np.abs(x_new[:, None] - x_old[None, :])
    kept = ((apart <= ALIKE) @ old.n >= few) & (x_new <= x_old.max() + BEYOND)
    if new.n[kept].sum() < few:
        return None
    kept_cells = new.where(kept)
    rest = _less(kept_cells, _line(old, x_old, x_new[kept], load.noise))
    near = (apart[kept] < NEAR).any(axis=0)
    reference = _less(old, _line(old, x_old, x_old, load.noise)).where(near)
    between = noise([reference, rest])
    error = spread(reference, between).plus(spread(rest, between))
    level = kept_cells.level - rest.level
    return Equal(level, rest.level, error, frozenset(kept_cells.start.tolist()))


def _less(cells: Cells, expected: Array) -> Cells:
    """The cells less what is expected of each."""
    y = cells.y - expected
    return replace(cells, y=y, level=float(cells.n @ y / cells.total))


def _line(old: Cells, x: Array, at: Array, noise_of_x: float) -> Array:
    """What `old` is at each of some ln(load): lines weighted by nearness and requests.

    In a queue 1 / latency falls in proportion to load, (1 - load / capacity) / service time, so it
    is 1 / latency to which the lines are fitted; to error rates themselves. Never the other way:
    what is slower when it is idle is cold, and no measure of load. What is chance in the loads
    flattens a line, and is taken out of their spread (at most half of it).
    """
    weights = np.clip(1.0 - np.abs(at[:, None] - x[None, :]) / NEAR, 0.0, None) * old.n[None, :]
    inverse = old.scale == LOG
    load, y = np.exp(x), np.exp(old.level - old.y) if inverse else -old.y
    total = weights.sum(axis=1)
    load_mean, y_mean = weights @ load / total, weights @ y / total
    width = weights @ (load * load) / total - load_mean**2
    width = np.maximum(width - noise_of_x * load_mean**2, width / 2.0)
    slope = (weights @ (load * y) / total - load_mean * y_mean) / np.maximum(width, TINY)
    found = y_mean + np.minimum(slope, 0.0) * (np.exp(at) - load_mean)
    if inverse:
        return np.asarray(old.level - np.log(np.maximum(found, y_mean / STEEPEST)))
    return np.asarray(-found)
