"""The flame graph as a picture, for readers without JavaScript and for paper."""

from __future__ import annotations

from markupsafe import Markup

from perfd.tickets.wording import quantity
from perfd.web.flame import AFTER, Frame, Tree, layout
from perfd.web.svg.draw import el, svg

WIDTH, ROW = 960.0, 18.0
_NARROWEST = 0.004  # of the picture: 4 of 960 points
_DEEPEST = 48
_LETTER = 6.6  # points that a letter needs
ROLES = {-3: "b3", -2: "b2", -1: "b1", 0: "same", 1: "w1", 2: "w2", 3: "w3"}


def flame(tree: Tree, side: str) -> Markup:
    """One layout; empty when that side has no profile."""
    frames = [f for f in layout(tree, side, _NARROWEST) if f.depth < _DEEPEST]
    if not frames:
        return Markup()
    height = (max(f.depth for f in frames) + 1) * ROW
    label = f"Flame graph with the widths of {side}"
    return svg(WIDTH, height, label, *(_box(tree, f, side) for f in frames), class_="flame")


def _box(tree: Tree, frame: Frame, side: str) -> Markup:
    x, width = frame.start * WIDTH, frame.width * WIDTH
    name = tree.nodes[frame.index].function
    letters = int((width - 6) / _LETTER)
    text = name if len(name) <= letters else f"{name[: max(letters - 1, 0)]}…"
    parts = [
        el("title", _words(tree, frame, side)),
        el("rect", x=x, y=frame.depth * ROW, width=max(width - 0.5, 0.5), height=ROW - 1),
    ]
    if letters >= 3:
        parts.append(el("text", text, x=x + 3, y=frame.depth * ROW + 12.5))
    return el("g", *parts, class_=ROLES[tree.tone(frame.index)])


def _words(tree: Tree, frame: Frame, side: str) -> str:
    before = quantity(tree.before[frame.index], "s")
    after = quantity(tree.after[frame.index], "s")
    share = f"{frame.width * 100:.1f} % of {'after' if side == AFTER else 'before'}"
    return f"{tree.nodes[frame.index].function}: {before} → {after} CPU per request, {share}"
