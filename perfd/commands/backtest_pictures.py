"""Pictures of a backtest: one document with a panel for each series, or a document for each."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from perfd.commands.backtest_panel import HEIGHT, WIDTH, Panel, draw
from perfd.commands.backtest_run import Histories, deploys_of
from perfd.web.svg.draw import el

MOST = 200  # panels in one document
COLOURS = {
    "paper": ("#fff", "#161615"),
    "ink": ("#1b1b1a", "#e9e8e4"),
    "soft": ("#65645f", "#a3a29b"),
    "hair": ("#e2e1dc", "#34332f"),
    "line": ("#8f8e88", "#8a8881"),
    "before": ("#454440", "#d0cfc9"),
    "worse": ("#b2182b", "#f4816f"),
    "better": ("#1f64a8", "#7db7e8"),
    "amber": ("#8a5a00", "#e0ad4d"),
}
RULES = (
    "svg{background:var(--paper);font:12.5px system-ui,-apple-system,'Segoe UI',sans-serif;"
    "font-variant-numeric:tabular-nums}text{fill:var(--soft)}.title{fill:var(--ink);font-size:16px;"
    "font-weight:600}path{fill:none}.rule{stroke:var(--hair)}.axis{stroke:var(--soft)}"
    ".values{stroke:var(--line);stroke-width:1.1;stroke-linejoin:round}.deploy path{stroke:"
    "var(--soft);stroke-dasharray:2 3}.when{fill-opacity:.16}.interval{fill-opacity:.28}"
    ".stretch{stroke:var(--ink);stroke-width:1.3;stroke-dasharray:5 3;opacity:.55}"
    ".level{stroke-width:2.2}.at{stroke-width:1}.label{font-weight:600;"
    "paint-order:stroke;stroke:var(--paper);stroke-width:4px}"
    ".before{stroke:var(--before)}.interval.before{fill:var(--before);stroke:none}"
)


def write(name: str, histories: Histories, report: Mapping[str, Any]) -> None:
    """Into a file, or into a folder when it is one or ends with a slash. Raises OSError."""
    panels = list(_panels(histories, [*report["findings"], *report["trends"]]))
    if not name.endswith(os.sep) and not Path(name).is_dir():
        Path(name).write_text(document(panels[:MOST]), "utf-8")
        return
    folder = Path(name)
    folder.mkdir(parents=True, exist_ok=True)
    for number, panel in enumerate(panels, 1):
        (folder / f"{number:03d}-{_slug(panel.title)}.svg").write_text(document([panel]), "utf-8")


def document(panels: Sequence[Panel]) -> str:
    """A whole SVG document, panels below each other."""
    height = HEIGHT * max(len(panels), 1)
    drawn = [
        el("g", draw(panel), transform=f"translate(0 {number * HEIGHT:g})")
        for number, panel in enumerate(panels)
    ]
    nothing = el("text", "Nothing was found.", x=24, y=40, class_="title")
    about = panels[0].title if len(panels) == 1 else f"{len(panels)} series with findings"
    return str(
        el(
            "svg",
            el("title", about),
            Markup(f"<style>{_style()}</style>"),  # noqa: S704 - constants
            *(drawn or [nothing]),
            xmlns="http://www.w3.org/2000/svg",
            viewBox=f"0 0 {WIDTH:g} {height:g}",
            width=WIDTH,
            height=height,
            role="img",
        )
    )


def _panels(histories: Histories, found: Sequence[Mapping[str, Any]]) -> Iterator[Panel]:
    for grid in histories.grids:
        for row, name in enumerate(grid.names):
            own = [one for one in found if one["series"] == name]
            if own:
                own.sort(key=lambda one: str(one["at"]))
                yield Panel(grid, row, own, deploys_of(histories.deploys, name))


def _style() -> str:
    """Light and dark, as the reader's system asks for; colour is never the only sign."""
    light, dark = (
        "".join(f"--{name}:{pair[side]};" for name, pair in COLOURS.items()) for side in (0, 1)
    )
    roles = "".join(
        f"text.{role},.when.{role},.interval.{role}{{fill:var(--{role})}}"
        f"path.{role}{{stroke:var(--{role})}}"
        for role in ("worse", "better", "amber")
    )
    night = f"@media(prefers-color-scheme:dark){{svg{{{dark}}}}}"
    return f"svg{{{light}color-scheme:light dark}}{night}{RULES}{roles}"


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-")[:80] or "series"
