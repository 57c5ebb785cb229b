"""How many of a service's traces are looked at as a whole: all of few, a part of many.

A trace is taken when a hash of its id is below the service's threshold, which no duration and no
error has an influence on: what is taken is a fair sample. Beyond the budget the threshold is
lowered at once. It is raised late: a request may only be judged if its calls, which were sent
before it, were taken under the same threshold.
"""

from __future__ import annotations

ALL = 1 << 32
LEAST = 1 << 12  # one trace in a million
PERIOD = 60.0  # seconds between two raises, and how long calls wait for their request


class Thinning:
    """The thresholds of one service: `opens` for calls, `judges` for requests."""

    __slots__ = ("_budget", "_held", "_since", "judges", "opens")

    def __init__(self, spans_per_second: float, now: float) -> None:
        self._budget = spans_per_second * PERIOD
        self._held = 0
        self._since = now
        self.opens = self.judges = ALL

    def held(self, spans: int) -> None:
        """Spans that were taken; too many of them in a period halve what is taken from now on."""
        self._held += spans
        while self._held > self._budget and self.opens > LEAST:
            self._held //= 2  # what would have been taken by half the threshold
            self.opens //= 2
        self.judges = min(self.judges, self.opens)

    def turn(self, now: float) -> None:
        """Once a period: judge by what calls were taken by, and raise that if there is room."""
        if 0.0 <= now - self._since < PERIOD:
            return
        self._since = now
        self.judges = self.opens
        if self.opens < ALL and 2 * self._held < self._budget:
            self.opens = min(2 * self.opens, ALL)
        self._held = 0
