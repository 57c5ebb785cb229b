"""Reads profiles hour by hour, and keeps of them what the scan of functions needs."""

from __future__ import annotations

from perfd.detect.functions.table import FunctionTable, TableBuilder, busiest, sampled
from perfd.interfaces import Store
from perfd.model.profile import PROFILE, ProfileWindow, Symbols

HOUR = 3_600.0
CELLS = 336  # 14 days, as long as profiles are kept

Place = tuple[str, str]  # service and environment


class FunctionReader:
    """Profiles of a service by cells of an hour (divided by pace), counted from the epoch."""

    def __init__(self, store: Store, pace: float, most: int) -> None:
        self._store, self._most = store, most
        self.width = HOUR / pace

    def begins(self, end: float, cells: int = CELLS) -> float:
        """When the first cell of the table begins that ends then."""
        return end - cells * self.width

    def places(self) -> list[Place]:
        """Services that are profiled."""
        labels = (series.label for series in self._store.series(PROFILE, {}))
        return sorted({(one.get("service", ""), one.get("environment", "")) for one in labels})

    def table(self, place: Place, end: float, cells: int = CELLS) -> tuple[FunctionTable, str]:
        """The last cells up to `end`, which ends one, and the sampler that took them.

        Where it changed, only what the newest one took can be compared.
        """
        start = self.begins(end, cells)
        builder = TableBuilder(start, self.width, cells, self._most)
        sampler: str | None = None
        for cell in reversed(range(cells)):
            begun = start + cell * self.width
            windows = sampled(self._read(place, begun, begun + self.width))
            sampler = busiest(windows) if sampler is None else sampler
            windows = sampled(windows, sampler)
            if nodes := builder.unknown(windows):
                builder.learn(nodes, self._store.symbols(nodes))
            builder.add(cell, windows)
        return builder.table(), sampler or ""

    def stacks(
        self, place: Place, sampler: str, start: float, end: float
    ) -> tuple[list[ProfileWindow], Symbols]:
        """The profiles of an interval, each hour's windows as one, and what they consist of."""
        merged: list[ProfileWindow] = []
        at = start
        while at < end - 0.5 * self.width:
            windows = sampled(self._read(place, at, min(at + self.width, end)), sampler)
            merged += _together(windows, at, self.width)
            at += self.width
        return merged, self._store.symbols({node for window in merged for node in window.weights})

    def _read(self, place: Place, start: float, end: float) -> list[ProfileWindow]:
        labels = {"service": place[0], "environment": place[1]}
        # Starts of minutes are not exact in binary at every pace.
        slack = 1e-3 * self.width
        found = self._store.profiles(labels, start - slack, end - slack)
        return list(found)


def _together(windows: list[ProfileWindow], start: float, width: float) -> list[ProfileWindow]:
    """One window a version, that begins with the cell."""
    held: dict[str, ProfileWindow] = {}
    for window in windows:
        version = window.series.label.get("version", "")
        held[version] = held[version].merge(window) if version in held else window
    return [_at(window, start, width) for window in held.values()]


def _at(window: ProfileWindow, start: float, width: float) -> ProfileWindow:
    return ProfileWindow(
        window.series,
        start,
        width,
        window.unit,
        window.weights,
        window.duration,
        window.uploads,
        window.cumulative,
    )
