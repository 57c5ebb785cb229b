"""Series of k in n: shares of profile samples, error ratios. A count test, exact where k is small.

What a filter looks at is the rate relative to its mean, so that a floor of 1 % means the same
as for a latency.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perfd.detect.scan.beta_binomial import clustered_tail
from perfd.detect.scan.binomial import RateSplit, best_rate_split, promising, signed_roots
from perfd.detect.scan.filters import effect_floor, persistence, recurrence, trend
from perfd.detect.scan.look import MEDIAN
from perfd.detect.scan.outliers import inlying
from perfd.detect.scan.settings import ScanSettings
from perfd.detect.scan.steps import INSIDE, Step, filled
from perfd.detect.scan.suspect import Suspect
from perfd.detect.scan.tails import scan_tail
from perfd.detect.scan.trail import trail
from perfd.detect.scan.walk import View
from perfd.detect.tails import NORMAL_95, binomial_mid_tail, normal_tail

Array = NDArray[np.float64]

FEWEST = 5.0  # of k on both sides together; fewer cannot be beyond doubt
# Of k in a cell, below which none of them is a burst: counts are skewed, and without the largest
# they look less dispersed than they are. What bursts then widens the dispersion.
TELLS_BURSTS = 10.0
FILTERS = (trend.check, effect_floor.check, persistence.check, recurrence.check)


@dataclass(frozen=True, slots=True)
class Shares:
    """`k` and `n` (series, cells), NaN where there is nothing."""

    k: Array
    n: Array
    settings: ScanSettings

    @property
    def series(self) -> int:
        """How many."""
        return len(self.k)

    def evaluate(self, view: View) -> list[Step]:
        """All changes of a rate beyond chance."""
        cells = slice(view.first, view.end)
        k, n = self.k[view.rows, cells], self.n[view.rows, cells]
        known = np.isfinite(k) & (np.arange(k.shape[1]) >= view.since[:, None])
        fewest = np.where(view.since > 0, 3 * self.settings.least, self.settings.fewest)
        rows = np.flatnonzero(known.sum(axis=1) >= fewest)
        if len(rows) == 0:
            return []
        k, n, known = k[rows], n[rows], known[rows]
        known &= _without_bursts(k, n, known, self.settings.least)
        k, n = np.where(known, k, 0.0), np.where(known, n, 0.0)
        kept = promising(k, n, self.settings.alpha)
        if len(kept) == 0:
            return []
        rows, k, n, known = rows[kept], k[kept], n[kept], known[kept]
        split = best_rate_split(k, n, self.settings.least)
        p = scan_tail(_as_normal(split.root, split.dispersion, known.sum(axis=1)), split.edge)
        p = np.where(k.sum(axis=1) >= FEWEST * split.dispersion, p, 1.0)
        beyond = np.flatnonzero(p < self.settings.alpha)
        found = (_step(int(i), k, n, split, float(p[i]), self.settings) for i in beyond)
        return [replace(step, row=int(rows[step.row])) for step in found if step is not None]


def _as_normal(root: Array, dispersion: Array, cells: NDArray[np.int64]) -> Array:
    """The root as a normal deviate, since an estimated dispersion has Student's tails.

    Of t with f degrees of freedom, sqrt((f + 1) ln(1 + t² / f)) has the exponent of a normal
    density; a dispersion of 1 is the floor, and known.
    """
    freedom = np.maximum(cells - 2.0, 1.0)
    student = np.sqrt((freedom + 1.0) * np.log1p(root * root / freedom))
    return np.where(dispersion > 1.0, np.minimum(student, np.abs(root)), np.abs(root))


def _without_bursts(k: Array, n: Array, known: NDArray[np.bool_], least: int) -> NDArray[np.bool_]:
    """Which cells are no outliers, on the scale where a rate's variance does not depend on it."""
    size = np.where(known, n, 1.0)
    counts = np.where(known, k, 0.0)
    angle = 2.0 * np.arcsin(np.sqrt(counts / size))
    quantum = 1.0 / math.sqrt(max(float(np.median(size)), 1.0))
    many = counts.sum(axis=1) >= TELLS_BURSTS * known.sum(axis=1)
    inside = np.ones(k.shape, dtype=bool)
    inside[many] = inlying(angle[many], MEDIAN, least, quantum)
    return inside


