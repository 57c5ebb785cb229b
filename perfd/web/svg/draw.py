"""Elements of SVG as safe markup."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

Attribute = str | float | int | None


def el(tag: str, /, *children: str | Markup, **attributes: Attribute) -> Markup:
    """One element. `class_` is `class`, `stroke_width` is `stroke-width`; None is left out."""
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    inner = "".join(escape(child) for child in children)
    return Markup(f"<{tag}{written}>{inner}</{tag}>")  # noqa: S704 - all parts are escaped


def svg(width: float, height: float, label: str, *children: Markup, class_: str) -> Markup:
    """A picture with a text for those who cannot see it."""
    return el(
        "svg",
        el("title", label),
        *children,
        viewBox=f"0 0 {width:g} {height:g}",
        class_=class_,
        role="img",
    )


def path(points: Iterable[tuple[float, float] | None], **attributes: Attribute) -> Markup:
    """A line through points; None breaks it. A point alone becomes a dot of no length."""
    steps: list[str] = []
    pen = "M"
    for point in points:
        if point is None:
            pen = "M"
            continue
        steps.append(f"{pen}{point[0]:.1f} {point[1]:.1f}")
        if pen == "M":
            steps.append("h0")
        pen = "L"
    return el("path", d="".join(steps), fill="none", **attributes) if steps else Markup()


def _value(value: str | float) -> Markup:
    if isinstance(value, float):
        return Markup(f"{value:.2f}".rstrip("0").rstrip("."))  # noqa: S704 - digits
    return escape(value)
