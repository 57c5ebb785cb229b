"""What varies although nothing changed: latency from minute to minute, on the log scale.

An AR(1) series for each operation, of whose variance a part is common to all of a service. The
shipped figures are those of the detection benchmark: sd 2 %, correlation .7, half of it shared.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Climate:
    """`drift` is the steepest slope of the daily cycle, per hour; the rest are sds of ln."""

    window_sd: float = 0.02
    correlation: float = 0.7
    shared: float = 0.5
    drift: float = 0.0
    restart_sd: float = 0.01  # between two starts of the same program
    cold: float = 0.5  # a new process is slower by this, fading within its first seconds


class Weather:
    """The effect of each minute; minutes are counted from the earliest that anybody asks for."""

    def __init__(self, climate: Climate, first: float, rng: np.random.Generator) -> None:
        self.climate = climate
        self._first = first
        self._rng = rng
        self._series: dict[str, list[float]] = {}

    def effect(self, service: str, operation: str, at: float) -> float:
        """Addend to ln(latency) of an operation at a time."""
        climate = self.climate
        minute = max(int((at - self._first) // 60.0), 0)
        own = self._part(f"{service}/{operation}", minute, 1.0 - climate.shared)
        common = self._part(service, minute, climate.shared)
        amplitude = climate.drift * 24.0 / (2.0 * math.pi)
        return own + common + amplitude * math.sin(2.0 * math.pi * at / 86_400.0)

    def _part(self, name: str, minute: int, share: float) -> float:
        series = self._series.setdefault(name, [])
        if minute >= len(series):
            self._extend(series, minute + 240, self.climate.window_sd * math.sqrt(share))
        return series[minute]

    def _extend(self, series: list[float], length: int, sd: float) -> None:
        rho = self.climate.correlation
        value = series[-1] if series else float(self._rng.normal(0.0, sd))
        for step in self._rng.normal(0.0, sd * math.sqrt(1.0 - rho * rho), length - len(series)):
            value = rho * value + float(step)
            series.append(value)
