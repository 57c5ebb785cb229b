"""The other operations of the service as the control of each: what all of them share is no change.

Half of what moves an operation from hour to hour (load, neighbours, the daily cycle) moves the
others as well. Less the mean of the others, a change of one operation stands out of a much smaller
noise; that noise is taken from placebos, in which the same was done a day before. A deploy that
slows all operations at once is hidden from this comparison, so it is one of two: where the others
moved by more than they usually do, the operation stands for itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from perfd.detect.cells import Cells
from perfd.detect.columns import Array
from perfd.detect.excess import Raw
from perfd.detect.placebo import FEWEST, Placebos

FEWEST_OTHERS = 3
USUAL = 2.0  # standard deviations of placebos, within which the others' shift is the weather's
OUTLIER = 3.0  # standard deviations from the rest, beyond which an operation is no control


@dataclass(frozen=True, slots=True)
class Shift:
    """What an operation (or the mean of several) did: at the deploy, and at each placebo."""

    value: float
    sampling: float
    placebos: Placebos

    @property
    def usual(self) -> bool:
        """Whether it is one that the day before has seen as well."""
        shifts = self.placebos.shift[self.placebos.known]
        return abs(self.value) <= USUAL * float(np.sqrt((shifts * shifts).mean()))


def shift_of(old: Cells, new: Cells, held: Placebos) -> Shift:
    """The shift of an operation from its cells."""
    sampling = old.sampling / old.total + new.sampling / new.total
    return Shift(new.level - old.level, sampling, held)


def others(shifts: Mapping[str, Shift], usual: float) -> dict[str, Shift]:
    """The control of each operation; empty where there are too few.

    `usual` is the variance of a shift beyond its sampling.
    """
    names = _alike(shifts, usual)
    if len(names) <= FEWEST_OTHERS:
        return {}
    weights = {name: 1.0 / (shifts[name].sampling + usual) for name in names}
    found = {}
    for name in shifts:
        rest = [n for n in names if n != name]
        mean = _mean([shifts[n] for n in rest], np.array([weights[n] for n in rest]))
        if mean is not None:
            found[name] = mean
    return found


def relative(own: Shift, control: Shift) -> Raw | None:
    """What an operation's shift less that of the others varies by; None with few placebos."""
    held, rest = own.placebos, control.placebos
    both = Placebos(held.grid, held.shift - rest.shift, held.sampling + rest.sampling)
    excess = both.excess()
    return None if excess is None else Raw(own.sampling + control.sampling, excess, by_placebo=True)


def _alike(shifts: Mapping[str, Shift], usual: float) -> list[str]:
    """Operations that did what most did: one that the deploy changed is no control."""
    known = [name for name in sorted(shifts) if shifts[name].placebos.known.sum() >= FEWEST]
    if not known:
        return []
    values = np.array([shifts[name].value for name in known])
    variances = np.array([shifts[name].sampling for name in known]) + usual
    middle = _weighted_median(values, 1.0 / variances)
    near = np.abs(values - middle) <= OUTLIER * np.sqrt(variances)
    return [name for name, kept in zip(known, near, strict=True) if kept]


def _mean(shifts: Sequence[Shift], weights: Array) -> Shift | None:
    """The weighted mean, at each placebo over those that are known there."""
    share = weights / weights.sum()
    value = float(share @ np.array([s.value for s in shifts]))
    sampling = float(share**2 @ np.array([s.sampling for s in shifts]))
    table = np.array([s.placebos.shift for s in shifts])
    errors = np.array([s.placebos.sampling for s in shifts])
    held = np.where(np.isnan(table), 0.0, weights[:, None])
    total = held.sum(axis=0)
    total[total < 0.5 * weights.sum()] = np.nan  # moments of which too few are known
    shift = (held * np.nan_to_num(table)).sum(axis=0) / total
    error = (held**2 * np.nan_to_num(errors)).sum(axis=0) / total**2
    mean = Placebos(shifts[0].placebos.grid, shift, error)
    return Shift(value, sampling, mean) if mean.known.sum() >= FEWEST else None


def _weighted_median(values: Array, weights: Array) -> float:
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    return float(values[order][int(np.searchsorted(reached, reached[-1] / 2.0))])
