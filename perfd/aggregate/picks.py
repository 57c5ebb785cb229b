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

_NONE = float("-inf")


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
        self.floor = _NONE
        self.kept: list[Candidate] = []

    def offer(self, candidate: Candidate) -> None:
        """Keep it if it is among the best."""
        self.kept.append(candidate)
        self.kept.sort(key=attrgetter("priority"), reverse=True)
        del self.kept[self._most :]
        if len(self.kept) == self._most:
            self.floor = self.kept[-1].priority


class Picks:
    """The candidates of one window."""

    __slots__ = ("_best",)

    def __init__(self) -> None:
        self._best = {reason: Best(most) for reason, most in KEEP.items()}

    def offer(
        self,
        spans: Sequence[Span],
        seconds: Sequence[float],
        error: bool,
        random: Callable[[], float],
    ) -> list[bytes]:
        """Requests of one operation, all failed or none; returns the traces of those kept."""
        draws = [random() for _ in spans]
        traces = self._rank(SLOWEST, seconds, spans, seconds, error)
        traces += self._rank(RANDOM, draws, spans, seconds, error)
        if error:
            traces += self._rank(ERROR, draws, spans, seconds, error)
        return traces

    def all(self) -> list[Candidate]:
        """Everything that was kept."""
        return [candidate for best in self._best.values() for candidate in best.kept]

    def _rank(
        self,
        reason: str,
        priorities: Sequence[float],
        spans: Sequence[Span],
        seconds: Sequence[float],
        error: bool,
    ) -> list[bytes]:
        best = self._best[reason]
        if max(priorities) <= best.floor:
            return []
        traces: list[bytes] = []
        for priority, span, duration in zip(priorities, spans, seconds, strict=True):
            if priority <= best.floor:
                continue
            ids = span.trace_id, span.span_id
            if (len(ids[0]), len(ids[1])) != (TRACE_ID, SPAN_ID):
                continue  # nobody could look it up
            start = span.start_time_unix_nano
            best.offer(Candidate(reason, priority, *ids, start, duration, error))
            traces.append(ids[0])
        return traces
