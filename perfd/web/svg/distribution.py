"""Latency before and after as two outlines on a logarithmic axis."""

from __future__ import annotations

import math

from markupsafe import Markup

from perfd.model.histogram import BUCKETS_PER_OCTAVE, Histogram, bucket_index
from perfd.tickets.wording import number, scale_of
from perfd.web.svg.draw import el, svg
from perfd.web.svg.scales import Linear, Log, log_ticks

WIDTH, HEIGHT = 480.0, 220.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 12.0, 12.0, 40.0, 40.0
# The outline has a step for each quarter octave (19 %): finer only shows the noise of the sample.
_GROUP = BUCKETS_PER_OCTAVE // 4
_TAIL = 0.002  # of the requests on either side may fall off the picture


def distribution(before: Histogram, after: Histogram, *, worse: bool) -> Markup:
    """Shares of requests by latency: before in grey, after in red or blue, p95 of each marked."""
    sides = [h for h in (before, after) if h.count > h.zeros]
    if not sides:
        return Markup()
    low = min(h.quantile(_TAIL) or bucket_floor(h) for h in sides) / 1.3
    high = max(h.quantile(1 - _TAIL) for h in sides) * 1.3
    x = Log(low, high, _LEFT, WIDTH - _RIGHT)
    peak = max(max(shares(h).values()) for h in sides)
    y = Linear(0.0, peak * 1.05, HEIGHT - _BOTTOM, _TOP)
    role = "after worse" if worse else "after better"
    return svg(
        WIDTH,
        HEIGHT,
        "Distribution of latency before and after",
        _axis(low, high, x),
        _outline(before, x, y, "before"),
        _outline(after, x, y, role),
        _quantile(before, "before", x, _TOP - 22, "before"),
        _quantile(after, "after", x, _TOP - 6, role),
        class_="chart",
    )


def shares(histogram: Histogram) -> dict[int, float]:
    """The share of requests in each group of buckets."""
    groups: dict[int, float] = {}
    for index, count in histogram.buckets.items():
        group = index // _GROUP
        groups[group] = groups.get(group, 0.0) + count / histogram.count
    return groups


def bucket_floor(histogram: Histogram) -> float:
    """The lower end of the lowest bucket."""
    return float(2.0 ** (min(histogram.buckets) / BUCKETS_PER_OCTAVE))


def _outline(histogram: Histogram, x: Log, y: Linear, role: str) -> Markup:
    groups = shares(histogram)
    if not groups:
        return Markup()
    first = bucket_index(x.low) // _GROUP
    last = bucket_index(x.high) // _GROUP
    floor = y(0.0)
    steps = [f"M{x.start:.1f} {floor:.1f}"]
    for group in range(first, last + 1):
        left, right = (2.0 ** ((g * _GROUP) / BUCKETS_PER_OCTAVE) for g in (group, group + 1))
        steps.append(f"H{x(left):.1f}V{y(groups.get(group, 0.0)):.1f}H{x(right):.1f}")
    steps.append(f"V{floor:.1f}")
    return el("path", d="".join(steps), class_=f"shape {role}")


def _quantile(histogram: Histogram, name: str, x: Log, height: float, role: str) -> Markup:
    value = histogram.quantile(0.95)
    if not math.isfinite(value) or value <= 0:
        return Markup()
    place = x(value)
    right = place < WIDTH * 0.6
    scale = scale_of("s", value)
    text = f"p95 {name} {number(value * scale.factor, 0 if value * scale.factor >= 10 else 1)}"
    return el(
        "g",
        el(
            "path", d=f"M{place:.1f} {height - 4:g}V{HEIGHT - _BOTTOM:g}", class_=f"quantile {role}"
        ),
        el(
            "text",
            f"{text} {scale.symbol}",
            x=place + (4 if right else -4),
            y=height,
            text_anchor="start" if right else "end",
            class_=f"name {role}",
        ),
    )


def _axis(low: float, high: float, x: Log) -> Markup:
    floor = HEIGHT - _BOTTOM
    parts = [el("path", d=f"M{_LEFT:g} {floor:g}H{WIDTH - _RIGHT:g}", class_="axis")]
    inside = [v for v in log_ticks(low, high) if _LEFT + 18 < x(v) < WIDTH - _RIGHT - 18]
    for value in inside:
        scale = scale_of("s", value)
        parts.append(el("path", d=f"M{x(value):.1f} {floor:g}v4", class_="axis"))
        text = f"{value * scale.factor:g} {scale.symbol}"
        parts.append(el("text", text, x=x(value), y=floor + 17, text_anchor="middle"))
    caption = "latency, logarithmic scale; height is the share of requests"
    parts.append(el("text", caption, x=(x.start + x.end) / 2, y=floor + 34, text_anchor="middle"))
    return el("g", *parts, class_="ticks")
