"""Charts with the figures behind them: what is drawn can be read in a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from perfd.tickets.wording import Scale, decimals, number, scale_of
from perfd.web.svg.line_chart import Chart, Point, line_chart
from perfd.web.views.figures import NONE

_ROWS = 240  # of a table behind a chart; the API has the rest


@dataclass(frozen=True, slots=True)
class Plot:
    """One picture, its caption and its table: a heading for each line, rows of (time, texts)."""

    title: str
    picture: Markup
    heads: tuple[str, ...]
    rows: tuple[tuple[float, tuple[str, ...]], ...]
    note: str = ""

    @property
    def empty(self) -> bool:
        """Whether nothing was measured."""
        return not self.rows


def plot(chart: Chart, note: str = "") -> Plot:
    """A chart and its table."""
    times = sorted({at for line in chart.lines for at, value in line.points if value is not None})
    scale = scale_of(chart.unit, chart.greatest)
    columns = [dict(line.points) for line in chart.lines]
    rows = tuple(
        (at, tuple(_text(column.get(at), scale) for column in columns)) for at in times[-_ROWS:]
    )
    heads = tuple(f"{line.name}, {scale.symbol}".rstrip(", ") for line in chart.lines)
    return Plot(chart.title, line_chart(chart), heads, rows, note)


def small_multiples(charts: Sequence[Chart], *, shared: bool) -> tuple[Plot, ...]:
    """Charts side by side; `shared` puts them on one scale, so that heights can be compared."""
    high = max((chart.greatest for chart in charts), default=0.0)
    return tuple(plot(_scaled(chart, high) if shared else chart) for chart in charts)


def gaps(points: Sequence[Point], width: float) -> tuple[Point, ...]:
    """Points with a break wherever two steps or more are missing."""
    filled: list[Point] = []
    for at, value in points:
        if filled and at - filled[-1][0] > 2.5 * width:
            filled.append((filled[-1][0] + width, None))
        filled.append((at, value))
    return tuple(filled)


def _scaled(chart: Chart, high: float) -> Chart:
    return Chart(
        chart.title, chart.unit, chart.start, chart.end, chart.lines, chart.marks, chart.band, high
    )


def _text(value: float | None, scale: Scale) -> str:
    if value is None:
        return NONE
    scaled = value * scale.factor
    return number(scaled, decimals(scaled, 0.0))
