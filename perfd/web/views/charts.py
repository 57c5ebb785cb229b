"""Charts with the figures behind them: what is drawn can be read in a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from perfd.tickets.wording import Scale, decimals, number
from perfd.web.svg.axes import axis_scale
from perfd.web.svg.line_chart import Chart, Point, line_chart
from perfd.web.views.figures import NONE

_ROWS = 240  # of a table behind a chart; the API has the rest


@dataclass(frozen=True, slots=True)
class Plot:
    """One picture, its caption and its table: a heading for each line, rows of (time, texts).

    `legend` names the lines with their roles; a single line is named by the title.
    """

    title: str
    picture: Markup
    heads: tuple[str, ...]
    rows: tuple[tuple[float, tuple[str, ...]], ...]
    legend: tuple[tuple[str, str], ...] = ()
    note: str = ""

    @property
    def empty(self) -> bool:
        """Whether nothing was measured."""
        return not self.rows


def plot(chart: Chart, note: str = "") -> Plot:
    """A chart and its table."""
    times = sorted({at for line in chart.lines for at, value in line.points if value is not None})
    scale = axis_scale(chart.unit, chart.greatest)
    columns = [dict(line.points) for line in chart.lines]
    rows = tuple(
        (at, tuple(_text(column.get(at), scale) for column in columns)) for at in times[-_ROWS:]
    )
    heads = tuple(f"{line.name}, {scale.symbol}".rstrip(", ") for line in chart.lines)
    named = chart.lines if len(chart.lines) > 1 else ()
    legend = tuple((line.name, line.role) for line in named)
    return Plot(chart.title, line_chart(chart), heads, rows, legend, note)


def gaps(points: Sequence[Point], width: float) -> tuple[Point, ...]:
    """Points with a break wherever two steps or more are missing."""
    filled: list[Point] = []
    for at, value in points:
        if filled and at - filled[-1][0] > 2.5 * width:
            filled.append((filled[-1][0] + width, None))
        filled.append((at, value))
    return tuple(filled)


def _text(value: float | None, scale: Scale) -> str:
    if value is None:
        return NONE
    scaled = value * scale.factor
    return number(scaled, decimals(scaled, 0.0))
