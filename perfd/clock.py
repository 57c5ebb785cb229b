"""The only reader of the wall clock and the monotonic clock."""

from __future__ import annotations

import time


class SystemClock:
    """Wall time for what is stored and shown, monotonic time for durations."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""
        return time.monotonic()


class ManualClock:
    """A clock that moves only when told to, for tests and simulations."""

    def __init__(self, at: float = 1_700_000_000.0) -> None:
        self._at = at

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        return self._at

    def monotonic(self) -> float:
        """The same reading: a manual clock never jumps."""
        return self._at

    def advance(self, seconds: float) -> None:
        """Move both readings forward."""
        if seconds < 0:
            raise ValueError("a clock is advanced, never turned back")
        self._at += seconds
