"""Tests that may be looked at after every cell: anytime-valid, so peeking costs nothing.

A p-value holds at one time that was fixed before. These hold at all times at once: the probability
that a sequence *ever* passes its bound, however long and often one looks, is at most alpha where
nothing differs (Ville's inequality).

Latency: the sum of weighted differences S with variance V stays within

    sqrt((V + r) ln((V + r) / (r alpha²)))

(Robbins 1970, Howard and others 2021), the mixture over effects from a normal law of variance 1/r.
Errors: of k failures in a cell, the new version's are binomial with its share of the requests where
both fail alike. The likelihood ratios of some alternatives, averaged, are a martingale (Lindon,
Sanden and Shirikian 2022).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

PRECISION = 20.0  # r: effects of about a quarter (0.22 on the log scale) are what is watched for
ALIKE = 1.25  # times the errors; up to that both fail alike
TIMES = (2.0, 3.0, 5.0, 10.0, 30.0)  # of the errors, what is watched for


def interval(difference: Array, variance: Array, alpha: float) -> tuple[Array, Array]:
    """Both ends, after each cell, of the confidence sequence of the mean difference.

    `variance` is that of each cell's difference, known without looking at the difference.
    """
    v = np.cumsum(1.0 / variance)
    mean = np.cumsum(difference / variance) / v
    reach = np.sqrt((v + PRECISION) * np.log((v + PRECISION) / (PRECISION * alpha * alpha)))
    return mean - reach / v, mean + reach / v


def evidence(
    failed_old: Array, old: Array, failed_new: Array, new: Array, dispersion: float
) -> Array:
    """Ln of the e-value, after each cell, against "fails at most `ALIKE` times as often".

    Failures of `old` and `new` requests; counts that vary `dispersion` times as much as the
    binomial law says are worth so many times less. Passes ln(1 / alpha) by chance with alpha.
    """
    usual = ALIKE * new / (ALIKE * new + old)
    sums = []
    for times in TIMES:
        share = times * new / (times * new + old)
        told = failed_new * np.log(share / usual)
        told += failed_old * np.log((1.0 - share) / (1.0 - usual))
        sums.append(np.cumsum(told) / dispersion)
    held = np.array(sums)
    most = held.max(axis=0)
    return np.asarray(most + np.log(np.exp(held - most).mean(axis=0)))


def enough(alpha: float) -> float:
    """What ln of an e-value has to reach."""
    return -math.log(alpha)
