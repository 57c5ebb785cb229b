"""Growth of a level that nothing takes back: memory of a process, a disk, the memory of a host.

What is looked at are the lowest readings of each hour, so that garbage which is collected again is
not growth, and only since the level last fell by half or more, since a new process is another one.
Everything must hold that tells a leak from what looks like one for a while:

    enough      a day of it, nine tenths of the hours read
    monotone    Mann-Kendall, corrected for what the noise remembers
    size        large enough in bytes and as a part of the level
    straight    a line explains nine tenths of it
    steady      each half grows, the later one nearly as fast: a cache that fills slows down
    retained    the least of the last third is above the most of the first third
    no wander   its gains from block to block have a mean beyond chance. That is the test that holds
                for a random walk, which has no trend and nearly always seems to have one
    not freed   earlier falls did not come at about this level: something does free it
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from perfd.detect.trends.mann_kendall import inflation, mann_kendall
from perfd.detect.trends.theil_sen import Line, spread, theil_sen
from perfd.detect.trends.wander import MOST, gains
from perfd.model.finding import Check

Array = NDArray[np.float64]

FALL = 0.5  # of the level: more than that at once is a restart
WARMING = 2  # hours after a start that are left out
WHOLE = 0.9  # of the hours
BLOCKS = 12
P = 1e-4  # of the trend
P_WANDER = 1e-3  # of the gains
STRAIGHT = 0.9  # of the variance
STEADY = 0.8  # of the earlier half's slope
FREED = 0.75  # of the level now
NOTHING = Line(0.0, 0.0, 0.0, math.nan)


@dataclass(frozen=True, slots=True)
class Demand:
    """How long and by how much a level must have grown: hours, a part of it, and its own unit."""

    hours: int
    part: float
    amount: float


@dataclass(frozen=True, slots=True)
class Growth:
    """A level by the hour since it last began anew at cell `since`; `line` in units per hour.

    `level` is what the line says of the last hour, `about` how far readings are from it, `hours`
    how many it has been followed. `checks` end with the first that did not pass.
    """

    since: int
    hours: int
    line: Line
    level: float
    about: float
    p: float
    checks: tuple[Check, ...]

    @property
    def grows(self) -> bool:
        """Whether everything held."""
        return all(check.passed for check in self.checks)


class _Course(NamedTuple):
    """The hours since the start, without gaps, and the minima of blocks of them."""

    t: Array
    x: Array
    block_t: Array
    block_x: Array
    line: Line
    peaks: Array  # what the level was before each earlier fall


def growth(lows: Array, demand: Demand) -> Growth:
    """`lows` (hours), NaN where nothing was read; the last one is now."""
    falls = _falls(lows)
    since = int(falls[-1]) if len(falls) else 0
    began = np.flatnonzero(np.isfinite(lows[since:]))
    since += int(began[0]) if len(began) else 0
    start = since + WARMING
    x = lows[start:]
    enough = _enough(x, demand)
    if not enough.passed:
        return Growth(since, len(x), NOTHING, math.nan, math.nan, 1.0, (enough,))
    course = _course(x, np.array([lows[:at][np.isfinite(lows[:at])][-1] for at in falls]))
    t, y, line = course.t, course.x, course.line
    factor = inflation(y - line.intercept - line.slope * t)
    line = theil_sen(t, y, factor)
    trend = mann_kendall(y, factor)
    course = course._replace(line=line)
    checks = [enough, _monotone(trend.z, trend.p)]
    for ask in (_straight, _steady, _retained, _no_wander, _not_freed):
        if not checks[-1].passed:
            break
        checks.append(ask(course))
    if checks[-1].passed:
        checks.append(_size(course, demand))
    last = float(len(x) - 1)
    about = spread(t, y, line)
    return Growth(since, len(x), line, line.at(last), about, trend.p, tuple(checks))


def _falls(lows: Array) -> NDArray[np.int64]:
    """The cells at which the level is less than half of the last that was read."""
    known = np.flatnonzero(np.isfinite(lows))
    fell = lows[known[1:]] < FALL * lows[known[:-1]]
    cells: NDArray[np.int64] = known[1:][fell]
    return cells


def _enough(x: Array, demand: Demand) -> Check:
    read = int(np.isfinite(x).sum())
    passed = len(x) >= demand.hours and read >= WHOLE * len(x)
    verdict = f"{read} of {len(x)} hours since the start were read; {demand.hours} are needed"
    return Check("enough", passed, verdict, {"hours": len(x), "read": read})


def _course(x: Array, peaks: Array) -> _Course:
    told = np.flatnonzero(np.isfinite(x))
    t, y = told.astype(float), x[told]
    parts = np.array_split(np.arange(len(y)), BLOCKS)
    block_x = np.array([y[part].min() for part in parts])
    block_t = np.array([t[part].mean() for part in parts])
    return _Course(t, y, block_t, block_x, theil_sen(t, y), peaks)


def _monotone(z: float, p: float) -> Check:
    verdict = f"p = {p:.1g} that it does not rise (Mann-Kendall, corrected)"
    return Check("monotone", z > 0.0 and p <= P, verdict, {"z": z, "p": p})


def _size(course: _Course, demand: Demand) -> Check:
    """By the lower end of the slope."""
    hours = float(course.t[-1] - course.t[0])
    grown, level = course.line.low * hours, course.line.at(0.0)
    part = min(grown / level, MOST) if level > 0.0 else MOST
    passed = grown >= demand.amount and part >= demand.part
    verdict = f"at least {part:.0%} in {hours:.0f} hours; the floor is {demand.part:.0%}"
    return Check("size", passed, verdict, {"part": part, "grown": grown})


def _straight(course: _Course) -> Check:
    t, x = course.block_t, course.block_x
    explained = float(np.corrcoef(t, x)[0, 1]) ** 2 if x.std() > 0.0 else 0.0
    verdict = f"a line explains {explained:.0%} of it"
    return Check("straight", explained >= STRAIGHT, verdict, {"r2": explained})


def _steady(course: _Course) -> Check:
    """The slopes of both halves of the hours."""
    half = len(course.t) // 2
    early = theil_sen(course.t[:half], course.x[:half]).slope
    late = theil_sen(course.t[half:], course.x[half:]).slope
    passed = early > 0.0 and late >= STEADY * early and early >= STEADY / 2.0 * late
    part = late / early if early > 0.0 else math.inf
    verdict = f"the later half grows {part:.2f} times as fast as the earlier one"
    return Check("steady", passed, verdict, {"early": early, "late": late})


def _retained(course: _Course) -> Check:
    third = max(len(course.x) // 3, 1)
    first, last = float(course.x[:third].max()), float(course.x[-third:].min())
    verdict = "the least of the last third is above the most of the first third"
    if last <= first:
        verdict = "the last third comes back to what the first third had reached"
    return Check("retained", last > first, verdict, {"first": first, "last": last})


def _no_wander(course: _Course) -> Check:
    t, p = gains(course.block_x)
    verdict = f"p = {p:.1g} that its gains are those of a random walk"
    return Check("no wander", p <= P_WANDER, verdict, {"t": t, "p": p})


def _not_freed(course: _Course) -> Check:
    level = float(course.x[-1])
    near = course.peaks[(course.peaks >= FREED * level) & (course.peaks <= level / FREED)]
    verdict = f"it fell by half {len(near)} times before at about this level"
    return Check("not freed", len(near) < 2, verdict, {"falls": len(near)})
