"""Small real implementations of the seams, for tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable


class CountingMeter:
    """Remembers what was counted; `meter.counts["name", (("reason", "late"),)]`."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, tuple[tuple[str, str], ...]]] = Counter()
        self.observed: dict[str, list[float]] = {}
        self.gauges: dict[tuple[str, tuple[tuple[str, str], ...]], Callable[[], float]] = {}

    def count(self, name: str, amount: float = 1, /, **labels: str) -> None:
        self.counts[name, tuple(sorted(labels.items()))] += amount  # type: ignore[assignment]

    def observe(self, name: str, value: float, /, **labels: str) -> None:
        self.observed.setdefault(name, []).append(value)

    def gauge(self, name: str, read: Callable[[], float], /, **labels: str) -> None:
        self.gauges[name, tuple(sorted(labels.items()))] = read

    def total(self, name: str, **labels: str) -> float:
        """Sum over all label sets that hold these labels."""
        wanted = set(labels.items())
        return sum(v for (n, have), v in self.counts.items() if n == name and wanted <= set(have))
