"""The picture of a backtest: every series with a finding, its levels, and when it changed."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perfd.commands.series_grid import Grid
from perfd.model.times import from_rfc3339

Report = Mapping[str, Any]
Array = NDArray[np.float64]
Scale = Callable[[float], float]

WIDTH, HEIGHT, GAP = 960, 120, 34  # px of a panel
MOST = 200  # panels
COLOURS = {"confirmed": "#c0392b", "suspected": "#e67e22", "trend": "#2980b9"}
STYLE = (
    "text{font:12px sans-serif;fill:#333}polyline{fill:none;stroke:#777;stroke-width:1}"
    "rect{fill-opacity:.2}line{stroke-width:1.5}"
)


def picture(grids: Sequence[Grid], found: Sequence[Report], shares: bool) -> str:
    """An SVG document; on a logarithmic scale, except for shares."""
    panels = [panel for grid in grids for panel in _panels(grid, found, shares)][:MOST]
    step = HEIGHT + GAP
    body = "".join(
        f'<g transform="translate(20 {i * step + GAP})">{panel}</g>'
        for i, panel in enumerate(panels)
    )
    size = f'width="{WIDTH + 40}" height="{max(len(panels), 1) * step + GAP}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{STYLE}</style>{body}</svg>\n'


def _panels(grid: Grid, found: Sequence[Report], shares: bool) -> Iterator[str]:
    for row, name in enumerate(grid.names):
        own = [report for report in found if report["series"] == name]
        if own:
            values = grid.first[row] / grid.second[row] if shares else np.log(grid.first[row])
            yield _panel(grid, name, values, own, math.log if not shares else float)


def _panel(grid: Grid, name: str, values: Array, found: Iterable[Report], scale: Scale) -> str:
    told = np.flatnonzero(np.isfinite(values))
    low, high = np.quantile(values[told], (0.005, 0.995))
    height = HEIGHT / max(float(high - low), 1e-9)
    across = WIDTH / grid.cells

    def down(value: float) -> float:
        return min(max(HEIGHT - (value - float(low)) * height, -4.0), HEIGHT + 4.0)

    points = " ".join(f"{cell * across:.1f},{down(values[cell]):.1f}" for cell in told)
    marks = "".join(_mark(grid, report, across, down, scale) for report in found)
    return f'<text y="-8">{html.escape(name)}</text><polyline points="{points}"/>{marks}'


def _mark(grid: Grid, report: Report, across: float, down: Scale, scale: Scale) -> str:
    """The interval of the change time as a band, its time as a line, and the level after."""
    at, first, last = (
        (from_rfc3339(time) - grid.start) / grid.width * across
        for time in (report["at"], *report["at_ci"])
    )
    colour = COLOURS[report["status"]]
    level = down(scale(report["after"])) if report["after"] > 0.0 else float(HEIGHT)
    ratio = "" if report["ratio"] is None else f" ×{report['ratio']:.3g}"
    return (
        f'<rect x="{first:.1f}" width="{max(last - first, across):.1f}" height="{HEIGHT}" '
        f'fill="{colour}"/>'
        f'<line x1="{at:.1f}" x2="{at:.1f}" y2="{HEIGHT}" stroke="{colour}"/>'
        f'<line x1="{at:.1f}" x2="{at + 60:.1f}" y1="{level:.1f}" y2="{level:.1f}" '
        f'stroke="{colour}"/>'
        f'<text x="{at + 3:.1f}" y="{HEIGHT + 13}">{report["status"]}{ratio}</text>'
    )
