"""Columns of numbers: the same quantity in the same unit all the way down."""

from __future__ import annotations

from collections.abc import Iterable

from perfd.tickets.wording import Scale, decimals, number, scale_of

NONE = "–"


def seconds_scale(values: Iterable[float | None]) -> Scale:
    """The unit for a column of durations; its middle value decides."""
    known = sorted(v for v in values if v is not None and v > 0)
    return scale_of("s", known[len(known) // 2] if known else 0.001)


def duration(value: float | None, scale: Scale) -> str:
    """Two significant digits and more where they stand before the point: `0.42 ms`, `72 ms`."""
    if value is None:
        return NONE
    scaled = value * scale.factor
    return f"{number(scaled, max(0, decimals(scaled, 0.0) - 1))} {scale.symbol}"


def plain_duration(seconds: float) -> str:
    """A duration by itself: `61 ms`."""
    return duration(seconds, scale_of("s", seconds))


def rate(value: float) -> str:
    """Requests per second."""
    return f"{number(value, 0 if value >= 20 else 1 if value >= 0.1 or value == 0 else 3)} /s"


def share(value: float | None) -> str:
    """A ratio in percent: `0.02 %`, `3.1 %`, `31 %`."""
    if value is None:
        return NONE
    percent = value * 100
    return f"{number(percent, 0 if percent >= 10 or percent == 0 else 1 if percent >= 1 else 2)} %"


def bytes_(value: float | None) -> str:
    """`61 MiB`."""
    if value is None:
        return NONE
    scale = scale_of("B", value)
    scaled = value * scale.factor
    return f"{number(scaled, 0 if scaled >= 10 or scaled == 0 else 1)} {scale.symbol}"
