"""The last hour of requests by service, read from the store once: an open overview costs little.

Minutes that have settled are kept merged over operations and encoded (about 600 bytes for a service
and minute, a tenth of what the objects take); only the newest are read again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

from perfd.interfaces import Live, Store
from perfd.model.series import Series
from perfd.model.times import floor_to
from perfd.model.window import Window
from perfd.tickets.codec import decode, encode
from perfd.web.reader import Reader
from perfd.web.red import Span, merged

MINUTE = 60.0  # seconds, divided by pace
# A minute this old (real seconds) is flushed, and hardly anything late still comes to it.
SETTLED = 60.0
_LABELS = ("service", "version", "environment", "phase")


class Recent:
    """One for all pages; safe to call from several threads."""

    def __init__(self, store: Store, live: Live, pace: float) -> None:
        self._reader = Reader(store, live, pace)
        self._minute = MINUTE / pace
        self._lock = threading.Lock()
        self._kept: dict[float, bytes] = {}  # start of a minute -> its windows

    def windows(self, span: Span) -> list[Window]:
        """Windows of a span that ends now, merged over operations and status."""
        with self._lock:
            settled = max(span.start, floor_to(span.end - SETTLED, self._minute))
            self._forget(span.start)
            self._fill(span.start, settled)
            old = [w for body in self._kept.values() for w in decode(list[Window], body)]
        return [*old, *reduced(self._reader.requests({}, settled, span.end))]

    def _forget(self, before: float) -> None:
        self._kept = {at: body for at, body in self._kept.items() if at >= before}

    def _fill(self, start: float, settled: float) -> None:
        """Read what is not kept yet: from the first gap on, in one go."""
        minutes = [
            floor_to(start + (i + 0.5) * self._minute, self._minute)
            for i in range(round((settled - start) / self._minute))
        ]
        missing = [at for at in minutes if at not in self._kept]
        if not missing:
            return
        found: dict[float, list[Window]] = {at: [] for at in minutes if at >= missing[0]}
        for window in self._reader.requests({}, missing[0], settled):
            at = floor_to(window.start + self._minute / 1000, self._minute)
            found.setdefault(at, []).append(window)
        self._kept |= {at: encode(reduced(windows)) for at, windows in found.items()}


def reduced(windows: Iterable[Window]) -> list[Window]:
    """One window for each service, version, environment, phase and start."""
    groups: dict[tuple[float, tuple[str, ...]], list[Window]] = {}
    for window in windows:
        label = window.series.label
        key = (window.start, tuple(label.get(name, "") for name in _LABELS))
        groups.setdefault(key, []).append(window)
    return [
        Window(
            Series.of(group[0].series.name, **dict(zip(_LABELS, values, strict=True))),
            start,
            group[0].width,
            sum(window.count for window in group),
            sum(window.errors for window in group),
            merged(window.histogram for window in group),
        )
        for (start, values), group in groups.items()
    ]
