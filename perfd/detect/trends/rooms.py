"""Whose memory a container's is: telemetry of processes seldom names their container."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

NEAR = 0.25  # of a container's usage: libraries that are shared and files that are cached
APART = 2.0  # times as far away the next container must be
FEWEST = 6  # hours that both were read


def container_of(memory: Array, usages: Mapping[str, Array]) -> str | None:
    """The container whose usage follows a process's memory hour by hour; None if that is unsure."""
    far = sorted((_distance(memory, usage), name) for name, usage in usages.items())
    if not far or far[0][0] > NEAR:
        return None
    if len(far) > 1 and far[1][0] < APART * far[0][0]:
        return None
    return far[0][1]


def _distance(memory: Array, usage: Array) -> float:
    """The median difference as a part of the usage."""
    both = np.isfinite(memory) & np.isfinite(usage) & (usage > 0.0)
    if both.sum() < FEWEST:
        return math.inf
    return float(np.median(np.abs(usage[both] - memory[both]) / usage[both]))
