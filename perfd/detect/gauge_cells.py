"""A resource's level over some time, with its interval: what verification asks of a gauge."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from perfd.detect.cells import LOG, Cells
from perfd.detect.estimate import side
from perfd.detect.noise import noise
from perfd.model.finding import Estimate
from perfd.model.window import Gauge


def level(gauges: Iterable[Gauge]) -> Estimate | None:
    """The geometric mean of the intervals' means, over all instances; None below two of them.

    Its count is that of intervals: no request says anything of it.
    """
    sums: dict[float, tuple[float, int, float]] = {}
    for gauge in gauges:
        total, count, width = sums.get(gauge.start, (0.0, 0, 0.0))
        sums[gauge.start] = total + gauge.total, count + gauge.count, max(width, gauge.width)
    told = sorted((at, s[0] / s[1], s[2]) for at, s in sums.items() if s[0] > 0.0)
    if len(told) < 2:
        return None
    starts, means, widths = (np.array(column) for column in zip(*told, strict=True))
    y = np.log(means)
    ones = np.ones_like(y)
    end = float(starts[-1] + widths[-1])
    cells = Cells(LOG, float(y.mean()), starts, ones, ones, y, 0.0, end=end)
    return side(cells, noise([cells]))
