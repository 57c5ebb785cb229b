"""The time of day, taken out of a block of series; weekends have a shape of their own.

Fitted to what is left after a moving mean over one day, which knows no step except near it, and
clipped there (Huber), so that neither a step nor a spike is taken for a season.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from perfd.detect.tails import MAD_TO_SD

Array = NDArray[np.float64]

DAY = 86_400.0
HARMONICS = 4
HUBER = 2.5  # robust deviations
ROUNDS = 3
DAYS = 4  # fewer are too few to know a season
PENALTY = 2.0  # times BIC's: correlated noise fits a sine better than white noise does


def weekend(start: float, width: float, cells: int) -> NDArray[np.bool_]:
    """Which cells begin on a Saturday or Sunday (UTC)."""
    day = np.floor((start + width * np.arange(cells)) / DAY)
    late: NDArray[np.bool_] = (day + 3.0) % 7.0 >= 5.0  # the epoch was a Thursday
    return late


def harmonics(start: float, width: float, cells: int) -> Array:
    """Columns (cells, terms): sines of the day, and the same for weekends only."""
    number = min(HARMONICS, int((DAY / width - 1.0) // 2.0))
    if number < 1:
        return np.zeros((cells, 0))
    angle = 2.0 * np.pi * ((start + width * np.arange(cells)) % DAY) / DAY
    waves = [wave(k * angle) for k in range(1, number + 1) for wave in (np.sin, np.cos)]
    shape = np.stack(waves, axis=1)
    at_weekends = weekend(start, width, cells)
    if at_weekends.all() or not at_weekends.any():
        return shape
    return np.hstack([shape, shape * at_weekends[:, None]])


def seasons(y: Array, start: float, width: float) -> Array:
    """The season of each series (series, cells), 0 where it does not pay; `y` has no gaps.

    Three days are too few to know one.
    """
    design = harmonics(start, width, y.shape[1])
    day = round(DAY / width)
    inner = slice(day // 2, y.shape[1] - day // 2)
    if design.shape[1] == 0 or y.shape[1] < DAYS * day:
        return np.zeros_like(y)
    flat = (design - _moving_mean(design.T, day).T)[inner]
    rest = (y - _moving_mean(y, day))[:, inner]
    weights, fitted = _robust_fit(rest, flat)
    before, after = _cost(rest), _cost(rest - fitted)
    cells = rest.shape[1]
    pays = cells * np.log(before / after) > PENALTY * design.shape[1] * np.log(cells)
    return np.where(pays[:, None], weights @ design.T, 0.0)


def _robust_fit(rest: Array, flat: Array) -> tuple[Array, Array]:
    """Coefficients (series, terms) and the fit, what is far from it drawn in round by round."""
    inverse = np.linalg.pinv(flat)
    fitted = np.zeros_like(rest)
    weights = np.zeros((len(rest), flat.shape[1]))
    for _ in range(ROUNDS):
        error = rest - fitted
        bound = HUBER * _scale(error)[:, None]
        weights = (fitted + np.clip(error, -bound, bound)) @ inverse.T
        fitted = weights @ flat.T
    return weights, fitted


def _cost(error: Array) -> Array:
    bound = HUBER * _scale(error)[:, None]
    clipped = np.clip(error, -bound, bound)
    cost: Array = np.einsum("sc,sc->s", clipped, clipped) + 1e-300
    return cost


def _scale(error: Array) -> Array:
    deviation: Array = MAD_TO_SD * np.median(np.abs(error), axis=1)
    return deviation


def _moving_mean(y: Array, width: int) -> Array:
    """Centred, over `width` cells (even widths: half weights at the ends); nearest at the edges."""
    half = width // 2
    padded = np.pad(y, ((0, 0), (half + 1, half)), mode="edge")
    sums = np.cumsum(padded, axis=1)
    whole: Array = sums[:, 2 * half + 1 :] - sums[:, : -2 * half - 1]
    if width % 2:
        return whole / width
    mean: Array = (whole - 0.5 * (padded[:, 1 : -2 * half] + padded[:, 2 * half + 1 :])) / width
    return mean
