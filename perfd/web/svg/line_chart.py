"""Lines over time with deploys as labelled vertical lines and the baseline as a grey band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from markupsafe import Markup

from perfd.model.times import to_rfc3339
from perfd.tickets.wording import Scale, number, scale_of
from perfd.web.svg.draw import el, path, svg
from perfd.web.svg.scales import Linear, ticks, time_ticks, top

WIDTH, HEIGHT = 480.0, 190.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 58.0, 12.0, 26.0, 24.0

_LEAST = {"ratio": 0.01}  # top of an axis when all is zero: not 100 % failures

Point = tuple[float, float | None]  # time, value; None where nothing was measured


@dataclass(frozen=True, slots=True)
class Line:
    """One line; `role` is its class: before, after, plain, strong, faint."""

    name: str
    points: Sequence[Point]
    role: str = "plain"


@dataclass(frozen=True, slots=True)
class Mark:
    """A vertical line at a time."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """All lines share one unit and one scale; the axis starts at zero."""

    title: str
    unit: str
    start: float
    end: float
    lines: Sequence[Line]
    marks: Sequence[Mark] = ()
    band: tuple[float, float] | None = None  # the baseline's low and high
    high: float | None = None  # top of the scale, where several charts share one

    @property
    def greatest(self) -> float:
        """The highest value shown."""
        values = [v for line in self.lines for _, v in line.points if v is not None]
        return max([*values, self.band[1] if self.band else 0.0, 0.0])


def line_chart(chart: Chart) -> Markup:
    """The picture. The line's names are written at their ends, so no legend is needed."""
    high = top(chart.high or chart.greatest or _LEAST.get(chart.unit, 1.0))
    x = Linear(chart.start, chart.end, _LEFT, WIDTH - _RIGHT)
    y = Linear(0.0, high, HEIGHT - _BOTTOM, _TOP)
    return svg(
        WIDTH,
        HEIGHT,
        chart.title,
        *([_band(chart.band, x, y)] if chart.band else ()),
        _value_axis(high, chart.unit, y),
        time_axis(chart.start, chart.end, x, HEIGHT - _BOTTOM),
        *(deploy_mark(mark, x, _TOP, HEIGHT - _BOTTOM) for mark in _inside(chart)),
        *(_line(line, x, y) for line in chart.lines),
        *_names(chart, x, y),
        class_="chart",
    )


def time_axis(start: float, end: float, x: Linear, floor: float) -> Markup:
    """Times in UTC; the script writes them in the reader's zone."""
    seconds = end - start < 600
    labels = [
        el(
            "text",
            clock_text(at, seconds=seconds),
            x=x(at),
            y=floor + 17,
            text_anchor="middle",
            data_time=to_rfc3339(at),
            data_form="seconds" if seconds else "minutes",
        )
        for at in time_ticks(start, end)
        if x(at) < WIDTH - _RIGHT - 14
    ]
    line = el("path", d=f"M{_LEFT:g} {floor:g}H{WIDTH - _RIGHT:g}", class_="axis")
    return el("g", line, *labels, class_="ticks")


def deploy_mark(mark: Mark, x: Linear, top_: float, floor: float) -> Markup:
    """A labelled vertical line; its text stands on the side that has room."""
    place = x(mark.at)
    right = place < (x.start + x.end) / 2
    return el(
        "g",
        el("path", d=f"M{place:.1f} {top_ - 8:g}V{floor:g}"),
        el(
            "text",
            mark.text,
            x=place + (4 if right else -4),
            y=top_ - 10,
            text_anchor="start" if right else "end",
        ),
        class_="deploy",
    )


def clock_text(at: float, *, seconds: bool = False) -> str:
    """`14:02`, in UTC."""
    return f"{datetime.fromtimestamp(at, UTC):{'%H:%M:%S' if seconds else '%H:%M'}}"


def axis_numbers(values: Sequence[float], unit: str) -> tuple[list[str], Scale]:
    """Tick labels with as few digits as tell them apart, and the scale that they are in."""
    scale = scale_of(unit, *values)
    scaled = [value * scale.factor for value in values]
    for digits in range(5):
        texts = [number(value, digits) for value in scaled]
        if len(set(texts)) == len(texts) and all(
            abs(float(t.replace(",", "").replace("−", "-")) - v) <= abs(v) * 0.01
            for t, v in zip(texts, scaled, strict=True)
        ):
            break
    return texts, scale


def _inside(chart: Chart) -> list[Mark]:
    return [mark for mark in chart.marks if chart.start <= mark.at <= chart.end]


def _value_axis(high: float, unit: str, y: Linear) -> Markup:
    values = ticks(0.0, high)
    texts, scale = axis_numbers(values, unit)
    parts: list[Markup] = []
    for value, text in zip(values, texts, strict=True):
        place = y(value)
        label = f"{text} {scale.symbol}".rstrip() if value == values[-1] else text
        parts.append(el("path", d=f"M{_LEFT:g} {place:.1f}H{WIDTH - _RIGHT:g}", class_="rule"))
        parts.append(el("text", label, x=_LEFT - 6, y=place + 4, text_anchor="end"))
    return el("g", *parts, class_="ticks")


def _band(band: tuple[float, float], x: Linear, y: Linear) -> Markup:
    low, high = y(band[0]), y(band[1])
    return el(
        "rect",
        x=x.start,
        y=high,
        width=x.end - x.start,
        height=max(low - high, 1.0),
        class_="band",
    )


def _line(line: Line, x: Linear, y: Linear) -> Markup:
    points = [None if v is None else (x(at), y(v)) for at, v in line.points]
    return path(points, class_=f"line {line.role}")


def _names(chart: Chart, x: Linear, y: Linear) -> list[Markup]:
    if len(chart.lines) < 2:
        return []
    placed: list[float] = []
    names: list[Markup] = []
    for line in chart.lines:
        last = next(((at, v) for at, v in reversed(line.points) if v is not None), None)
        if last is None:
            continue
        height = _free(y(last[1]) - 7, placed)
        placed.append(height)
        names.append(
            el(
                "text",
                line.name,
                x=x(last[0]) - 5,
                y=height,
                text_anchor="end",
                class_=f"name {line.role}",
            )
        )
    return names


def _free(height: float, placed: Sequence[float]) -> float:
    for _ in placed:
        clash = next((other for other in placed if abs(other - height) < 13), None)
        if clash is None:
            return height
        height = clash - 14
    return height
