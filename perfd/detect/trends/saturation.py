"""What is full, and when something will be: parts of a limit, 0 to 1.

Full is what has stayed above the threshold for an hour, and not at the same hour of most days
before: a nightly batch that takes all cores is a habit. When something will be full is told of two
kinds of quantities. What only fills (memory, a disk) is judged as growth is; what follows the load
by its daily peaks, since between them there is always room.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perfd.detect.trends.growth import NOTHING, Demand, Growth, growth
from perfd.detect.trends.mann_kendall import mann_kendall
from perfd.detect.trends.theil_sen import Line, spread, theil_sen, until
from perfd.detect.trends.wander import gains
from perfd.model.finding import Check, Interval

Array = NDArray[np.float64]

DAY = 24  # cells
PEAK = 0.95  # of a day's hours
FEWEST_DAYS = 7  # of which the peaks are compared
READ = 18  # hours of a day that must have been read
P_PEAKS = 0.005  # seven days that rise each time have 0.003
P_WANDER = 0.002
DOUBT = 2.0  # by which the variance of S is taken larger: seven days show no correlation
FOLLOWED = 7.0  # times as long as it was seen, a line is followed ahead
LATE = 48  # hours, by which something that began to fill is judged
FILLED = 0.02  # of the limit, that must have been filled since


@dataclass(frozen=True, slots=True)
class Forecast:
    """When the limit is reached: hours from now, its 95 % interval (late end may be infinite).

    `line` is in parts of the limit per hour, 0 at the first hour; `first` and `level` are what it
    says of the beginning and of now; `hours` how long it was seen.
    """

    ahead: float
    ci: Interval
    line: Line
    first: float
    level: float
    hours: int
    p: float
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether everything held."""
        return all(check.passed for check in self.checks)


def full(recent: Array, hours: Array, threshold: float) -> tuple[Check, ...]:
    """Whether it is full, by parts of the last hour and by the hours before it.

    `hours` ends with the hour that `recent` is made of. Up to the first check that does not pass.
    """
    known = recent[np.isfinite(recent)]
    least = float(known.min()) if len(known) else math.nan
    passed = len(known) >= 0.9 * len(recent) and least >= threshold
    verdict = f"it was at {least:.0%} or above for an hour; full is {threshold:.0%}"
    checks = [Check("full", passed, verdict, {"least": least, "threshold": threshold})]
    if passed:
        checks.append(_no_habit(hours, threshold))
    return tuple(checks)


def _no_habit(hours: Array, threshold: float) -> Check:
    """The same hour of the days before, and the hours beside it."""
    past = [hours[max(len(hours) - 2 - day, 0) : len(hours) + 1 - day] for day in _days(hours)]
    told = [float(np.nanmax(day)) for day in past if np.isfinite(day).any()]
    as_full = sum(level >= threshold for level in told)
    passed = bool(told) and as_full < 0.5 * len(told)
    verdict = f"it was as full at this hour on {as_full} of {len(told)} days before"
    if not told:
        verdict = "there is no day before to tell whether it is so every day"
    return Check("no habit", passed, verdict, {"days": len(told), "as_full": as_full})


def _days(hours: Array) -> range:
    """How many hours ago the same hour was, on each day before."""
    return range(DAY, len(hours), DAY)


def filling(lows: Array, means: Array, fewest: int, horizon: float) -> Forecast:
    """Of what only fills, by its lowest parts of each hour, above which the means lie evenly.

    By all that was seen, and else by the last two days, if these are above all that was before:
    what is cleaned up now and then comes back to where it was. `horizon`, `fewest` in hours.
    """
    demand = Demand(fewest, 0.0, FILLED)
    grown, late = growth(lows, demand), growth(lows[-LATE:], demand)
    if not grown.grows and late.grows and late.level >= _most(lows[:-LATE]) + FILLED:
        grown = late
    above = means - lows
    lift = float(np.median(above[np.isfinite(above)])) if np.isfinite(above).any() else 0.0
    return _forecast(replace(grown, level=grown.level + lift), horizon)


def _most(lows: Array) -> float:
    known = lows[np.isfinite(lows)]
    return float(known.max()) if len(known) else -math.inf


def peaking(means: Array, horizon: float) -> Forecast:
    """Of what follows the load, by the peaks of its days; the last hour is now."""
    number = len(means) // DAY
    days = means[len(means) - number * DAY :].reshape(number, DAY)
    told = np.isfinite(days).sum(axis=1) >= READ
    peaks = np.array([float(np.nanquantile(day, PEAK)) for day in days[told]])
    checks: tuple[Check, ...] = (_enough(len(peaks)),)
    if not checks[0].passed:
        return _forecast(Growth(0, 0, NOTHING, math.nan, math.nan, 1.0, checks), horizon)
    t: Array = DAY * (np.flatnonzero(told).astype(float) + 1.0)
    line, trend = theil_sen(t, peaks, DOUBT), mann_kendall(peaks)
    checks = (*checks, *_rising(peaks, trend.z, trend.p))
    hours, about = int(t[-1] - t[0]), spread(t, peaks, line)
    return _forecast(Growth(0, hours, line, line.at(t[-1]), about, trend.p, checks), horizon)


def _enough(days: int) -> Check:
    verdict = f"{days} whole days were read; {FEWEST_DAYS} are needed"
    return Check("enough", days >= FEWEST_DAYS, verdict, {"days": days})


def _rising(peaks: Array, z: float, p: float) -> tuple[Check, ...]:
    verdict = f"p = {p:.1g} that the peaks of {len(peaks)} days do not rise"
    monotone = Check("monotone", z > 0.0 and p <= P_PEAKS, verdict, {"z": z, "p": p})
    if not monotone.passed:
        return (monotone,)
    t, chance = gains(peaks)
    verdict = f"p = {chance:.1g} that the gains of the peaks are those of a random walk"
    return monotone, Check("no wander", chance <= P_WANDER, verdict, {"t": t, "p": chance})


def _forecast(grown: Growth, horizon: float) -> Forecast:
    ahead, (early, late) = until(grown.line, grown.level, 1.0, grown.about)
    checks = grown.checks
    if grown.grows:
        checks = (*checks, _near(early, horizon), _not_too_far(ahead, grown.hours))
    first = grown.level - grown.line.slope * grown.hours
    line, level = grown.line, grown.level
    return Forecast(ahead, (early, late), line, first, level, grown.hours, grown.p, checks)


def _near(early: float, horizon: float) -> Check:
    verdict = f"full in {early / DAY:.1f} days at the earliest; {horizon / DAY:.0f} are told"
    return Check("near", early <= horizon, verdict, {"early": early, "horizon": horizon})


def _not_too_far(ahead: float, hours: int) -> Check:
    verdict = f"a line seen for {hours} hours is followed {ahead:.0f} hours ahead"
    return Check("not too far", ahead <= FOLLOWED * hours, verdict, {"ahead": ahead})
