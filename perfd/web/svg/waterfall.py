"""The bars of a waterfall's row; rows are a table, so that they reflow and can be read aloud."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

from perfd.web.svg.draw import el

_WIDTH = 1000.0
_HAIR = 3.0  # the narrowest bar


def bars(spans: Iterable[tuple[float, float, bool]], total: float) -> Markup:
    """Each span as (offset, duration, failed) in seconds, of a request that took `total`."""
    return el(
        "svg",
        *(_bar(offset, duration, failed, total or 1.0) for offset, duration, failed in spans),
        viewBox=f"0 0 {_WIDTH:g} 10",
        preserveAspectRatio="none",
        class_="bar",
        aria_hidden="true",
    )


def _bar(offset: float, duration: float, failed: bool, total: float) -> Markup:
    start = min(max(offset / total * _WIDTH, 0.0), _WIDTH - _HAIR)
    width = min(max(duration / total * _WIDTH, _HAIR), _WIDTH - start)
    return el("rect", x=start, y=1, width=width, height=8, class_="failed" if failed else "took")
