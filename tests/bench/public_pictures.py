"""Contact sheets of windows: each a small panel on a logarithmic scale, twelve on a PNG.

SVG through headless chromium, where there is one; otherwise the SVG stays.
"""

from __future__ import annotations

import html
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.bench.public_series import Array, Public

COLUMNS, ROWS = 2, 6
WIDTH, HEIGHT, TITLE, GAP = 740, 140, 18, 14  # px
DAY = 24  # cells
STYLE = (
    "text{font:12px sans-serif;fill:#222}polyline{fill:none;stroke:#555;stroke-width:1}"
    ".day{stroke:#ddd}.weekend{fill:#f3f3f3}.frame{fill:none;stroke:#999}"
    ".mark{stroke-width:1.5}.ci{fill-opacity:.2}"
)


@dataclass(frozen=True, slots=True)
class Mark:
    """What was found: cells counted in the series, the level after, and how to draw it."""

    at: int
    first: int
    last: int
    level: float
    colour: str
    words: str


@dataclass(frozen=True, slots=True)
class Panel:
    """A window of a series and what was found in it."""

    series: Public
    cells: range
    marks: tuple[Mark, ...]

    @property
    def name(self) -> str:
        """Series and first hour."""
        return f"{self.series.name} {self.series.time(self.cells.start)}"


def sheets(panels: Sequence[Panel], folder: Path, stem: str) -> Iterator[Path]:
    """Written one after the other."""
    folder.mkdir(parents=True, exist_ok=True)
    size = COLUMNS * ROWS
    for number, at in enumerate(range(0, len(panels), size), start=1):
        yield _written(_sheet(panels[at : at + size]), folder / f"{stem}-{number:02d}.png")


def _sheet(panels: Sequence[Panel]) -> str:
    step = HEIGHT + TITLE + GAP
    drawn = "".join(
        f'<g transform="translate({GAP + (i % COLUMNS) * (WIDTH + GAP)} '
        f'{TITLE + i // COLUMNS * step})">{_panel(panel)}</g>'
        for i, panel in enumerate(panels)
    )
    size = f'width="{COLUMNS * (WIDTH + GAP) + GAP}" height="{ROWS * step + TITLE}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{STYLE}</style>{drawn}</svg>\n'


def _panel(panel: Panel) -> str:
    values = _logs(panel.series.values[panel.cells.start : panel.cells.stop])
    told = np.flatnonzero(np.isfinite(values))
    if len(told) == 0:
        return f"<text>{html.escape(panel.name)}: nothing</text>"
    low, high = np.quantile(values[told], (0.005, 0.995))
    scale = HEIGHT / max(float(high - low), 1e-9)
    across = WIDTH / len(panel.cells)

    def down(value: float) -> float:
        return float(np.clip(HEIGHT - (value - low) * scale, -3.0, HEIGHT + 3.0))

    points = " ".join(f"{cell * across:.1f},{down(values[cell]):.1f}" for cell in told)
    title = f"{panel.name}   {np.exp(low):.3g} to {np.exp(high):.3g}"
    marks = "".join(_mark(mark, panel.cells, across, down(np.log(max(mark.level, 1e-12))))
                    for mark in panel.marks)  # fmt: skip
    return (
        f"{_days(panel, across)}{marks}"
        f'<polyline points="{points}"/><rect class="frame" width="{WIDTH}" height="{HEIGHT}"/>'
        f'<text y="-4">{html.escape(title)}</text>'
    )


def _logs(values: Array) -> Array:
    """Zeros are drawn at half of the least value above them."""
    above = values[values > 0.0]
    return np.log(np.maximum(values, 0.5 * above.min() if len(above) else np.nan))


def _days(panel: Panel, across: float) -> str:
    """A line at each midnight, with its date; weekends are grey."""
    first = round(panel.series.start / 3600.0) + panel.cells.start
    lines = []
    for cell in range(-first % DAY, len(panel.cells), DAY):
        day, x = (first + cell) // DAY, cell * across
        if (day + 3) % 7 >= 5:
            wide = min(DAY, len(panel.cells) - cell) * across
            lines.append(
                f'<rect class="weekend" x="{x:.1f}" width="{wide:.1f}" height="{HEIGHT}"/>'
            )
        date = panel.series.time(panel.cells.start + cell)[5:10]
        lines.append(f'<line class="day" x1="{x:.1f}" x2="{x:.1f}" y2="{HEIGHT}"/>')
        lines.append(f'<text x="{x + 2:.1f}" y="{HEIGHT - 2}" opacity=".5">{date}</text>')
    return "".join(lines)


def _mark(mark: Mark, cells: range, across: float, level: float) -> str:
    at, first, last = ((cell - cells.start) * across for cell in (mark.at, mark.first, mark.last))
    return (
        f'<rect class="ci" x="{first:.1f}" width="{max(last - first, across):.1f}" '
        f'height="{HEIGHT}" fill="{mark.colour}"/>'
        f'<line class="mark" x1="{at:.1f}" x2="{at:.1f}" y2="{HEIGHT}" stroke="{mark.colour}"/>'
        f'<line class="mark" x1="{at:.1f}" x2="{at + 50:.1f}" y1="{level:.1f}" y2="{level:.1f}" '
        f'stroke="{mark.colour}"/><text x="{at + 3:.1f}" y="12">{html.escape(mark.words)}</text>'
    )


def _written(svg: str, target: Path) -> Path:
    """The PNG, or without chromium the SVG."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        target.with_suffix(".svg").write_text(svg, "utf-8")
        return target.with_suffix(".svg")
    wide, high = COLUMNS * (WIDTH + GAP) + GAP, ROWS * (HEIGHT + TITLE + GAP) + TITLE
    with tempfile.TemporaryDirectory() as scratch:
        page = Path(scratch, "sheet.html")
        page.write_text(f'<meta charset="utf-8"><body style="margin:0">{svg}</body>', "utf-8")
        subprocess.run(
            [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             f"--window-size={wide},{high}", f"--user-data-dir={scratch}",
             f"--screenshot={target}", str(page)],
            capture_output=True, check=True, timeout=120,
        )  # fmt: skip
    return target


def panels(series: Iterable[Public], marks: dict[str, list[Mark]]) -> list[Panel]:
    """All windows of all series; a mark is in every window that holds its cell."""
    return [
        Panel(one, cells, tuple(m for m in marks.get(one.name, []) if m.at in cells))
        for one in series
        for cells in one.windows
    ]
