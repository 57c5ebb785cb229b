"""One series of a backtest as a picture: its values, its levels, and when they changed.

The axis of values does not begin at zero: a change of 2 % has to be seen.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from perfd.commands.backtest_words import level, size
from perfd.commands.series_grid import Grid
from perfd.commands.series_points import SHARES, Deploy
from perfd.detect.scan.segments import segments
from perfd.model.times import from_rfc3339
from perfd.web.svg.axes import Frame, Mark, deploy_marks
from perfd.web.svg.draw import el, path
from perfd.web.svg.scales import Linear, Log, log_ticks, ticks, time_ticks

Report = Mapping[str, Any]
Array = NDArray[np.float64]
Point = tuple[float, float] | None

WIDTH, HEIGHT = 960.0, 340.0
FRAME = Frame(left=70.0, right=WIDTH - 20.0, top=104.0, bottom=HEIGHT - 42.0)
COLUMNS = 1600  # places across; more cells than that are drawn as their lowest and highest
WIDE = 20.0  # highest over lowest value from which the axis is logarithmic
OUTLYING = 0.02  # of the cells on either end may lie beyond the edge
MARGIN = 0.2  # of the height, above and below
LINE = 17.0  # height of a line of text
MOST_WORDS = 2  # findings that are told in words above the picture


@dataclass(frozen=True, slots=True)
class Panel:
    """Row `row` of a grid, the findings and trends in it, and its service's deploys."""

    grid: Grid
    row: int
    found: Sequence[Report]
    deploys: Sequence[Deploy]

    @property
    def title(self) -> str:
        """The series' name, fit for XML."""
        name = self.grid.names[self.row]
        return "".join(
            letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name
        )


def draw(panel: Panel) -> Markup:
    """The picture's elements, on WIDTH x HEIGHT."""
    grid = panel.grid
    x = Linear(grid.time(0), grid.time(grid.cells), FRAME.left, FRAME.right)
    y = _value_scale(panel)
    marks = [Mark(d.time, d.version) for d in panel.deploys if x.low <= d.time <= x.high]
    return el(
        "g",
        *_words(panel, y),
        _value_axis(y),
        _time_axis(x),
        *(_time_band(one, x) for one in panel.found),
        *deploy_marks(marks, x, FRAME),
        path(_points(panel, x, y), class_="values"),
        path(_stretches(panel, x, y), class_="stretch"),
        *(part for one in panel.found for part in _levels(one, x, y)),
    )


def _value_scale(panel: Panel) -> Linear | Log:
    values = panel.grid.values[panel.row]
    low, high = np.nanquantile(values, (OUTLYING, 1.0 - OUTLYING))
    bounds = [bound for one in panel.found for bound in (*one["before_ci"], *one["after_ci"])]
    low, high = min(float(low), *bounds), max(float(high), *bounds)
    if low > 0.0 and high / low > WIDE:
        return Log(low * 0.9, high * 1.1, FRAME.bottom, FRAME.top)
    spare = MARGIN * (high - low) or abs(high) * MARGIN or 1.0
    return Linear(max(low - spare, 0.0), high + spare, FRAME.bottom, FRAME.top)


def _words(panel: Panel, y: Linear | Log) -> Iterator[Markup]:
    """What it is about, and for each finding a line; of many the last ones."""
    yield el("text", panel.title, x=FRAME.left, y=22, class_="title")
    told = [(_verdict(one), one) for one in panel.found[-MOST_WORDS:]]
    beyond = _beyond(panel, y)
    if beyond:
        words = f"beyond the edge: {beyond}"
        yield el("text", words, x=FRAME.right, y=22, text_anchor="end")
    for number, (words, one) in enumerate(told):
        yield el("text", words, x=FRAME.left, y=42 + number * LINE, class_=_role(one))


def _beyond(panel: Panel, y: Linear | Log) -> int:
    """A transient would press all else into a line."""
    values = panel.grid.values[panel.row]
    return int(((values < y.low) | (values > y.high)).sum())


def _verdict(one: Report) -> str:
    deploy = f", with the deploy of {one['deploy']['version']}" if one["deploy"] else ""
    since, known = (_moment(from_rfc3339(one[key])) for key in ("at", "detected_at"))
    levels = f"{level(one['before'])} → {level(one['after'])}"
    return f"{one['status']}: {levels}, {size(one)}, since {since}, known {known}{deploy}"


def _role(one: Report) -> str:
    """Red worse, blue better, amber not certain."""
    if one["status"] != "confirmed":
        return "amber"
    return "worse" if one["direction"] == "up" else "better"


