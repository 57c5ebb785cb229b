"""What is read to watch a canary, and the cells in which both versions served."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perfd.detect.columns import Columns
from perfd.detect.settings import DetectSettings
from perfd.model.deploy import Deploy
from perfd.model.window import Window

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CanaryCase:
    """A young deploy: windows of both versions since `settings.baseline` before it, up to `end`.

    `instances` are those of the old version in that time before, by which the noise of failures
    from one instance to another is known.
    """

    deploy: Deploy
    settings: DetectSettings
    pace: float
    width: float
    end: float
    requests: Sequence[Window]
    instances: Sequence[Window] = ()


@dataclass(frozen=True, slots=True)
class Both:
    """One number a cell; `old` and `new` are requests, `measured` ones have a latency."""

    start: Array
    old: Array
    new: Array
    failed_old: Array
    failed_new: Array
    measured_old: Array
    measured_new: Array
    logs_old: Array
    logs_new: Array

    def __len__(self) -> int:
        return len(self.start)


def both(old: Columns, new: Columns) -> Both:
    """The cells in which both served, in time order."""
    start, i, j = np.intersect1d(old.start, new.start, return_indices=True)
    served = (old.requests[i] > 0.0) & (new.requests[j] > 0.0)
    start, i, j = start[served], i[served], j[served]
    return Both(
        start,
        old.requests[i],
        new.requests[j],
        old.errors[i],
        new.errors[j],
        old.measured[i],
        new.measured[j],
        old.logs[i],
        new.logs[j],
    )
