"""How many of a service's traces are looked at as a whole: all of few, a part of many.

A trace is taken when a hash of its id is below the service's threshold, which no duration and no
error has an influence on: what is taken is a fair sample. Where spans come faster than the budget
allows, the threshold is lowered before they are taken. It is raised late: a request may only be
judged if its calls, which were sent before it, were taken under the same threshold.
"""

from __future__ import annotations

ALL = 1 << 32
LEAST = 1 << 12  # one trace in a million
PERIOD = 60.0  # seconds between two raises, and how long calls wait for their request
_AHEAD = 5.0  # seconds of the budget that may be used at once: what one export may hold


class Thinning:
    """The thresholds of one service: `opens` for calls, `judges` for requests."""

    __slots__ = ("_held", "_rate", "_since", "judges", "opens")

    def __init__(self, spans_per_second: float, now: float) -> None:
        self._rate = spans_per_second
        self._held = 0.0
        self._since = now
        self.opens = self.judges = ALL

    def expect(self, spans: int, now: float) -> None:
        """So many spans are about to be looked at; what is more than the budget is left out."""
        budget = self._rate * min(max(now - self._since, 0.0) + _AHEAD, PERIOD)
        while self._held + spans * (self.opens / ALL) > budget and self.opens > LEAST:
            self.opens //= 2
            self._held /= 2.0  # what would have been taken so
        self.judges = min(self.judges, self.opens)
        self._held += spans * (self.opens / ALL)

    def turn(self, now: float) -> None:
        """Once a period: judge by what calls were taken by, and raise that if there is room."""
        if 0.0 <= now - self._since < PERIOD:
            return
        self._since = now
        self.judges = self.opens
        if self.opens < ALL and 2.0 * self._held < self._rate * PERIOD:
            self.opens = min(2 * self.opens, ALL)
        self._held = 0.0
