"""The test itself, on a block of series: season and outliers out, best split, its noise.

It is done twice: on means of six cells, cheaply, for every series; and on the cells for those few
whose means look promising.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perfd.detect.scan import season
from perfd.detect.scan.cusum import Split, best_split
from perfd.detect.scan.noise import long_run
from perfd.detect.scan.outliers import inlying
from perfd.detect.scan.settings import ScanSettings

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Scale:
    """In cells: the least side of a change, the window of the median, the batches of the noise."""

    least: int
    median: int
    batches: tuple[int, ...]


COARSE = 6  # cells
BATCHES = (12, 24)  # cells: half a day and a day
MEDIAN = 25  # cells: of a change of 13, all is seen; of one of 6, nothing


@dataclass(frozen=True, slots=True)
class Look:
    """`x` (series, cells) has its season taken out; cells of weight 0 are left out."""

    x: Array
    seasons: Array
    weights: Array
    split: Split
    noise: Array


def fine(settings: ScanSettings) -> Scale:
    """For single cells."""
    return Scale(settings.least, MEDIAN, BATCHES)


def coarse(settings: ScanSettings) -> Scale:
    """For means of six cells."""
    batches = tuple(size // COARSE for size in BATCHES)
    return Scale(max(settings.least // COARSE, 1), MEDIAN // COARSE + 1, batches)


def look(
    y: Array,
    weights: Array,
    told: Mask,
    start: float,
    width: float,
    scale: Scale,
    quantum: float | Array,
) -> Look:
    """`y` (series, cells), its gaps filled, of cells of `width` seconds from `start` on.

    `told` are the cells with a value, of which those of weight 0 do not count; `quantum` is
    the least noise of a cell, of all series or of each.
    """
    seasons = season.seasons(y, start, width)
    x = y - seasons
    weights = weights * inlying(x, scale.median, scale.least, quantum, told)
    split = best_split(x, weights, scale.least)
    return Look(x, seasons, weights, split, long_run(split.error, weights, quantum, scale.batches))


def promising(y: Array, told: Mask, start: float, width: float, settings: ScanSettings) -> Rows:
    """The rows of `y` that deserve the full test: a twelfth of all that have not changed."""
    number = y.shape[1] // COARSE
    skipped = y.shape[1] - number * COARSE
    cells = y[:, skipped:].reshape(len(y), number, COARSE)
    means = (cells.sum(axis=2) - cells.max(axis=2) - cells.min(axis=2)) / (COARSE - 2)
    begin, scale = start + skipped * width, coarse(settings)
    most = told[:, skipped:].reshape(len(y), number, COARSE).mean(axis=2) >= 0.5
    seen = look(
        means, most.astype(float), most, begin, width * COARSE, scale, settings.quantum / 2.0
    )
    return np.flatnonzero(np.abs(seen.split.gain) >= settings.screen * seen.noise)
