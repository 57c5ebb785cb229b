"""One evaluation of a block of series: which of them are at a new level, and since when."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perfd.detect.scan import cusum, season
from perfd.detect.scan.filters import (
    effect_floor,
    excursion,
    persistence,
    recurrence,
    trend,
    weekend,
)
from perfd.detect.scan.look import BATCHES, fine, look, promising
from perfd.detect.scan.noise import long_run
from perfd.detect.scan.settings import ScanSettings
from perfd.detect.scan.suited import counting, resolution
from perfd.detect.scan.suspect import Suspect
from perfd.detect.scan.tails import scan_tail
from perfd.detect.scan.trail import trail
from perfd.model.finding import Check

Array = NDArray[np.float64]
Cells = NDArray[np.int64]

DAY = 86_400.0
HALF = 0.5  # of the resolution: no cell is known better
INSIDE = 7.352277  # -2 ln(1 - sqrt(0.95)): 95 % for the time of a change (Hansen 2000)
FILTERS = (
    trend.check,
    effect_floor.check,
    persistence.check,
    recurrence.check,
    weekend.check,
    excursion.check,
)


@dataclass(frozen=True, slots=True)
class Block:
    """`values` (series, cells), positive, NaN where missing; the first cell begins at `start`.

    `since` is the first cell that counts (after an older change), `noise` the long-run standard
    deviation that was known before; 0 where there is none.
    """

    values: Array
    start: float
    width: float
    since: Cells
    noise: Array


@dataclass(frozen=True, slots=True)
class Step:
    """A change of level.

    Cells are counted in the view; `shift` has the sign of the change, and `ci` is the 95 % interval
    of the logarithm of the ratio.

    `before` and `after` are the levels of the measured values; `checks` says which filter, if any,
    stood in the way.
    """

    row: int
    at: int
    at_ci: tuple[int, int]
    shift: float
    ci: tuple[float, float]
    before: float
    after: float
    p: float
    noise: float
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """No filter stood in the way."""
        return all(check.passed for check in self.checks)

    @property
    def early(self) -> bool:
        """Nothing stands in the way but that it has to last for longer."""
        return self.passed or self.checks[-1].name == excursion.NAME

    @property
    def doubt(self) -> int:
        """How many times the confirmations it needs, as a ramp fits nearly as well."""
        return max((trend.doubt(c) for c in self.checks if c.name == trend.NAME), default=1)

    @property
    def trend(self) -> bool:
        """It is a ramp."""
        return any(check.name == trend.NAME and not check.passed for check in self.checks)

    def moved(self, by: int) -> Step:
        """Cells counted from another one."""
        low, high = self.at_ci
        return replace(self, at=self.at + by, at_ci=(low + by, high + by))


def evaluate(block: Block, settings: ScanSettings) -> list[Step]:
    """All steps beyond chance, also those that a filter explains.

    Series that began in the window are judged by the days that they have.
    """
    begins = _begins(block)
    return [
        step
        for begin in np.unique(begins)
        for step in _evaluated(block, np.flatnonzero(begins == begin), int(begin), settings)
    ]


def _begins(block: Block) -> Cells:
    """The first cell with a value of each series, rounded down to days."""
    day = max(round(DAY / block.width), 1)
    begins: Cells = np.argmax(np.isfinite(block.values), axis=1) // day * day
    return begins


def _evaluated(block: Block, rows: Cells, begin: int, settings: ScanSettings) -> list[Step]:
    """Of those rows the cells from `begin` on."""
    part = Block(
        block.values[rows, begin:],
        block.start + begin * block.width,
        block.width,
        np.maximum(block.since[rows] - begin, 0),
        block.noise[rows],
    )
    found = _scanned(part, settings)
    return [replace(step.moved(begin), row=int(rows[step.row])) for step in found]


def _scanned(block: Block, settings: ScanSettings) -> list[Step]:
    with np.errstate(invalid="ignore", divide="ignore"):
        y = np.log(block.values)
    weights = np.isfinite(y) & (np.arange(y.shape[1]) >= block.since[:, None])
    fewest = np.where(block.noise > 0.0, 3 * settings.least, settings.fewest)
    rows = np.flatnonzero((weights.sum(axis=1) >= fewest) & ~counting(block.values))
    if len(rows) == 0:
        return []
    told = np.isfinite(y[rows])
    y = filled(y[rows])
    kept = promising(y, told, block.start, block.width, settings)
    kept = np.union1d(kept, np.flatnonzero(block.since[rows] > 0)).astype(int)
    if len(kept) == 0:
        return []
    rows, y = rows[kept], y[kept]
    return _examined(block, rows, y, weights[rows].astype(float), told[kept], settings)


def filled(y: Array) -> Array:
    """Gaps take the last value before them; at the beginning the first one after."""
    known = np.isfinite(y)
    if known.all():
        return y
    cells = np.arange(y.shape[1])
    last = np.maximum.accumulate(np.where(known, cells, -1), axis=1)
    first = np.argmax(known, axis=1)[:, None]
    return np.take_along_axis(y, np.where(last < 0, first, last), axis=1)


def _examined(
    block: Block,
    rows: Cells,
    y: Array,
    weights: Array,
    told: NDArray[np.bool_],
    settings: ScanSettings,
) -> list[Step]:
    quantum = np.maximum(settings.quantum, HALF * resolution(y))
    seen = look(y, weights, told, block.start, block.width, fine(settings), quantum)
    split = seen.split
    noise = _known_noise(seen.noise, seen.weights, block.noise[rows], settings)
    p = scan_tail(np.abs(split.gain) / noise, split.edge)
    design = season.harmonics(block.start, block.width, y.shape[1])
    weekends = season.weekend(block.start, block.width, y.shape[1])
    steps = []
    for i in np.flatnonzero(p < settings.alpha):
        found = Suspect(
            x=seen.x[i],
            season=seen.seasons[i],
            measured=y[i],
            weights=seen.weights[i],
            known=seen.weights[i],
            at=int(split.at[i]),
            shift=float(split.shift[i]),
            noise=float(noise[i]),
            p=float(p[i]),
            design=design,
            weekend=weekends,
            settings=settings,
            quantum=float(quantum[i]),
            told=told[i],
        )
        found = _last_change(found)
        steps.append(_step(found, int(rows[i]), block.values[rows[i]]))
    return steps


def _known_noise(own: Array, weights: Array, known: Array, settings: ScanSettings) -> Array:
    """What is known from before counts until there are cells enough for one's own."""
    return np.where(weights.sum(axis=1) >= settings.fewest, own, np.maximum(own, known))


