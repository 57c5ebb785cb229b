"""Slow drift: a level that climbs week after week, too slowly for any step to be seen.

What is looked at are trimmed means of six hours, on a logarithmic scale (of an error rate, its
log-odds), the time of the day and the weekend taken out. A drift is a Theil-Sen slope whose
interval, corrected for what the noise remembers, is above the floor; which is there in each half;
which a line tells better than any step does; and whose gains from day to day have a mean beyond
chance, since a level that merely wanders has no trend and often seems to.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from perfd.detect.scan import season
from perfd.detect.scan.look import MEDIAN
from perfd.detect.scan.outliers import inlying
from perfd.detect.scan.steps import filled
from perfd.detect.trends.mann_kendall import inflation, mann_kendall
from perfd.detect.trends.theil_sen import Line, theil_sen
from perfd.detect.trends.wander import gains
from perfd.model.finding import Check

Array = NDArray[np.float64]

DAY, WEEK = 24, 168  # cells
BLOCK = 6  # cells
FEWEST = 0.8  # of the cells
QUANTUM = 0.002
P = 1e-4  # of the trend
P_WANDER = 0.01  # of the daily gains
HALF = 0.4  # of the slope, in each half
FLOOR, HALVES = "effect floor", "both halves"
LEAST = 0.01  # a week: what is less, nobody is told of
TINY = 1e-9  # of the squared error, that a line leaves at least
STEP_MARGIN = 4.0  # by which a line must beat the best step: half of it pays for the step's time


@dataclass(frozen=True, slots=True)
class Drift:
    """One series' drift: `weekly` and its interval are relative (0.03 is 3 % a week).

    `before` and `after` are what the line says of the first and the last cell, `cells` their
    number from the first on. `checks` end with the first that did not pass.
    """

    row: int
    weekly: float
    ci: tuple[float, float]
    before: float
    after: float
    cells: int
    p: float
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether everything held."""
        return all(check.passed for check in self.checks)

    @property
    def told(self) -> bool:
        """Whether it is a drift beyond doubt, be it below the floor."""
        return self.passed or (self.checks[-1].name == FLOOR and self.weekly >= LEAST)


class _Blocks(NamedTuple):
    """Of one series, without gaps: their middles in weeks, and their levels."""

    t: Array
    x: Array
    line: Line
    factor: float


def drifts(values: Array, start: float, width: float, floor: float, fewest: int) -> list[Drift]:
    """Each series (series, cells) that can be judged, worst first; of the others see `short`.

    `values` are on the scale on which a drift is a line; cells of `width` seconds from `start` on.
    `floor` is relative, per week; `fewest` cells must be there.
    """
    rows = np.flatnonzero(~short(values, fewest))
    if len(rows) == 0:
        return []
    y = filled(values[rows])
    x = y - season.seasons(y, start, width)
    known = np.isfinite(values[rows]) & inlying(x, MEDIAN, 2 * BLOCK, QUANTUM)
    late = season.weekend(start, width, x.shape[1])
    found = (_drift(int(row), x[i], known[i], late, floor) for i, row in enumerate(rows))
    return sorted(found, key=lambda drift: drift.p)


def short(values: Array, fewest: int) -> NDArray[np.bool_]:
    """Which series have too few cells, or too many gaps, to be judged."""
    known = np.isfinite(values)
    first = np.where(known.any(axis=1), known.argmax(axis=1), values.shape[1])
    length = values.shape[1] - first
    few: NDArray[np.bool_] = (length < fewest) | (known.sum(axis=1) < FEWEST * length)
    return few


def _drift(
    row: int, x: Array, known: NDArray[np.bool_], late: NDArray[np.bool_], floor: float
) -> Drift:
    told = np.flatnonzero(known)
    blocks = _blocks(x, known, late)
    line, p = blocks.line, _p(blocks)
    first, last = (line.at(cell / WEEK) for cell in (told[0], told[-1]))
    checks = tuple(_checks(blocks, p, floor))
    ends = math.expm1(line.low), math.expm1(line.high)
    cells = int(told[-1] - told[0]) + 1
    return Drift(row, math.expm1(line.slope), ends, first, last, cells, p, checks)


def _p(blocks: _Blocks) -> float:
    """One-sided: that it does not rise."""
    trend = mann_kendall(blocks.x, blocks.factor)
    return trend.p / 2.0 if trend.z > 0.0 else 1.0 - trend.p / 2.0


