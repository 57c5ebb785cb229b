"""Which requests are worth showing: the slowest, the failed, and a fair sample of all.

The priority of a failed or random one is a random number, drawn for each request on its own. The
few with the greatest numbers are a uniform sample, and stay one when windows are merged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import NamedTuple

from perfd.model.exemplar import ERROR, KEEP, RANDOM, SLOWEST, Exemplar
from perfd.model.span import SPAN_ID, TRACE_ID, Span


class Candidate(NamedTuple):
    """A request that may become an exemplar; ids as sent, `start` in nanoseconds."""

    reason: str
    priority: float
    trace_id: bytes
    span_id: bytes
    start: int
    duration: float
    error: bool

    def exemplar(self) -> Exemplar:
        """Without its trace."""
        return Exemplar(
            *(self.reason, self.priority, self.trace_id.hex(), self.span_id.hex()),
            *(self.start / 1e9, self.duration, self.error),
        )


class Best:
    """The few candidates with the greatest priority; `floor` is what a new one must beat."""

    __slots__ = ("_most", "floor", "kept")

    def __init__(self, most: int) -> None:
        self._most = most
        self.floor = float("-inf")
        self.kept: list[Candidate] = []

    def least(self, priorities: Sequence[float]) -> float:
        """What one must have to be among the best of these alone."""
        return sorted(priorities)[-self._most :][0]

    def offer(self, candidate: Candidate) -> None:
        """Keep it if it is among the best."""
        self.kept.append(candidate)
        self.kept.sort(key=attrgetter("priority"), reverse=True)
        del self.kept[self._most :]
        if len(self.kept) == self._most:
            self.floor = self.kept[-1].priority


class Picks:
    """The candidates of one series and minute, and which of them nobody has taken yet."""

    __slots__ = ("_best", "_fresh")

    def __init__(self) -> None:
        self._best = {reason: Best(most) for reason, most in KEEP.items()}
        self._fresh: list[Candidate] = []

    def offer(
        self,
        spans: Sequence[Span],
        seconds: Sequence[float],
        error: bool,
        random: Callable[[], float],
    ) -> bool:
        """Requests of one operation, all failed or none; whether any was kept."""
        draws = [random() for _ in spans]
        before = len(self._fresh)
        self._rank(SLOWEST, seconds, spans, seconds, error)
        self._rank(RANDOM, draws, spans, seconds, error)
        if error:
            self._rank(ERROR, draws, spans, seconds, error)
        return len(self._fresh) > before

    @property
    def fresh(self) -> list[Candidate]:
        """What was kept since the last `take`."""
        return self._fresh

    def take(self) -> list[Candidate]:
        """Hand over those kept since the last time that no better one has replaced since."""
        fresh, self._fresh = self._fresh, []
        return [c for c in fresh if c in self._best[c.reason].kept]

    def _rank(
        self,
        reason: str,
        priorities: Sequence[float],
        spans: Sequence[Span],
        seconds: Sequence[float],
        error: bool,
    ) -> None:
        best = self._best[reason]
        if max(priorities) <= best.floor:
            return
        least = best.least(priorities)
        for priority, span, duration in zip(priorities, spans, seconds, strict=True):
            if priority < least or priority <= best.floor:
                continue
            ids = span.trace_id, span.span_id
            if (len(ids[0]), len(ids[1])) != (TRACE_ID, SPAN_ID):
                continue  # nobody could look it up
            start = span.start_time_unix_nano
            candidate = Candidate(reason, priority, *ids, start, duration, error)
            best.offer(candidate)
            self._fresh.append(candidate)
