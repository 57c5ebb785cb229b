"""Minutes and hours by number.

A stored minute lasts 60/pace seconds, which binary floats hold exactly only by luck. So rows carry
the minute's number since the epoch; hours, horizons and steps are integers made of it, and a start
is computed from the number alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

MINUTES_PER_HOUR = 60
PROFILE_MINUTES = 10  # packed profiles are this coarse

# Starts come from a grid of their own (10/pace seconds): forgive their rounding, not more.
_SLACK = 1e-5

# Numbers fit 32 bits (the year 2106 at pace 1, 2051 at pace 100), so that a row's key fits 63.
LIMIT = 1 << 32


@dataclass(frozen=True, slots=True)
class Grid:
    """`width` is the length of a minute in seconds, `hot` the horizon in minutes."""

    width: float
    hot: int

    @classmethod
    def of(cls, pace: float, hot: float) -> Grid:
        """The grid of a pace; `hot` in seconds at pace 1."""
        return cls(60.0 / pace, max(1, round(hot / 60.0)))

    def number(self, at: float) -> int:
        """The minute that holds a time."""
        return math.floor(at / self.width + _SLACK)

    def first(self, at: float) -> int:
        """The first minute that starts at or after a time."""
        return math.ceil(at / self.width - _SLACK)

    def start(self, number: int) -> float:
        """When a minute starts."""
        return number * self.width

    def numbers(self, start: float, end: float) -> range:
        """The minutes whose start is in `[start, end)`."""
        return range(
            min(max(self.first(start), 0), LIMIT) if start > -math.inf else 0,
            min(max(self.first(end), 0), LIMIT) if end < math.inf else LIMIT,
        )

    def hours(self, start: float, end: float) -> range:
        """The first minutes of the hours that touch `[start, end)`, and every minute between."""
        numbers = self.numbers(start, end)
        lowest = max(numbers.start - 1, 0) // MINUTES_PER_HOUR * MINUTES_PER_HOUR
        return range(lowest, numbers.stop)

    def step(self, seconds: float | None) -> int:
        """A step in whole minutes, at least one."""
        return 1 if seconds is None else max(1, round(seconds / self.width))

    def seal(self, now: float) -> int:
        """The first minute that still takes increments: the start of an hour before the horizon."""
        return (self.number(now) - self.hot) // MINUTES_PER_HOUR * MINUTES_PER_HOUR

    def horizon(self, now: float, retention: float) -> int:
        """The first hour that is kept; `retention` in real seconds."""
        return self.number(now - retention) // MINUTES_PER_HOUR


def hour(number: int) -> int:
    """The hour of a minute."""
    return number // MINUTES_PER_HOUR
