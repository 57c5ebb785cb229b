"""What wide buckets do not tell: a quantile is somewhere in its sender's bucket, and no more.

The default buckets of OpenTelemetry's SDKs end at 5, 10, 25, 50 ms and so on: a p95 between 25 and
50 ms may double unseen. The means of such histograms are exact, since their sums are.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import replace

from perfd.detect.cells import Cells
from perfd.model.buckets import bucket_of


def blurred(cells: Cells | None, layouts: Collection[str]) -> Cells | None:
    """A quantile with what its buckets leave open; None where its bucket has no end."""
    if cells is None or not layouts:
        return cells
    blurs = [_blur(cells.level, layout) for layout in layouts]
    known = [blur for blur in blurs if blur is not None]
    return replace(cells, blur=max(known)) if len(known) == len(blurs) else None


def _blur(level: float, layout: str) -> float | None:
    """How far on the log scale the ends of the bucket around a level are."""
    bucket = bucket_of(layout, math.exp(level))
    if bucket is None:
        return None
    return max(level - math.log(bucket[0]), math.log(bucket[1]) - level, 0.0)
