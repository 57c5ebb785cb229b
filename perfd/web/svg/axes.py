"""Axes of charts over time: round numbers in a unit that fits, times, and deploys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from markupsafe import Markup

from perfd.model.times import to_rfc3339
from perfd.tickets.wording import Scale, number, scale_of
from perfd.web.svg.draw import el
from perfd.web.svg.scales import Linear, ticks, time_ticks, top

FORMS = {"seconds": "%H:%M:%S", "minutes": "%H:%M", "days": "%d %b"}
DAYS = 3.0 * 86_400.0
_LETTER = 7.0  # points that a letter of a label needs
_LEAST = {"ratio": 0.01}  # top of an axis when all is zero: not 100 % failures


class Mark(NamedTuple):
    """A vertical line at a time."""

    at: float
    text: str


class Frame(NamedTuple):
    """The edges of the drawing within its picture."""

    left: float
    right: float
    top: float
    bottom: float


class Values(NamedTuple):
    """A value axis from zero: `high` is round in the unit of `scale`."""

    high: float
    scale: Scale
    ticks: Sequence[float]
    texts: Sequence[str]


def values(unit: str, greatest: float) -> Values:
    """The axis of a unit that holds values up to `greatest`."""
    greatest = greatest or _LEAST.get(unit, 1.0)
    scale = axis_scale(unit, greatest)
    round_high = top(greatest * scale.factor)
    scaled = ticks(0.0, round_high)
    return Values(
        round_high / scale.factor, scale, [v / scale.factor for v in scaled], _texts(scaled)
    )


def axis_scale(unit: str, greatest: float) -> Scale:
    """The scale of a unit; that of `bytes/s` is that of bytes."""
    what, per, _ = unit.partition("/")
    if what and per:
        scale = scale_of(what, greatest)
        return Scale(scale.factor, f"{scale.symbol}{unit.removeprefix(what)}")
    return scale_of(unit, greatest)


def value_axis(axis: Values, y: Linear, frame: Frame) -> Markup:
    """Numbers at the left with hairlines; the unit stands above them."""
    parts: list[Markup] = []
    for value, text in zip(axis.ticks, axis.texts, strict=True):
        place = y(value)
        parts.append(el("path", d=f"M{frame.left:g} {place:.1f}H{frame.right:g}", class_="rule"))
        parts.append(el("text", text, x=frame.left - 6, y=place + 4, text_anchor="end"))
    if axis.scale.symbol:
        unit = el("text", axis.scale.symbol, x=frame.left - 6, y=frame.top - 10, text_anchor="end")
        parts.append(unit)
    return el("g", *parts, class_="ticks")


def time_axis(x: Linear, frame: Frame) -> Markup:
    """Times in UTC; the script writes those of a day in the reader's zone."""
    form = _form(x.high - x.low)
    room = 18 if form == "minutes" else 30
    labels = [
        el(
            "text",
            f"{datetime.fromtimestamp(at, UTC):{FORMS[form]}}",
            x=x(at),
            y=frame.bottom + 17,
            text_anchor="middle",
            data_time=to_rfc3339(at),
            data_form=form,
        )
        for at in time_ticks(x.low, x.high)
        if x(at) < frame.right - room
    ]
    line = el("path", d=f"M{frame.left:g} {frame.bottom:g}H{frame.right:g}", class_="axis")
    return el("g", line, *labels, class_="ticks")


def deploy_marks(marks: Iterable[Mark], x: Linear, frame: Frame) -> list[Markup]:
    """Labelled vertical lines; where labels would lie on each other, the newest is written."""
    drawn: list[Markup] = []
    free = frame.right + 1
    for mark in sorted(marks, reverse=True):
        place = x(mark.at)
        width = len(mark.text) * _LETTER
        right = place + width < frame.right
        begin = place + 4 if right else place - 4 - width
        written = begin + width <= free
        if written:
            free = begin - 6
        drawn.append(_mark(mark.text if written else "", place, right, frame))
    return drawn


def _form(length: float) -> str:
    """Of so many seconds: ticks that are days apart are all at midnight."""
    if length > DAYS:
        return "days"
    return "seconds" if length < 600 else "minutes"


def _mark(text: str, place: float, right: bool, frame: Frame) -> Markup:
    line = el("path", d=f"M{place:.1f} {frame.top - 8:g}V{frame.bottom:g}")
    if not text:
        return el("g", line, class_="deploy")
    anchor = "start" if right else "end"
    words = el("text", text, x=place + (4 if right else -4), y=frame.top - 10, text_anchor=anchor)
    return el("g", line, words, class_="deploy")


def _texts(values: Sequence[float]) -> list[str]:
    """As few digits as tell them apart and are true to 1 %."""
    for digits in range(6):
        texts = [number(value, digits) for value in values]
        true = all(abs(round(value, digits) - value) <= abs(value) * 0.01 for value in values)
        if true and len(set(texts)) == len(texts):
            return texts
    return [f"{value:.3g}" for value in values]
