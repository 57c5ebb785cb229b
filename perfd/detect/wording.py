"""Numbers as a person reads them, in checks and reasons."""

from __future__ import annotations

import math

from perfd.detect import measures
from perfd.detect.estimate import Comparison


def percent(ratio_less_one: float) -> str:
    """`+3.1 %`, with one digit below 10 %."""
    value = 100.0 * ratio_less_one
    return f"{value:+.1f} %" if abs(value) < 10.0 else f"{value:+.0f} %"


def points(rate: float) -> str:
    """A difference of two rates in percentage points."""
    return f"{100.0 * rate:+.2f} points"


def change(comparison: Comparison) -> str:
    """The change of a metric: `+3.1 %`, or `+0.40 points` of an error rate."""
    if comparison.metric == measures.ERROR_RATE:
        return points(comparison.shift)
    return percent(math.expm1(comparison.shift))


def bound(comparison: Comparison, level: float) -> str:
    """A shift (of the comparison's scale) in the same words."""
    if comparison.metric == measures.ERROR_RATE:
        return points(level)
    return percent(math.expm1(level))


def minutes(seconds: float, pace: float) -> str:
    """Minutes as the settings count them: at a pace of 60 a second is one of them."""
    return f"{seconds * pace / 60.0:.0f} min"


def share(part: float) -> str:
    """`61 %`."""
    return f"{100.0 * part:.0f} %"


def milliseconds(seconds: float) -> str:
    """`1.9 ms`, with one digit below 10 ms."""
    value = 1e3 * seconds
    return f"{value:.1f} ms" if abs(value) < 10.0 else f"{value:.0f} ms"