def _checks(blocks: _Blocks, p: float, floor: float) -> Iterator[Check]:
    """Up to the first that does not pass."""
    yield (check := _trend(p))
    for ask in (_halves, _no_step, _no_wander):
        if not check.passed:
            return
        yield (check := ask(blocks))
    if check.passed:
        yield _floor(blocks.line, floor)


def _trend(p: float) -> Check:
    verdict = f"p = {p:.1g} that it does not rise (Mann-Kendall, corrected)"
    return Check("trend", p <= P, verdict, {"p": p})


def _floor(line: Line, floor: float) -> Check:
    low, weekly = math.expm1(line.low), math.expm1(line.slope)
    verdict = f"{weekly:+.1%} a week, {low:+.1%} at least; the floor is {floor:.1%}"
    return Check(FLOOR, low >= floor, verdict, {"weekly": weekly, "low": low})


def _halves(blocks: _Blocks) -> Check:
    half = len(blocks.t) // 2
    parts = slice(half), slice(half, None)
    early, late = (theil_sen(blocks.t[p], blocks.x[p]).slope for p in parts)
    passed = min(early, late) >= HALF * blocks.line.slope
    verdict = (
        f"{math.expm1(early):+.1%} a week in the first half, {math.expm1(late):+.1%} in the second"
    )
    return Check(HALVES, passed, verdict, {"early": early, "late": late})


def _no_step(blocks: _Blocks) -> Check:
    """What a line and the best step take from the squared error, in units of what is left."""
    t, x = blocks.t - blocks.t.mean(), blocks.x - blocks.x.mean()
    line = float(t @ x) ** 2 / float(t @ t)
    n = np.arange(2, len(x) - 1, dtype=float)
    sums = np.cumsum(x)[1:-2]
    step = float((sums * sums * len(x) / (n * (len(x) - n))).max())
    rest = float(x @ x) - max(line, step)
    least = max(TINY * float(x @ x), 1e-300)
    unit = blocks.factor * max(rest, least) / max(len(x) - 2.0, 1.0)
    passed = line - step > STEP_MARGIN * unit
    verdict = f"a line explains {line / unit:.0f}, the best step {step / unit:.0f}"
    return Check("no step", passed, verdict, {"line": line / unit, "step": step / unit})


def _no_wander(blocks: _Blocks) -> Check:
    day = DAY // BLOCK
    number = len(blocks.x) // day
    days = blocks.x[len(blocks.x) - number * day :].reshape(number, day).mean(axis=1)
    t, p = gains(days)
    verdict = f"p = {p:.1g} that its daily gains are those of a random walk"
    return Check("no wander", p <= P_WANDER, verdict, {"t": t, "p": p})


def _blocks(x: Array, known: NDArray[np.bool_], late: NDArray[np.bool_]) -> _Blocks:
    """Means of six cells without their extremes, the weekend's level taken out."""
    skipped = len(x) % BLOCK
    cells = np.where(known, x, np.nan)[skipped:].reshape(-1, BLOCK)
    told = np.isfinite(cells).sum(axis=1) >= BLOCK // 2
    t = (skipped + BLOCK * (np.flatnonzero(told) + 0.5)) / WEEK
    level = np.array([_trimmed(row[np.isfinite(row)]) for row in cells[told]])
    weekends = late[skipped:].reshape(-1, BLOCK)[told].mean(axis=1) > 0.5
    level = level - np.where(weekends, _weekend(t, level, weekends), 0.0)
    line = theil_sen(t, level)
    factor = inflation(level - line.intercept - line.slope * t)
    return _Blocks(t, level, theil_sen(t, level, factor), factor)


def _trimmed(cells: Array) -> float:
    """The mean without the greatest and the least."""
    if len(cells) < 3:
        return float(cells.mean())
    return float((cells.sum() - cells.max() - cells.min()) / (len(cells) - 2))


def _weekend(t: Array, x: Array, weekends: NDArray[np.bool_]) -> float:
    """How much higher weekends are, beside a line; 0 without two of them to tell it from."""
    if not 2 * WEEK / 7 / BLOCK <= weekends.sum() <= len(x) - 8:
        return 0.0
    design = np.column_stack([np.ones_like(t), t, weekends])
    weights, *_ = np.linalg.lstsq(design, x, rcond=None)
    return float(weights[2])
