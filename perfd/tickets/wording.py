"""Numbers as a person reads them: with a unit, and rounded to what their interval allows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from perfd.model.finding import Effect, Estimate, Interval

MINUS = "−"


class Scale(NamedTuple):
    """A unit to print in: a value is multiplied by `factor` first."""

    factor: float
    symbol: str


_SCALES: dict[str, Sequence[tuple[float, Scale]]] = {
    # (from this value on, this scale), greatest first
    "s": (
        (1.0, Scale(1.0, "s")),
        (1e-3, Scale(1e3, "ms")),
        (0.0, Scale(1e6, "µs")),
    ),
    "B": (
        (float(1 << 30), Scale(1 / (1 << 30), "GiB")),
        (float(1 << 20), Scale(1 / (1 << 20), "MiB")),
        (1024.0, Scale(1 / 1024, "KiB")),
        (0.0, Scale(1.0, "B")),
    ),
    "%": ((0.0, Scale(100.0, "%")),),
    "/s": ((0.0, Scale(1.0, "/s")),),
}
_UNITS = {"s": "s", "seconds": "s", "By": "B", "bytes": "B", "B": "B", "/s": "/s", "1/s": "/s"}
_SHARES = frozenset({"1", "ratio", "share", "%", "fraction"})

_METRICS = {
    "latency.mean": "mean latency",
    "cpu_per_request": "CPU per request",
    "error_rate": "error rate",
    "share": "share of CPU",
}


def metric_name(metric: str) -> str:
    """`latency.p95` as `p95`, `cpu_per_request` as `CPU per request`."""
    if metric in _METRICS:
        return _METRICS[metric]
    return metric.removeprefix("latency.").replace("_", " ")


def counted(metric: str) -> str:
    """What the count of an estimate counts."""
    return {"share": "samples", "memory": "hours"}.get(metric, "requests")


def scale_of(unit: str, *values: float) -> Scale:
    """One scale for all the values, so that a row stays in one unit; the greatest decides."""
    name = "%" if unit in _SHARES else _UNITS.get(unit)
    if name is None:
        return Scale(1.0, unit)
    greatest = max((abs(v) for v in values if math.isfinite(v)), default=0.0)
    return next(scale for least, scale in _SCALES[name] if greatest >= least)


def decimals(value: float, half: float) -> int:
    """Digits after the point: down to the first digit of the interval's half width.

    Without a width, as many as three significant digits need. Never more than three significant
    digits in all: nobody reads the fourth.
    """
    if value == 0 or not math.isfinite(value):
        return 0
    most = max(0, 2 - math.floor(math.log10(abs(value))))
    if half <= 0 or not math.isfinite(half):
        return min(most, 6)
    return min(most, max(0, -math.floor(math.log10(half) + 1e-9)), 6)


def number(value: float, digits: int) -> str:
    """`1234.5` as `1,234.5`, with a real minus sign."""
    text = f"{abs(value):,.{digits}f}"
    return MINUS + text if value < 0 and float(text.replace(",", "")) != 0 else text


def quantity(
    value: float, unit: str, ci: Interval | None = None, scale: Scale | None = None
) -> str:
    """`0.0718` s with the interval [0.070, 0.075] as `72 ms`."""
    if not math.isfinite(value):
        return "unknown"
    scale = scale or scale_of(unit, value)
    half = (ci[1] - ci[0]) / 2 * scale.factor if ci else 0.0
    scaled = value * scale.factor
    return f"{number(scaled, decimals(scaled, half))} {scale.symbol}".rstrip()


def band(low: float, high: float, unit: str, scale: Scale | None = None) -> str:
    """`39 … 44 ms`."""
    scale = scale or scale_of(unit, low, high)
    digits = decimals(high * scale.factor, (high - low) / 4 * scale.factor)
    ends = (number(end * scale.factor, digits if end else 0) for end in (low, high))
    return f"{' … '.join(ends)} {scale.symbol}".rstrip()


def share(value: float, ci: Interval | None = None) -> str:
    """`0.312` as `31 %`; below a tenth with one digit more, unless an interval says otherwise."""
    if ci is not None:
        return quantity(value, "share", ci)
    return f"{number(value * 100, 0 if abs(value) >= 0.0995 else 1).removesuffix('.0')} %"


def signed(value: float, digits: int = 0) -> str:
    """`+76` or `−3`."""
    text = number(value, digits)
    return text if text.startswith(MINUS) else "+" + text


def percent_change(ratio: float, ci: Interval | None = None) -> str:
    """The ratio 1.76 with [1.69, 1.83] as `+76 % (+69 … +83 %)`."""
    change = (ratio - 1) * 100
    if ci is None:
        return f"{signed(change)} %"
    low, high = ((end - 1) * 100 for end in ci)
    digits = 1 if (high - low) / 2 < 1 else 0
    span = f"{signed(low, digits)} … {signed(high, digits)} %"
    return f"{signed(change, digits)} % ({span})"


def effect_text(effect: Effect, unit: str) -> str:
    """The effect in percent, or in the metric's unit when it cannot be a ratio."""
    if effect.ratio is not None:
        return percent_change(effect.ratio, effect.ci)
    if unit in _SHARES:
        return f"{signed(effect.absolute * 100, 2)} percentage points"
    sign = MINUS if effect.absolute < 0 else "+"
    return sign + quantity(abs(effect.absolute), unit)


def before_after(before: Estimate, after: Estimate, unit: str) -> str:
    """`41 ms → 72 ms`, both in one unit."""
    scale = scale_of(unit, before.value, after.value)
    old = quantity(before.value, unit, before.ci, scale)
    return f"{old} → {quantity(after.value, unit, after.ci, scale)}"


def count(amount: float) -> str:
    """`51234` as `51,234`."""
    return f"{round(amount):,}"


def length(seconds: float) -> str:
    """A duration in the words a person uses: `45 s`, `30 min`, `24 h`, `3 days`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    for most, divisor, unit in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < most:
            return f"{_few(seconds / divisor)} {unit}"
    return f"{_few(seconds / 86_400)} days"


def moment(at: float) -> str:
    """`24 May 2026, 14:02 UTC`: a ticket outlives its day."""
    when = datetime.fromtimestamp(at, UTC)
    return f"{when.day} {when:%b %Y, %H:%M} UTC"


def _few(value: float) -> str:
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}".removesuffix(".0")
