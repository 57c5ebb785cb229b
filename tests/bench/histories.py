"""Synthetic histories with known changes, on which the cutting of segments was chosen.

Short and long, quiet and correlated, some with heavy tails, spikes, a season or a slope; a third of
them unchanged. Seeds for choosing are not those for reporting.
"""

from __future__ import annotations

import math

import numpy as np

from tests.bench.tcpd import Annotated

TUNING, EVALUATION = 7, 1007
SEASON = 12  # cells
APART = 10  # cells between changes, and before the first


def histories(number: int, seed: int) -> list[Annotated]:
    """Each with its truth for an only annotator."""
    draw = np.random.default_rng(seed)
    return [_history(f"synthetic-{i}", draw) for i in range(number)]


def _history(name: str, draw: np.random.Generator) -> Annotated:
    cells = int(math.exp(draw.uniform(math.log(50), math.log(600))))
    x = _noise(cells, draw)
    changes = _changes(cells, draw)
    for at in changes:
        x[at:] += _change(cells - at, draw)
    if draw.random() < 0.3:
        x += draw.choice([-1.0, 1.0]) * draw.uniform(1.0, 8.0) * np.arange(cells) / cells
    season = SEASON if draw.random() < 0.25 else 1
    if season == SEASON:
        angle = 2.0 * np.pi * np.arange(cells) / SEASON + draw.uniform(0.0, 6.0)
        x += draw.uniform(0.5, 3.0) * np.sin(angle)
    x += (draw.random(cells) < 0.01) * draw.uniform(3.0, 8.0, cells)
    return Annotated(name, tuple(x), season, {"truth": changes})


def _noise(cells: int, draw: np.random.Generator) -> np.ndarray:
    """Of standard deviation 1."""
    phi, tails = draw.choice([0.0, 0.0, 0.3, 0.6, 0.8]), draw.choice([3.0, 5.0, 30.0])
    x = draw.standard_t(tails, cells) / math.sqrt(tails / (tails - 2.0))
    x[1:] *= math.sqrt(1.0 - phi * phi)
    for at in range(1, cells):
        x[at] += phi * x[at - 1]
    return np.asarray(x)


def _changes(cells: int, draw: np.random.Generator) -> list[int]:
    number = 0 if draw.random() < 0.3 else min(1 + draw.poisson(1.2), cells // 25)
    drawn = sorted(draw.choice(np.arange(APART, cells - APART), number, replace=False))
    kept: list[int] = []
    for at in drawn:
        if not kept or at - kept[-1] >= APART:
            kept.append(int(at))
    return kept


def _change(cells: int, draw: np.random.Generator) -> np.ndarray | float:
    """A step of 1.5 to 12 standard deviations, or from here on a slope that climbs as much."""
    sign = draw.choice([-1.0, 1.0])
    if draw.random() < 0.7:
        return float(sign * math.exp(draw.uniform(math.log(1.5), math.log(12.0))))
    height = sign * math.exp(draw.uniform(math.log(2.0), math.log(12.0)))
    return np.asarray(height / max(cells, 20) * np.arange(cells))
