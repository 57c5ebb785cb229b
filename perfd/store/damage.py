"""What was found damaged: counted once, set aside, and never returned."""

from __future__ import annotations

import logging
import threading

from perfd.interfaces import Meter

_log = logging.getLogger(__name__)
_MOST = 10_000  # remembered at once; damage beyond this is counted again when it is met again


class Damage:
    """Remembers damaged pieces by table and key until maintenance has set them aside."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._lock = threading.Lock()
        self._known: set[tuple[str, int | str]] = set()
        self._waiting: list[tuple[str, int | str]] = []

    def report(self, table: str, key: int | str) -> None:
        """Count a piece that does not match its checksum, or is gone; once for each."""
        piece = table, key
        with self._lock:
            if piece in self._known:
                return
            if len(self._known) < _MOST:
                self._known.add(piece)
                self._waiting.append(piece)
        self._meter.count("perfd_store_corruptions", what=table)
        _log.warning("store: %s %s is damaged and was set aside", table, key)

    def take(self) -> list[tuple[str, int | str]]:
        """Pieces to set aside."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        return waiting
