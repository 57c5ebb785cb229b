"""k in n before a known time against k in n after it.

With the time known the test is exact: of all k, those after are Bin(k, n1 / (n0 + n1)) if nothing
changed, with the mid-p. Where counts vary phi times as much they are beta-binomial; and since phi
is an estimate then, the tail is no smaller than Student's with as many degrees of freedom as cells
were left to estimate it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from perfd.detect.scan.beta_binomial import clustered_tail
from perfd.detect.scan.binomial import dispersion
from perfd.detect.tails import NORMAL_95, binomial_mid_tail, normal_quantile, student_tail
from perfd.model.finding import Interval

Array = NDArray[np.float64]

ESTIMATED = 1.07  # what it costs, in simulation, that the dispersion is not known


class Comparison(NamedTuple):
    """Counts of both sides; `phi` is the over-dispersion, of `freedom` degrees."""

    k0: float
    n0: float
    k1: float
    n1: float
    phi: float
    freedom: float

    @property
    def before(self) -> float:
        """The old share."""
        return self.k0 / self.n0

    @property
    def after(self) -> float:
        """The new share."""
        return self.k1 / self.n1

    @property
    def delta(self) -> float:
        """New less old."""
        return self.after - self.before

    @property
    def error(self) -> float:
        """Standard error of the difference, at each side's own share."""
        return math.sqrt(self.variance(self.k0, self.n0) + self.variance(self.k1, self.n1))

    @property
    def ci(self) -> Interval:
        """95 % interval of the difference."""
        return self.delta - NORMAL_95 * self.error, self.delta + NORMAL_95 * self.error

    @property
    def shift(self) -> float:
        """ln(new / old); half a count keeps it finite."""
        return math.log((self.k1 + 0.5) / (self.n1 + 1.0) * (self.n0 + 1.0) / (self.k0 + 0.5))

    @property
    def shift_error(self) -> float:
        """Standard error of the shift."""
        parts = (1.0 / (k + 0.5) - 1.0 / (n + 1.0) for k, n in self._sides())
        return math.sqrt(self.phi * sum(max(part, 0.0) for part in parts))

    @property
    def p(self) -> float:
        """One-sided: how often a share that stayed would look to have risen as much."""
        k, n = self.k0 + self.k1, self.n0 + self.n1
        pooled = k / n
        if self.phi <= 1.0 or not 0.0 < pooled < 1.0:
            return binomial_mid_tail(self.k1, k, self.n1 / n)
        clustered = clustered_tail(self.k1, self.n1, self.k0, self.n0, self.phi)
        spread = self.phi * pooled * (1.0 - pooled) * (1.0 / self.n0 + 1.0 / self.n1)
        return max(clustered, student_tail(self.delta / math.sqrt(spread), self.freedom))

    def variance(self, k: float, n: float) -> float:
        """Of a share of k in n; half a count keeps one that was never seen uncertain."""
        p = (k + 0.5) / (n + 1.0)
        return self.phi * p * (1.0 - p) / n

    def _sides(self) -> tuple[Interval, Interval]:
        return (self.k0, self.n0), (self.k1, self.n1)


def compare(k: Array, n: Array, at: int) -> Comparison | None:
    """Of `k` in `n` a cell, with the first cell of the new side; None where a side is empty."""
    told = np.isfinite(k) & (n > 0.0)
    k, n = np.where(told, k, 0.0), np.where(told, n, 0.0)
    (k0, n0), (k1, n1) = ((float(k[s].sum()), float(n[s].sum())) for s in _sides(at))
    if min(n0, n1) <= 0.0:
        return None
    rate = np.where(np.arange(len(k)) < at, k0 / n0, k1 / n1)
    phi = float(dispersion(k[None], n[None], rate[None])[0])
    return Comparison(k0, n0, k1, n1, phi, max(float(told.sum()) - 2.0, 1.0))


def detectable(
    share: float, n0: float, n1: float, phi: float, alpha: float, power: float = 0.9
) -> float:
    """The smallest rise of a share that would be found with that power (its minimum effect).

    `alpha` is one-sided; of a share that was never seen, at least the samples that the exact tail
    asks for.
    """
    least = phi * math.log(1.0 / alpha) / n1
    p = max(share, 0.5 / n0)
    z = normal_quantile(1.0 - alpha), normal_quantile(power)
    null = math.sqrt(phi * p * (1.0 - p) * (1.0 / n0 + 1.0 / n1))
    rise = (z[0] + z[1]) * null
    risen = min(p + rise, 1.0 - 1e-9)  # counts vary more where there are more of them
    other = math.sqrt(phi * (p * (1.0 - p) / n0 + risen * (1.0 - risen) / n1))
    return max(ESTIMATED * (z[0] * null + z[1] * other), least)


def _sides(at: int) -> tuple[slice, slice]:
    return slice(0, at), slice(at, None)