def _last_change(suspect: Suspect) -> Suspect:
    """Where a window holds two changes, the later one against the level between them."""
    cells = np.arange(len(suspect.x))
    later = _within(suspect, suspect.weights * (cells >= suspect.at))
    if later is not None:
        return later
    earlier = _within(suspect, suspect.weights * (cells < suspect.at))
    if earlier is None:
        return suspect
    return _within(suspect, suspect.weights * (cells >= earlier.at)) or suspect


def _within(suspect: Suspect, weights: Array) -> Suspect | None:
    """The change among fewer cells, if there is one beyond chance."""
    settings = suspect.settings
    if weights.sum() < 3 * settings.least:
        return None
    split = cusum.best_split(suspect.x[None], weights[None], settings.least)
    own = long_run(split.error, weights[None], suspect.quantum, BATCHES)
    noise = _known_noise(own, weights[None], np.array([suspect.noise]), settings)
    p = float(scan_tail(np.abs(split.gain) / noise, split.edge)[0])
    if p >= settings.alpha:
        return None
    return replace(
        suspect,
        weights=weights,
        at=int(split.at[0]),
        shift=float(split.shift[0]),
        noise=float(noise[0]),
        p=p,
    )


def _step(found: Suspect, row: int, values: Array) -> Step:
    typical = float(np.median(values[found.before]))
    return Step(
        row=row,
        at=found.at,
        at_ci=_when(found),
        shift=found.shift,
        ci=found.interval,
        before=typical,
        after=typical * float(np.exp(found.shift)),
        p=found.p,
        noise=found.noise,
        checks=trail(found, FILTERS),
    )


def _when(found: Suspect) -> tuple[int, int]:
    """Change times that fit nearly as well: b² within 7.35 of the best (95 %)."""
    gains, _ = cusum.contrasts(found.x[None], found.weights[None], found.settings.least)
    squares = (gains[0] / found.noise) ** 2
    near = np.flatnonzero(squares >= squares[found.at] - INSIDE)
    return int(near[0]), int(near[-1])
