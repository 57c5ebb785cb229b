"""How improbable the largest of many correlated looks is.

A scan takes the best of all change times; its maximum is compared with the tail of the maximum of
a standardised Brownian bridge (James, James and Siegmund 1987, Biometrika 74:71-83).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def scan_tail(b: Array, edge: Array) -> Array:
    """P[max |bridge(t)| / sqrt(t (1 - t)) >= b] for t between `edge` and 1 - `edge`.

    b phi(b) [(1 - 1/b²) ln((1-e)²/e²) + 4/b²]: an approximation for large b; below 2 it is 1.
    """
    b = np.asarray(b, dtype=float)
    edge = np.minimum(np.asarray(edge, dtype=float), 0.5)
    safe = np.maximum(b, 2.0)
    density = np.exp(-0.5 * safe * safe) / np.sqrt(2.0 * np.pi)
    looks = np.log((1.0 - edge) ** 2 / edge**2)
    tail = safe * density * ((1.0 - 1.0 / safe**2) * looks + 4.0 / safe**2)
    return np.where(b < 2.0, 1.0, np.minimum(tail, 1.0))


def scan_bound(alpha: float, edge: float) -> float:
    """The b that the best of all splits of an unchanged series exceeds with `alpha`: by halving."""
    low, high = 2.0, 12.0
    for _ in range(50):
        middle = (low + high) / 2.0
        tail = float(scan_tail(np.array([middle]), np.array([edge]))[0])
        low, high = (middle, high) if tail > alpha else (low, middle)
    return high
