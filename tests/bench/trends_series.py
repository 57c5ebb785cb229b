"""Seeded series that grow and that only seem to; what they consist of is in trends_corpus.toml."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Parts = Mapping[str, Any]

DAY, WEEK = 24, 168
FINE = 6  # readings an hour, of which the lowest counts


def composition() -> Parts:
    """The committed file."""
    return tomllib.loads(Path(__file__).with_name("trends_corpus.toml").read_text("utf-8"))


def memory(parts: Parts, series: int, draw: np.random.Generator) -> Array:
    """Lowest readings of each hour (series, hours), in bytes; `rate` is a leak's, per hour."""
    plan = composition()["memory"]
    hours = int(plan["hours"])
    rows = [_process(parts, hours, draw) for _ in range(series)]
    return plan["level"] * np.array(rows).reshape(series, hours, FINE).min(axis=2)


def hourly(parts: Parts, series: int, draw: np.random.Generator) -> Array:
    """Hourly values of level 1 (series, hours); `rate` is that of a ramp, per week."""
    plan = composition()["drift"]
    return np.array([_values(parts, plan, draw) for _ in range(series)])


def counts(
    rate: Array, exposure: int, dispersion: float, series: int, draw: np.random.Generator
) -> Array:
    """Negative binomial counts (series, hours) of the mean rate x exposure."""
    mean = np.broadcast_to(rate * exposure, (series, len(rate)))
    if dispersion <= 1.0:
        return draw.poisson(mean).astype(float)
    shape = np.maximum(mean / (dispersion - 1.0), 1e-12)
    return draw.poisson(draw.gamma(shape, dispersion - 1.0)).astype(float)


def _process(parts: Parts, hours: int, draw: np.random.Generator) -> Array:
    """A process from its start on, relative to its level."""
    cells = hours * FINE
    hour = np.arange(cells) / FINE
    age = _ages(parts, hour, draw)
    level = np.ones(cells) + parts.get("rate", 0.0) * hour
    if "fills" in parts:
        tau = draw.uniform(*parts["tau"])
        level += draw.uniform(*parts["fills"]) * (1.0 - np.exp(-age / tau))
    level *= 1.0 + _day(parts, hour, draw)
    if "tooth" in parts:
        period, phase = draw.uniform(*parts["period"]), draw.random()
        level *= 1.0 + draw.uniform(*parts["tooth"]) * ((hour / period + phase) % 1.0)
    wander = noise(parts, hours, draw)
    level *= np.exp(np.repeat(wander + _steps(parts, hours, draw), FINE))
    return np.maximum(level, 0.01)


def _ages(parts: Parts, hour: Array, draw: np.random.Generator) -> Array:
    """Hours since the last start."""
    if "lives" not in parts:
        return hour
    starts = [0.0]
    while starts[-1] < hour[-1]:
        starts.append(starts[-1] + draw.uniform(*parts["lives"]))
    last = np.searchsorted(starts, hour, side="right") - 1
    return hour - np.array(starts)[last]


def _day(parts: Parts, hour: Array, draw: np.random.Generator) -> Array:
    swing = draw.uniform(*parts["day"]) if "day" in parts else 0.0
    wave: Array = swing * np.sin(2.0 * math.pi * (hour / DAY + draw.random()))
    return wave


def noise(parts: Parts, hours: int, draw: np.random.Generator) -> Array:
    """AR(1) noise of a standard deviation, and a random walk."""
    fresh = draw.standard_normal(hours)
    phi = parts.get("correlation", 0.0)
    fresh[1:] *= math.sqrt(1.0 - phi * phi)
    for at in range(1, hours):
        fresh[at] += phi * fresh[at - 1]
    moves = fresh * parts.get("sd", 0.0)
    if "step" in parts:
        moves += np.cumsum(draw.uniform(*parts["step"]) * draw.standard_normal(hours))
    return moves


def _steps(parts: Parts, hours: int, draw: np.random.Generator) -> Array:
    level = np.zeros(hours)
    if "steps" in parts:
        low, high = parts["steps"]
        for at in draw.integers(0, hours, draw.integers(low, high + 1)):
            level[at:] += math.log1p(draw.uniform(*parts["step_size"]))
    return level


def _values(parts: Parts, plan: Parts, draw: np.random.Generator) -> Array:
    hours = int(plan["hours"])
    hour = np.arange(hours, dtype=float)
    late = (hour // DAY) % 7 >= 5
    log = noise(parts, hours, draw) + _steps(parts, hours, draw)
    log += np.log1p(_day(parts, hour, draw))
    log += late * (draw.uniform(*parts["weekend"]) if "weekend" in parts else 0.0)
    spikes = draw.random(hours) < parts.get("spikes", 0.0)
    log += spikes * np.log1p(draw.uniform(*parts.get("spike", (0.0, 0.0)), hours))
    for _ in range(draw.poisson(parts.get("transients", 0.0) * hours / WEEK)):
        low, high = parts["transient_hours"]
        start, length = draw.integers(0, hours), draw.integers(low, high + 1)
        log[start : start + length] += math.log1p(draw.uniform(*parts["transient"]))
    ramp = np.maximum(hour - plan["ramp"]["start"], 0.0) / WEEK
    values: Array = np.exp(log) * (1.0 + parts.get("rate", 0.0) * ramp)
    return values
