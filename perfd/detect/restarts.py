"""Deploys of a service that names no version: all its instances were replaced at once.

One instance that comes or goes is scaling. That none of those that served is left, and others serve
instead, is what a deploy looks like from outside.
"""

from __future__ import annotations

from collections.abc import Iterable

from perfd.model.deploy import Deploy
from perfd.model.series import OVERFLOW, UNKNOWN

SOURCE = "restart"
GONE = 5  # windows without a request, after which an instance is gone
REMEMBERED = 60  # windows; what served before counts no more
NAMELESS = frozenset({UNKNOWN, OVERFLOW, ""})


class RestartWatch:
    """Which instances serve one service in one environment; `width` is that of a window."""

    def __init__(self, service: str, environment: str, width: float, join: float) -> None:
        self._place = service, environment
        self._width = width
        self._join = join
        self._first: dict[str, float] = {}
        self._last: dict[str, float] = {}
        self._known: float | None = None  # the restart found last
        self._upto: float | None = None  # the start of the newest window seen

    def see(self, start: float, instances: Iterable[str]) -> Deploy | None:
        """Take in the instances of the next window; the deploy that they reveal, if any."""
        self._upto = start
        for instance in set(instances) - NAMELESS:
            self._first.setdefault(instance, start)
            self._last[instance] = start
        self._forget(start)
        gone = {i for i, last in self._last.items() if last < start - GONE * self._width}
        serving = self._last.keys() - gone
        if not gone or not serving:
            return None
        began = min(self._first[i] for i in serving)
        # An instance that served beside those that are gone has not been restarted with them.
        if began < max(self._last[i] for i in gone) - self._join:
            return None
        if any(self._first[i] <= min(self._first[g] for g in gone) for i in serving):
            return None
        if self._known is not None and began < self._known + self._join:
            return None
        self._known = began
        for instance in gone:
            del self._first[instance], self._last[instance]
        return Deploy(*self._place, UNKNOWN, UNKNOWN, began, SOURCE)

    def see_new(self, start: float, instances: Iterable[str]) -> Deploy | None:
        """The same of a window that may have been seen before."""
        if self._upto is not None and start <= self._upto:
            return None
        return self.see(start, instances)

    def _forget(self, start: float) -> None:
        for instance, last in list(self._last.items()):
            if last < start - REMEMBERED * self._width:
                del self._first[instance], self._last[instance]
