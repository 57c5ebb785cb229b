"""Exemplars and their traces: shown at once, and shown again when more of the trace has come.

Spans of other services arrive seconds after the request. An exemplar is given out with what is
known, and given out again, under the same identity, whenever its trace has grown; merging keeps
the one with more spans.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from perfd.aggregate.grid import BASES_PER_MINUTE, Grid
from perfd.aggregate.picks import Candidate, Picks
from perfd.aggregate.traces import Shown, Traces
from perfd.interfaces import Meter
from perfd.model.exemplar import Exemplar
from perfd.model.series import Series
from perfd.model.span import Span
from perfd.model.window import Window

_MOST = 4_000  # series and minutes of which requests are picked; 2 KiB each


class Exemplars:
    """The requests worth showing of recent minutes.

    What was picked in a minute stays known while the minute lasts, so that later requests compete
    with it and not each take has its own slowest.
    """

    def __init__(
        self, grid: Grid, traces: Traces, wait: float, meter: Meter, random: Callable[[], float]
    ) -> None:
        self._grid = grid
        self._traces = traces
        self._wait = wait
        self._meter = meter
        self._random = random
        self._picks: dict[tuple[Series, int], Picks] = {}

    def offer(
        self,
        series: Series,
        index: int,
        spans: Sequence[Span],
        seconds: Sequence[float],
        error: bool,
        now: float,
    ) -> None:
        """Requests that were counted in a base window of a series, all failed or none."""
        key = (series, index // BASES_PER_MINUTE)
        picks = self._picks.get(key)
        if picks is None:
            if len(self._picks) >= _MOST:
                self._meter.count("perfd_evicted", what="exemplars")
                return
            picks = self._picks[key] = Picks()
        if picks.offer(spans, seconds, error, self._random):
            for candidate in picks.fresh:
                self._traces.want(candidate.trace_id, now)

    def take(self, now: float) -> Iterator[Window]:
        """Windows that count nothing and carry what is new, or known better, since the last take.

        One window for each exemplar.
        """
        for shown in self._traces.grown():
            yield self._window(shown.series, shown.start, shown.exemplar)
        for (series, minute), picks in self._picks.items():
            for candidate in picks.take():
                yield self._show(series, minute * self._grid.minute, candidate)
        self._forget(now)

    def _show(self, series: Series, start: float, candidate: Candidate) -> Window:
        exemplar = candidate.exemplar()
        self._traces.show(candidate.trace_id, Shown(series, start, exemplar))
        return self._window(series, start, exemplar)

    def _window(self, series: Series, start: float, exemplar: Exemplar) -> Window:
        spans = self._traces.spans(bytes.fromhex(exemplar.trace_id))
        return Window(
            *(series, start, self._grid.minute, 0, 0),
            exemplars=(replace(exemplar, spans=spans),),
        )

    def _forget(self, now: float) -> None:
        """Minutes that are over, and whose last spans should have come."""
        last = self._grid.index_at(now) // BASES_PER_MINUTE
        first = self._grid.index_at(max(now - self._wait, 0.0)) // BASES_PER_MINUTE
        self._picks = {key: p for key, p in self._picks.items() if first <= key[1] <= last}
