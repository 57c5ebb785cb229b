"""Limits of the table of trends: parts of a limit, and whether a date is told where there is none.

The control follows least squares to the limit, as dashboards' `predict_linear` does.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from perfd.detect.trends.saturation import Forecast, filling, peaking
from perfd.detect.trends.settings import TrendSettings
from tests.bench.trends_controls import least_squares
from tests.bench.trends_series import DAY, WEEK, Parts, composition, noise

Array = NDArray[np.float64]
Row = tuple[bool, bool, float, bool | None]  # told, told by the control, after hours, covered

HORIZON = TrendSettings().horizon / 3600.0
ALPHA = 1e-4
MATURE = 24


def limits(series: int, seed: int) -> int:
    """Both kinds; 1 where the control is never wrong."""
    plan = composition()["limits"]
    weeks = (plan["hours"] - plan["window"]) / WEEK
    print(
        f"\nlimits: of {series} series of {weeks:.0f} weeks, those with a date where there is none"
    )
    blind = 0
    for kind, look in (("load", _peaking), ("fill", _filling)):
        for name, parts in plan[kind].items():
            rows = _rows(parts, plan, look, series, seed)
            blind += (wrong := sum(row[1] for row in rows))
            told = sum(row[0] for row in rows)
            print(f"{kind:>5} {name:>9}  told {told:4d}  OLS {wrong:4d}", flush=True)
    print(
        "true: found before it is full, median hours from the beginning, true date in the interval"
    )
    for daily in plan["rising"]["days"]:
        parts = {**plan["load"]["season"], "rising": daily}
        _true(f"peaks {daily:+.1%} a day", _rows(parts, plan, _peaking, series, seed + 1))
    for rate in plan["filling"]["hours"]:
        parts = {**plan["fill"]["steady"], "filling": rate}
        _true(f"{rate:+.2%} an hour", _rows(parts, plan, _filling, series, seed + 1))
    return int(blind == 0)


def _true(name: str, rows: list[Row]) -> None:
    hours = [row[2] for row in rows if row[0]]
    held = [row[3] for row in rows if row[3] is not None]
    middle = np.median(hours) if hours else math.nan
    print(
        f"{name:>17}  {len(hours) / len(rows):5.3f}  {middle:4.0f}  {sum(held)} of {len(held)}",
        flush=True,
    )


def _peaking(x: Array) -> Forecast:
    return peaking(x, HORIZON)


def _filling(x: Array) -> Forecast:
    return filling(x, x, MATURE, HORIZON)


def _rows(
    parts: Parts, plan: Parts, look: Callable[[Array], Forecast], series: int, seed: int
) -> list[Row]:
    draw = np.random.default_rng(seed)
    return [_row(parts, plan, look, draw) for _ in range(series)]


def _row(
    parts: Parts, plan: Parts, look: Callable[[Array], Forecast], draw: np.random.Generator
) -> Row:
    """Looked at as long as there is room."""
    x = _values(parts, plan, draw)
    end = _full(x, parts)
    told, control, after, covered = False, False, math.nan, None
    for at in range(plan["window"], min(plan["hours"], end) + 1, plan["every"]):
        seen = x[at - plan["window"] : at]
        control = control or _control(seen)
        found = None if told else look(seen)
        if found is not None and found.passed:
            told, after = True, float(at - plan["window"])
            covered = found.ci[0] <= end - at <= found.ci[1] if end < math.inf else None
    return told, control, after, covered


def _control(x: Array) -> bool:
    slope, level = np.polyfit(np.arange(float(len(x))), x, 1)
    near = slope > 0.0 and (1.0 - level - slope * len(x)) / slope <= HORIZON
    return bool(near and least_squares(x, 0.02, ALPHA))


def _full(x: Array, parts: Parts) -> int:
    """The hour at which the noiseless course reaches the limit; far away where it never does."""
    if "filling" in parts:
        return WEEK + math.ceil((1.0 - float(np.median(x[:WEEK]))) / parts["filling"])
    if "rising" in parts:
        peaks = x[: WEEK // DAY * DAY].reshape(-1, DAY)
        peak = float(np.median(np.quantile(peaks, 0.95, axis=1)))
        return WEEK + math.ceil((1.0 - peak) / parts["rising"] * DAY)
    return 1 << 30


def _values(parts: Parts, plan: Parts, draw: np.random.Generator) -> Array:
    hour = np.arange(float(plan["hours"]))
    x = draw.uniform(*parts["level"]) + noise(parts, plan["hours"], draw)
    if "day" in parts:
        busy = np.maximum(np.sin(2.0 * math.pi * (hour / DAY - 0.25)), 0.0)
        late = (hour // DAY + draw.integers(0, 7)) % 7 >= 5
        x += (
            draw.uniform(*parts["day"])
            * busy
            * np.where(late, draw.uniform(*parts["weekend"]), 1.0)
        )
    for _ in range(draw.poisson(parts.get("rushes", 0.0) * plan["hours"] / WEEK)):
        start, length = draw.integers(0, plan["hours"]), draw.integers(1, 7)
        x[start : start + length] += draw.uniform(*parts["rush"])
    if "tooth" in parts:
        period, phase = draw.uniform(*parts["period"]), draw.random()
        x += draw.uniform(*parts["tooth"]) * ((hour / period + phase) % 1.0)
    since = np.maximum(hour - WEEK, 0.0)
    x += parts.get("filling", 0.0) * since + parts.get("rising", 0.0) * np.floor(since / DAY)
    return np.clip(x, 0.0, 1.0)
