"""Bodies that came before: an exporter that did not hear the answer sends the same bytes again.

What is the same in length and in its first and last 4 KiB is the same: OTLP puts ids or nanoseconds
into every span and point, and gzip ends with a checksum of all. Hashing 200 KiB whole would cost as
much as a tenth of decoding them.

Pushed profiles have neither ids nor times in them, and two idle processes may well send the same;
their clients do not repeat. Spans that two collectors pass on in other batches are not recognised.
"""

from __future__ import annotations

from perfd.interfaces import Signal

REMEMBERED = 300.0  # real seconds; exporters give up after one minute, a Collector after five
MOST = 10_000  # bodies, about 2 MB
ENDS = 4_096
REPEATED = frozenset({"traces", "metrics"})

Fingerprint = tuple[str, int, int, int]


class RecentBodies:
    """Where in the log each body of the last minutes is, at most so many."""

    def __init__(self) -> None:
        self._seen: dict[Fingerprint, tuple[int, float]] = {}  # oldest first

    def position(self, signal: Signal, body: bytes, now: float) -> int | None:
        """Where the same body was logged; None for a new one."""
        position, at = self._seen.get(_fingerprint(signal, body), (None, 0.0))
        return position if abs(now - at) <= REMEMBERED else None

    def remember(self, signal: Signal, body: bytes, position: int, now: float) -> None:
        """Note that a body is in the log."""
        if signal not in REPEATED:
            return
        fingerprint = _fingerprint(signal, body)
        self._seen.pop(fingerprint, None)
        self._seen[fingerprint] = (position, now)
        oldest = next(iter(self._seen))
        while len(self._seen) > MOST or abs(now - self._seen[oldest][1]) > REMEMBERED:
            del self._seen[oldest]
            oldest = next(iter(self._seen))


def _fingerprint(signal: Signal, body: bytes) -> Fingerprint:
    return signal, len(body), hash(body[:ENDS]), hash(body[-ENDS:])
