"""What a sender's histogram can tell apart, as a label: between two of its bounds nothing is known.

"scale 3" for exponential buckets, "0.005 0.01 0.025" for explicit ones (seconds, as sent), empty
where there was a sum without buckets.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence

from perfd.model.histogram import SCALE
from perfd.model.series import OVERFLOW

MOST_BOUNDS = 64  # in a label; SDKs send 14

_EXPONENTIAL = "scale "
_COARSEST = -3  # eight octaves in one bucket: as good as none

Bucket = tuple[float, float]


def exponential_layout(scale: int) -> str:
    """Of exponential buckets; what is finer than perfd's own is no finer once it is kept."""
    return f"{_EXPONENTIAL}{min(scale, SCALE)}"


def explicit_layout(bounds: Sequence[float]) -> str:
    """Of explicit buckets, bounds in seconds; `_other` for more of them than a label may hold."""
    if len(bounds) > MOST_BOUNDS:
        return OVERFLOW
    return " ".join(f"{bound:g}" for bound in bounds)


def bucket_of(layout: str, value: float) -> Bucket | None:
    """The sender's bucket (low, high] that holds a positive value; None where it has no end."""
    if layout.startswith(_EXPONENTIAL):
        scale = int(layout.removeprefix(_EXPONENTIAL))
        if scale < _COARSEST:
            return None
        step = 2.0**-scale
        number = math.ceil(math.log2(value) / step - 1e-9)
        return 2.0 ** ((number - 1) * step), 2.0 ** (number * step)
    if layout in ("", OVERFLOW):
        return None
    bounds = [float(bound) for bound in layout.split()]
    place = bisect_left(bounds, value * (1.0 - 1e-9))
    low = bounds[place - 1] if place else 0.0
    return (low, bounds[place]) if low > 0.0 and place < len(bounds) else None
