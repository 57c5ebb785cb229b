"""Revisions: greater than all given out before, also by an earlier run that was killed."""

from __future__ import annotations

import itertools
import threading

EPOCH_BITS = 32


class Revisions:
    """`epoch << 32 | counter`; the epoch is a count of starts, stored before the first use."""

    def __init__(self, epoch: int) -> None:
        self._numbers = itertools.count((epoch << EPOCH_BITS) + 1)
        self._lock = threading.Lock()

    def next(self) -> int:
        """The next revision."""
        with self._lock:
            return next(self._numbers)
