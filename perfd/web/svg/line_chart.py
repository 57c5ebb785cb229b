"""Lines over time with deploys as labelled vertical lines and the baseline as a grey band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from perfd.web.svg.axes import Frame, Mark, deploy_marks, time_axis, value_axis, values
from perfd.web.svg.draw import el, path, svg
from perfd.web.svg.scales import Linear

WIDTH, HEIGHT = 480.0, 190.0
_FRAME = Frame(left=46.0, right=WIDTH - 10.0, top=28.0, bottom=HEIGHT - 24.0)

Point = tuple[float, float | None]  # time, value; None where nothing was measured


@dataclass(frozen=True, slots=True)
class Line:
    """One line; `role` is its class: before, after, plain, strong, faint, worse, better."""

    name: str
    points: Sequence[Point]
    role: str = "plain"


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

    @property
    def greatest(self) -> float:
        """The highest value shown."""
        shown = [v for line in self.lines for _, v in line.points if v is not None]
        return max([*shown, self.band[1] if self.band else 0.0, 0.0])


def line_chart(chart: Chart) -> Markup:
    """The picture; what its lines are called is in the caption beside it."""
    axis = values(chart.unit, chart.greatest)
    x = Linear(chart.start, chart.end, _FRAME.left, _FRAME.right)
    y = Linear(0.0, axis.high, _FRAME.bottom, _FRAME.top)
    marks = [mark for mark in chart.marks if chart.start <= mark.at <= chart.end]
    return svg(
        WIDTH,
        HEIGHT,
        chart.title,
        *([_band(chart.band, x, y)] if chart.band else ()),
        value_axis(axis, y, _FRAME),
        time_axis(x, _FRAME),
        *deploy_marks(marks, x, _FRAME),
        *(_line(line, x, y) for line in chart.lines),
        class_="chart",
    )


def _band(band: tuple[float, float], x: Linear, y: Linear) -> Markup:
    low, high = y(band[0]), y(band[1])
    height = max(low - high, 1.0)
    return el("rect", x=x.start, y=high, width=x.end - x.start, height=height, class_="band")


def _line(line: Line, x: Linear, y: Linear) -> Markup:
    points = [None if v is None else (x(at), y(v)) for at, v in line.points]
    return path(points, class_=f"line {line.role}")
