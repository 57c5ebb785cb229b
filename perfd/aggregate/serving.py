"""Which service answered a call, learned where both sides of it are heard."""

from __future__ import annotations

from perfd.aggregate.thinning import PERIOD


class Serving:
    """Who serves the call with a span id, of the last minute or two."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._recent: dict[bytes, str] = {}
        self._older: dict[bytes, str] = {}
        self._turned = 0.0

    def note(self, span_id: bytes, service: str) -> None:
        """A request of `service` names this span as its parent."""
        if span_id and len(self._recent) < self._most:
            self._recent[span_id] = service

    def of(self, span_id: bytes) -> str | None:
        """The service, if its request was heard."""
        return self._recent.get(span_id) or self._older.get(span_id)

    def turn(self, now: float) -> None:
        """Forget what is more than a period old."""
        if not 0.0 <= now - self._turned < PERIOD:
            self._older, self._recent = self._recent, {}
            self._turned = now
