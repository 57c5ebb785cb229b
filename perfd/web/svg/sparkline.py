"""A line the size of a word."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from perfd.web.svg.draw import path, svg
from perfd.web.svg.scales import Linear

WIDTH, HEIGHT = 96.0, 22.0


def sparkline(values: Sequence[float | None], label: str) -> Markup:
    """Values at equal steps from zero up; a gap where nothing was measured."""
    high = max((v for v in values if v is not None), default=0.0) or 1.0
    x = Linear(0, max(len(values) - 1, 1), 1, WIDTH - 1)
    y = Linear(0, high, HEIGHT - 2, 2)
    points = [None if v is None else (x(i), y(v)) for i, v in enumerate(values)]
    return svg(WIDTH, HEIGHT, label, path(points, class_="line plain"), class_="spark")
