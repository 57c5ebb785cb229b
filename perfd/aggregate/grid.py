"""The two grids of time: base windows in memory, minutes in the store; pace divides both.

Nanoseconds are divided as whole numbers, so that six base windows are exactly one minute at every
pace and no window straddles two minutes of the store.
"""

from __future__ import annotations

from fractions import Fraction

BASE_SECONDS = 10.0
MINUTE_SECONDS = 60.0
HOT_SECONDS = 7200.0  # how far back the store still takes increments
BASES_PER_MINUTE = 6
# Clocks may be wrong by so much: the ten minutes at which Prometheus draws the line, and a margin.
FUTURE_SECONDS = 900.0


class Grid:
    """Numbers of base windows, and where they and their minutes begin (seconds, UTC)."""

    def __init__(self, pace: float) -> None:
        self.base = BASE_SECONDS / pace
        self.minute = MINUTE_SECONDS / pace
        # One minute short of the store's horizon, so that what is taken here is not refused there
        # by the time it is written.
        self._hot = (HOT_SECONDS - MINUTE_SECONDS) / pace
        width = Fraction(int(BASE_SECONDS * 1e9)) / Fraction(str(pace))
        self.numerator, self.denominator = width.numerator, width.denominator

    def index(self, nanoseconds: int) -> int:
        """The number of the base window that holds a time."""
        return nanoseconds * self.denominator // self.numerator

    def index_at(self, at: float) -> int:
        """The number of the base window that holds a time in seconds."""
        return self.index(int(at * 1e9))

    def start(self, index: int) -> float:
        """Where a base window begins."""
        minute, part = divmod(index, BASES_PER_MINUTE)
        return minute * self.minute + part * self.base

    def minute_start(self, index: int) -> float:
        """Where the minute of a base window begins."""
        return index // BASES_PER_MINUTE * self.minute

    def bounds(self, now: float) -> tuple[int, int]:
        """The first and the last base window that `now` allows."""
        return self.index_at(max(now - self._hot, 0.0)), self.index_at(now + FUTURE_SECONDS)