def _step(
    i: int, k: Array, n: Array, split: RateSplit, p: float, settings: ScanSettings
) -> Step | None:
    at = int(split.at[i])
    exact = _exact(k[i], n[i], at, float(split.dispersion[i]))
    # What many looks cost the normal tail, they cost the exact one.
    root = abs(split.root[i])
    looks = float(scan_tail(root, split.edge[i])) / max(2.0 * normal_tail(float(root)), 1e-300)
    p = max(p, min(1.0, 2.0 * exact * max(looks, 1.0)))
    if p >= settings.alpha:
        return None
    suspect = _suspect(k[i], n[i], at, split, i, p, settings)
    before, after = float(split.before[i]), float(split.after[i])
    return Step(
        row=i,
        at=at,
        at_ci=_when(k[i], n[i], at, float(split.dispersion[i]), settings.least),
        shift=after - before,
        ci=_interval(k[i], n[i], at, float(split.dispersion[i])),
        before=before,
        after=after,
        p=p,
        noise=suspect.noise,
        checks=trail(suspect, FILTERS),
    )


def _exact(k: Array, n: Array, at: int, dispersion: float) -> float:
    """P of as many of all k on the side that has more, given all k."""
    k0, k1, n0, n1 = k[:at].sum(), k[at:].sum(), n[:at].sum(), n[at:].sum()
    if k1 * n0 < k0 * n1:
        k0, k1, n0, n1 = k1, k0, n1, n0
    if dispersion > 1.0:
        return clustered_tail(float(k1), float(n1), float(k0), float(n0), dispersion)
    return binomial_mid_tail(k1, k0 + k1, n1 / (n0 + n1))


def _suspect(
    k: Array, n: Array, at: int, split: RateSplit, i: int, p: float, settings: ScanSettings
) -> Suspect:
    """The rate relative to its mean, and its noise in a cell of usual size."""
    told = n > 0.0
    rate = float(k.sum() / n.sum())
    x = filled(np.where(told, k / np.maximum(n, 1e-12), np.nan)[None])[0] / rate
    usual = len(n[told]) / float((1.0 / n[told]).sum())
    noise = math.sqrt(float(split.dispersion[i]) * rate * (1.0 - rate) / usual) / rate
    flat = np.zeros_like(x)
    new = np.arange(len(x)) >= at
    shift = float(x[told & new].mean() - x[told & ~new].mean())
    return Suspect(
        x=x,
        season=flat,
        measured=x,
        weights=told.astype(float),
        known=told.astype(float),
        at=at,
        shift=shift,
        noise=noise,
        p=p,
        design=np.zeros((len(x), 0)),
        weekend=flat.astype(bool),
        settings=settings,
        logarithmic=False,
    )


def _interval(k: Array, n: Array, at: int, dispersion: float) -> tuple[float, float]:
    """Of the logarithm of the ratio of rates, 95 %; half a count keeps 0 finite."""
    k0, k1, n0, n1 = k[:at].sum(), k[at:].sum(), n[:at].sum(), n[at:].sum()
    middle = math.log((k1 + 0.5) / (n1 + 0.5)) - math.log((k0 + 0.5) / (n0 + 0.5))
    spread = 1.0 / (k1 + 0.5) - 1.0 / (n1 + 0.5) + 1.0 / (k0 + 0.5) - 1.0 / (n0 + 0.5)
    error = NORMAL_95 * math.sqrt(max(dispersion * spread, 0.0))
    return float(middle - error), float(middle + error)


def _when(k: Array, n: Array, at: int, dispersion: float, least: int) -> tuple[int, int]:
    squares = signed_roots(k[None], n[None], least)[0] ** 2 / dispersion
    near = np.flatnonzero(squares >= squares[at] - INSIDE)
    return int(near[0]), int(near[-1])
