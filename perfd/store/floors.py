"""Which exemplars cannot enter their hour any more, known without reading it.

A busy series offers exemplars with every increment and an hour keeps a handful; most offers are
refused by comparing one number.
"""

from __future__ import annotations

from collections.abc import Iterable

from perfd.model.exemplar import KEEP, Exemplar

_MOST = 50_000  # rows remembered


class Floors:
    """The least priority that is kept, by row and reason; only for rows that are full."""

    def __init__(self) -> None:
        self._floors: dict[int, dict[str, float]] = {}

    def worthy(self, key: int, exemplars: Iterable[Exemplar]) -> tuple[Exemplar, ...]:
        """Those that may be among the best."""
        floors = self._floors.get(key, {})
        return tuple(e for e in exemplars if e.priority >= floors.get(e.reason, e.priority))

    def learn(self, key: int, kept: Iterable[Exemplar]) -> None:
        """Remember a row as it is stored."""
        by_reason: dict[str, list[float]] = {}
        for exemplar in kept:
            by_reason.setdefault(exemplar.reason, []).append(exemplar.priority)
        if len(self._floors) >= _MOST:
            self._floors.clear()
        self._floors[key] = {r: min(p) for r, p in by_reason.items() if len(p) >= KEEP.get(r, 0)}

    def clear(self) -> None:
        """Know nothing: a transaction failed."""
        self._floors.clear()
