"""Seeded hourly series with a known truth; what they consist of is in detection_corpus.toml."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Parts = Mapping[str, Any]

DAY, WEEK = 24, 168
NEVER = 1 << 30


def composition() -> Parts:
    """The committed file."""
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))


@dataclass(frozen=True)
class Corpus:
    """`values` (cells, series), NaN where missing. `changed`: the cell of the step, or NEVER.

    `sizes` are relative, negative where the value falls; `again` is the cell of a second step,
    `begins` that of a ramp.
    """

    values: Array
    changed: NDArray[np.int64]
    sizes: Array
    again: NDArray[np.int64]
    begins: NDArray[np.int64]


def corpus(weather: Parts, change: Parts, series: int, weeks: int, seed: int) -> Corpus:
    """`series` of 14 days of history and `weeks` more; changes fall into the first of these."""
    draw = np.random.default_rng(seed)
    history = int(composition()["time"]["history"])
    cells = history + weeks * WEEK
    log = _weather(weather, cells, series, draw)
    changed = draw.integers(history, history + WEEK, series)
    moves, sizes, again = _moves(change, cells, changed, draw)
    values = np.exp(log + moves)
    values[draw.random(values.shape) < weather.get("missing", 0.0)] = np.nan
    stays = "step" in change and "lasts" not in change
    never = np.full(series, NEVER)
    ramp = changed if "ramp" in change else never
    return Corpus(values, changed if stays else never, sizes, again, ramp)


def mixed(series: int, weeks: int, seed: int) -> Corpus:
    """The labelled corpus, in its shares."""
    plan = composition()
    parts = [
        corpus(plan["weather"]["all"], plan["change"][name], round(series * share), weeks, seed + i)
        for i, (name, share) in enumerate(plan["mixed"].items())
    ]
    return Corpus(
        np.concatenate([p.values for p in parts], axis=1),
        np.concatenate([p.changed for p in parts]),
        np.concatenate([p.sizes for p in parts]),
        np.concatenate([p.again for p in parts]),
        np.concatenate([p.begins for p in parts]),
    )


def _weather(parts: Parts, cells: int, series: int, draw: np.random.Generator) -> Array:
    """Everything but the change, as logarithms around 0."""
    log = _noise(parts, cells, series, draw)
    log += np.log1p(_season(parts, cells, series, draw))
    spikes = draw.random(log.shape) < parts.get("spikes", 0.0)
    log += spikes * np.log1p(draw.uniform(*parts.get("spike", (0.0, 0.0)), log.shape))
    _add_transients(parts, log, draw)
    return log


def _noise(parts: Parts, cells: int, series: int, draw: np.random.Generator) -> Array:
    """AR(1) of the given standard deviation, from its stationary state."""
    phi, tails = parts.get("correlation", 0.0), parts.get("tails", math.inf)
    if math.isinf(tails):
        fresh = draw.standard_normal((cells, series))
    else:
        variance = tails / (tails - 2.0) if tails > 2.0 else 1.0
        fresh = draw.standard_t(tails, (cells, series)) / math.sqrt(variance)
    fresh[1:] *= math.sqrt(1.0 - phi * phi)
    for at in range(1, cells):
        fresh[at] += phi * fresh[at - 1]
    return fresh * parts["sd"]


def _season(parts: Parts, cells: int, series: int, draw: np.random.Generator) -> Array:
    """A daily sine, larger on weekdays, and the weekend's level; cell 0 is a Monday's midnight."""
    hour = np.arange(cells)[:, None]
    weekday = (hour // DAY) % 7 < 5
    phase = draw.uniform(0.0, 2.0 * math.pi, series)
    swing = parts.get("day", 0.0) * np.where(weekday, parts.get("weekday", 1.0), 1.0)
    return swing * np.sin(2.0 * math.pi * hour / DAY + phase) + np.where(
        weekday, 0.0, parts.get("weekend", 0.0)
    )


def _add_transients(parts: Parts, log: Array, draw: np.random.Generator) -> None:
    cells, series = log.shape
    number = draw.poisson(parts.get("transients", 0.0) * cells / WEEK, series)
    for column in np.repeat(np.arange(series), number):
        low, high = parts["transient_hours"]
        start, hours = draw.integers(0, cells), draw.integers(low, high + 1)
        log[start : start + hours, column] += math.log1p(draw.uniform(*parts["transient"]))


def _moves(
    change: Parts, cells: int, changed: NDArray[np.int64], draw: np.random.Generator
) -> tuple[Array, Array, NDArray[np.int64]]:
    """The change itself as logarithms (cells, series), its relative size, and the second's cell."""
    series = len(changed)
    if not change:
        return np.zeros((cells, series)), np.zeros(series), np.full(series, NEVER)
    low, high = change.get("step") or change["ramp"]
    size = np.exp(draw.uniform(math.log(low), math.log(high), series))
    shift = np.log1p(size) * draw.choice((-1.0, 1.0), series)
    since = np.arange(cells)[:, None] - changed
    shape = (since >= 0).astype(float)
    if "ramp" in change:
        shape = np.clip(since / draw.integers(*change["ramp_hours"], series), 0.0, 1.0)
    if "lasts" in change:
        shape -= since >= draw.integers(*change["lasts"], series)
    if "again" in change:
        apart = draw.integers(*change["again"], series)
        shape += since >= apart
        return shape * shift, np.expm1(shift), changed + apart
    return shape * shift, np.expm1(shift), np.full(series, NEVER)
