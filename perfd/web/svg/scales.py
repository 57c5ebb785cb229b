"""From values to places on a picture, and where an axis has its ticks."""

from __future__ import annotations

import math
from dataclasses import dataclass

# Steps of a time axis in seconds that a person counts in.
_TIME_STEPS = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Linear:
    """`low`…`high` of values onto `start`…`end` of the picture."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The place of a value, kept inside the picture."""
        width = self.high - self.low or 1.0
        part = min(1.0, max(0.0, (value - self.low) / width))
        return self.start + part * (self.end - self.start)


@dataclass(frozen=True, slots=True)
class Log:
    """The same on a logarithmic scale; both ends are positive."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The place of a positive value."""
        logs = Linear(math.log(self.low), math.log(self.high), self.start, self.end)
        return logs(math.log(max(value, self.low)))


def ticks(low: float, high: float, about: int = 3) -> list[float]:
    """Round values that cut `low`…`high` into about so many parts."""
    if not high > low:
        return [low]
    step = _nice((high - low) / max(about, 1))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [n * step for n in range(first, last + 1)]


def top(high: float, about: int = 3) -> float:
    """The round value at or above the highest one, where an axis from zero ends."""
    if high <= 0:
        return 1.0
    step = _nice(high / about)
    return math.ceil(high / step - 1e-9) * step


def time_ticks(start: float, end: float, about: int = 4) -> list[float]:
    """Full minutes, hours or days."""
    wanted = (end - start) / about
    step = next((s for s in _TIME_STEPS if s >= wanted), 86400 * math.ceil(wanted / 86400))
    first = math.ceil(start / step)
    return [n * step for n in range(first, math.floor(end / step) + 1)]


def log_ticks(low: float, high: float, most: int = 7) -> list[float]:
    """1, 2, 5, 10 … between two positive values; fewer of them when the span is wide."""
    for digits in ((1, 2, 5), (1, 3), (1,)):
        exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        found = [d * 10.0**e for e in exponents for d in digits if low <= d * 10.0**e <= high]
        if len(found) <= most:
            break
    return found[:: math.ceil(len(found) / most)] if found else [low]


def _nice(rough: float) -> float:
    size = 10.0 ** math.floor(math.log10(rough))
    return next(step * size for step in (1, 2, 2.5, 5, 10) if step * size >= rough * 0.999)