def _value_axis(y: Linear | Log) -> Markup:
    logarithmic = isinstance(y, Log)
    places = log_ticks(y.low, y.high) if logarithmic else ticks(y.low, y.high, 6)
    parts: list[Markup] = []
    for value in places:
        parts.append(el("path", d=f"M{FRAME.left:g} {y(value):.1f}H{FRAME.right:g}", class_="rule"))
        parts.append(el("text", level(value), x=FRAME.left - 8, y=y(value) + 4, text_anchor="end"))
    if logarithmic:
        parts.append(el("text", "log", x=FRAME.left - 8, y=FRAME.top - 8, text_anchor="end"))
    return el("g", *parts, class_="ticks")


def _time_axis(x: Linear) -> Markup:
    line = el("path", d=f"M{FRAME.left:g} {FRAME.bottom:g}H{FRAME.right:g}", class_="axis")
    days = x.high - x.low > 2 * 86_400.0
    room = 14.0 if days else 40.0  # half of a label
    labels = [
        el(
            "text",
            _day(at) if days else _moment(at),
            x=x(at),
            y=FRAME.bottom + 18,
            text_anchor="middle",
        )
        for at in time_ticks(x.low, x.high, 8 if days else 5)
        if FRAME.left + room < x(at) < FRAME.right - room
    ]
    zone = el("text", "UTC", x=FRAME.left - 8, y=FRAME.bottom + 18, text_anchor="end")
    return el("g", line, zone, *labels, class_="ticks")


def _time_band(one: Report, x: Linear) -> Markup:
    """When it may have changed."""
    first, last = (x(from_rfc3339(at)) for at in one["at_ci"])
    width = max(last - first, 2.0)
    return el(
        "rect",
        x=first,
        y=FRAME.top,
        width=width,
        height=FRAME.bottom - FRAME.top,
        class_=f"when {_role(one)}",
    )


def _levels(one: Report, x: Linear, y: Linear | Log) -> Iterator[Markup]:
    """The levels before and after with their intervals, and the moment of the change."""
    at, known = x(from_rfc3339(one["at"])), x(from_rfc3339(one["detected_at"]))
    begin = x(from_rfc3339(one["before_from"]))
    yield from _level(one["before"], one["before_ci"], (begin, at), "before", y)
    yield from _level(one["after"], one["after_ci"], (at, known), _role(one), y)
    yield el("path", d=f"M{at:.1f} {FRAME.top:g}V{FRAME.bottom:g}", class_=f"at {_role(one)}")
    ratio = "" if one["ratio"] is None else f" ×{one['ratio']:.3g}"
    right = at < FRAME.right - 140.0
    yield el(
        "text",
        f"{one['status']}{ratio}",
        x=at + (6 if right else -6),
        y=FRAME.bottom - 8,
        text_anchor="start" if right else "end",
        class_=f"label {_role(one)}",
    )


def _level(
    value: float, interval: Sequence[float], span: tuple[float, float], role: str, y: Linear | Log
) -> Iterator[Markup]:
    begin, end = span
    low, high = (y(bound) for bound in interval)
    yield el(
        "rect",
        x=begin,
        y=high,
        width=max(end - begin, 1.0),
        height=max(low - high, 1.0),
        class_=f"interval {role}",
    )
    yield el(
        "path", d=f"M{begin:.1f} {y(value):.1f}H{max(end, begin + 1.0):.1f}", class_=f"level {role}"
    )


def _points(panel: Panel, x: Linear, y: Linear | Log) -> Iterable[Point]:
    """The cells; of more than there are columns, the lowest and the highest of each column."""
    grid, values = panel.grid, panel.grid.values[panel.row]
    per = math.ceil(grid.cells / COLUMNS)
    for first in range(0, grid.cells, per):
        held = values[first : first + per]
        held = held[np.isfinite(held)]
        if not len(held):
            yield None
            continue
        at = x(grid.time(first) + per * grid.table.width / 2.0)
        for value in {float(held.min()), float(held.max())}:
            yield at, y(value)


def _stretches(panel: Panel, x: Linear, y: Linear | Log) -> Iterator[Point]:
    """The levels and ramps that the whole history consists of, looked at from its end."""
    grid, values = panel.grid, panel.grid.values[panel.row]
    shares = grid.kind in SHARES
    scaled = values if shares else np.log(np.where(values > 0.0, values, np.nan))
    for part in segments(scaled, grid.table.start, grid.table.width):
        half = part.slope * (part.end - part.first) / 2.0
        yield None
        for cell, value in ((part.first, part.mean - half), (part.end, part.mean + half)):
            yield x(grid.time(cell)), y(value if shares else math.exp(value))


def _day(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%-d %b}"


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%-d %b %H:%M}"
