"""Sampled quantities by series and minute, since the last take."""

from __future__ import annotations

from perfd.aggregate.grid import BASES_PER_MINUTE, Grid
from perfd.model.series import Series
from perfd.model.window import Gauge


class Level:
    """A gauge that can still grow."""

    __slots__ = ("count", "high", "low", "series", "total")

    def __init__(self, series: Series, value: float) -> None:
        self.series = series
        self.count = 1
        self.total = self.low = self.high = value

    def add(self, value: float) -> None:
        """One more reading."""
        self.count += 1
        self.total += value
        self.low = min(self.low, value)
        self.high = max(self.high, value)

    def gauge(self, start: float, width: float) -> Gauge:
        """What was read so far."""
        return Gauge(self.series, start, width, self.count, self.total, self.low, self.high)


class OpenGauges:
    """The gauges of the minutes that were read since the last take, at most `most`."""

    def __init__(self, grid: Grid, most: int) -> None:
        self._grid = grid
        self._most = most
        self._levels: dict[tuple[int, int], Level] = {}

    def add(self, series: Series, index: int, value: float) -> bool:
        """Take a reading of a base window's time; False when there is no room for its minute."""
        key = (series.id, index // BASES_PER_MINUTE)
        level = self._levels.get(key)
        if level is not None:
            level.add(value)
            return True
        if len(self._levels) >= self._most:
            return False
        self._levels[key] = Level(series, value)
        return True

    def take(self) -> tuple[Gauge, ...]:
        """Hand over all gauges and begin anew."""
        levels, self._levels = self._levels, {}
        return tuple(
            level.gauge(minute * self._grid.minute, self._grid.minute)
            for (_, minute), level in levels.items()
        )
