"""Settled requests and their calls as windows."""

from __future__ import annotations

from typing import NamedTuple

from perfd.aggregate.origin import Origin
from perfd.aggregate.waiting import Waited
from perfd.aggregate.windows import OpenWindows, Sample
from perfd.interfaces import Meter
from perfd.model.series import OVERFLOW

_TICKS = 1 << 20  # of a second; a power of two, so that sums have no more digits
_UNMEASURED = Sample((), 0, 0.0, 0.0, 0.0)


class Request(NamedTuple):
    """A sampled request until it is settled.

    `window` is the number of its base window; times are nanoseconds, but `due`, in seconds.
    """

    due: float
    key: tuple[bytes, str]  # trace and service
    origin: Origin
    window: int
    operation: str
    span_id: bytes
    start: int
    end: int
    failed: bool


class Edges:
    """Writes OWN_TIME, CALLS, RETRIES and LINKS into the open windows."""

    def __init__(self, windows: OpenWindows, meter: Meter) -> None:
        self._windows = windows
        self._meter = meter

    def own(self, request: Request, seconds: float, failed: bool) -> None:
        """One sampled request: its own time, and whether it failed by itself."""
        origin = request.origin
        series, spare = origin.own(request.operation), origin.own(OVERFLOW)
        self._windows.cell(series, request.window, spare).measure(1, failed, _sums(seconds))

    def call(self, request: Request, cost: Waited) -> None:
        """One call of it; a call that nobody waited for is counted and not measured."""
        origin, call = request.origin, cost.call
        edge = origin.edge(request.operation, *call.target)
        if edge[1] == OVERFLOW:
            self._meter.count("perfd_overflowed_items", signal="calls")
        cell = self._windows.cell(origin.calls(*edge), request.window, origin.calls(*_NO_ROOM))
        cell.measure(1, call.failed, _sums(cost.seconds))
        if cost.retry:
            series, spare = origin.retries(*edge), origin.retries(*_NO_ROOM)
            self._windows.cell(series, request.window, spare).measure(1, 0, _UNMEASURED)

    def link(self, request: Request, target: tuple[str, str], callee: str) -> None:
        """Which service answered a call to this target."""
        origin = request.origin
        peer = origin.edge(request.operation, *target)[1]
        if peer != OVERFLOW:
            series, spare = origin.link(peer, callee), origin.link(OVERFLOW, OVERFLOW)
            self._windows.cell(series, request.window, spare).measure(1, 0, _UNMEASURED)


_NO_ROOM = (OVERFLOW, OVERFLOW, OVERFLOW)


def _sums(seconds: float | None) -> Sample:
    """Without a bucket, and whole microseconds or so: only sums are asked for.

    An hour of them is 0.4 KiB on the disk; with buckets and all digits of noise it would be 2.8.
    """
    if seconds is None:
        return _UNMEASURED
    return Sample((), 1, round(seconds * _TICKS) / _TICKS, 0.0, 0.0)
