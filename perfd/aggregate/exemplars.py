"""Exemplars and their traces: shown at once, and shown again when more of the trace has come.

Spans of other services arrive seconds after the request. An exemplar is given out with what is
known, and given out again, under the same identity, whenever its trace has grown; merging keeps
the one with more spans.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from perfd.aggregate.picks import Candidate
from perfd.aggregate.traces import Traces
from perfd.interfaces import Meter
from perfd.model.exemplar import Exemplar, keep_best
from perfd.model.series import Series
from perfd.model.window import Window

_MOST = 5_000  # exemplars whose traces are waited for


@dataclass(slots=True)
class Waiting:
    """An exemplar that was given out, and until when its trace may grow."""

    series: Series
    start: float
    exemplar: Exemplar
    until: float


class Exemplars:
    """From candidates to exemplars."""

    def __init__(self, traces: Traces, wait: float, minute: float, meter: Meter) -> None:
        self._traces = traces
        self._wait = wait
        self._minute = minute
        self._meter = meter
        self._waiting: list[Waiting] = []

    def of(self, window: Window, candidates: Iterable[Candidate], now: float) -> Window:
        """The window with the best of its candidates, as far as their traces are known."""
        best = keep_best(self._complete(candidate.exemplar()) for candidate in candidates)
        until = now + self._wait
        self._waiting += [Waiting(window.series, window.start, e, until) for e in best]
        return replace(window, exemplars=best)

    def grown(self, now: float) -> list[Window]:
        """Windows that count nothing and carry the exemplars whose traces have grown."""
        self._forget(now)
        windows: list[Window] = []
        for waiting in self._waiting:
            known = len(waiting.exemplar.spans)
            if self._traces.count(bytes.fromhex(waiting.exemplar.trace_id)) <= known:
                continue
            waiting.exemplar = self._complete(waiting.exemplar)
            windows.append(
                Window(
                    *(waiting.series, waiting.start, self._minute, 0, 0),
                    exemplars=(waiting.exemplar,),
                )
            )
        return windows

    def _complete(self, exemplar: Exemplar) -> Exemplar:
        spans = self._traces.spans(bytes.fromhex(exemplar.trace_id))
        return replace(exemplar, spans=spans) if spans else exemplar

    def _forget(self, now: float) -> None:
        wait = 2 * self._wait  # further away, the clock was set back
        self._waiting = [w for w in self._waiting if now < w.until <= now + wait]
        over = len(self._waiting) - _MOST
        if over > 0:
            del self._waiting[:over]
            self._meter.count("perfd_evicted", over, what="exemplars")
