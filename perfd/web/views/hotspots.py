"""Where the time went: functions whose cost moved, calls per request, and the flame graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from perfd.model.evidence import CallRow, Change, Evidence, FlameNode, Hotspot
from perfd.model.finding import Interval
from perfd.tickets.wording import Scale, decimals, number, scale_of, signed
from perfd.web.flame import AFTER, BEFORE, grow, payload
from perfd.web.links import code
from perfd.web.svg.flame import flame
from perfd.web.views.figures import duration, plain_duration, seconds_scale, share

_SENTENCES = 3


@dataclass(frozen=True, slots=True)
class HotspotLine:
    """A function in figures; intervals belong to the changes."""

    hotspot: Hotspot
    place: str
    href: str
    tone: str  # up or down where the change is beyond chance
    self_share: str
    self_change: str
    total_share: str
    per_request: str
    per_request_change: str
    samples: str


@dataclass(frozen=True, slots=True)
class CallLine:
    """Calls of one kind in a request; `repeated` marks what looks like N+1."""

    call: CallRow
    before: str
    after: str
    change: str
    seconds: str
    repeated: bool


@dataclass(frozen=True, slots=True)
class Flame:
    """Both layouts as pictures, and the data that the script draws from."""

    before: Markup
    after: Markup
    data: dict[str, Any]
    nodes: int


def hotspot_lines(hotspots: Sequence[Hotspot], source: str) -> list[HotspotLine]:
    """The table, in the order of the evidence; `source` leads to the code, by `links.code_of`."""
    costs = [abs(h.per_request.delta) for h in hotspots]
    scale = scale_of("s", *costs)
    return [_line(hotspot, source, scale) for hotspot in hotspots]


def where(hotspots: Sequence[Hotspot], calls: Sequence[CallRow]) -> list[tuple[str, str, str]]:
    """The largest changes as (figure, name, detail), functions first."""
    own = [h for h in hotspots if _tone(h.per_request) == "up"][:_SENTENCES]
    callers = [h for h in hotspots if _tone(h.total_share) == "up" and h not in own]
    functions = [_own(h) for h in own] + [_caller(h) for h in callers[: _SENTENCES - len(own)]]
    repeated = [
        (
            f"{_times(c.before)} → {_times(c.after)} calls per request",
            c.name,
            f"{signed_quantity(c.after_seconds - c.before_seconds)} per request",
        )
        for c in calls
        if is_repeated(c)
    ]
    return [*functions, *repeated[:_SENTENCES]]


def call_lines(calls: Sequence[CallRow]) -> list[CallLine]:
    """Child calls by how much their number changed."""
    scale = seconds_scale(c.after_seconds for c in calls)
    return [
        CallLine(
            c,
            _times(c.before),
            _times(c.after),
            _more(c.after - c.before),
            f"{duration(c.before_seconds, scale)} → {duration(c.after_seconds, scale)}",
            is_repeated(c),
        )
        for c in calls
    ]


def is_repeated(call: CallRow) -> bool:
    """Called several times a request, and at least twice as often as before."""
    return call.after >= 3 and call.after >= 2 * max(call.before, 0.5)


def flame_graph(nodes: Sequence[FlameNode]) -> Flame | None:
    """None when no profile was taken."""
    if not nodes:
        return None
    tree = grow(nodes)
    return Flame(flame(tree, BEFORE), flame(tree, AFTER), payload(tree), len(tree.order))


def change(cost: Change, scale: Scale) -> str:
    """`+26.4 ms (± 1.2)`."""
    digits = _digits(cost, scale)
    half = (cost.ci[1] - cost.ci[0]) / 2 * scale.factor
    moved = signed(cost.delta * scale.factor, digits)
    return f"{moved} {scale.symbol} (± {number(half, digits)})"


def signed_quantity(seconds: float) -> str:
    """`+4.1 ms`."""
    return ("−" if seconds < 0 else "+") + plain_duration(abs(seconds))


def short(file: str) -> str:
    """The last three parts of a long path; the link and the title have the rest."""
    parts = file.split("/")
    return file if len(parts) <= 4 else "…/" + "/".join(parts[-3:])


def _own(hotspot: Hotspot) -> tuple[str, str, str]:
    cost = hotspot.per_request
    return (
        f"{change(cost, scale_of('s', cost.delta))} CPU per request",
        hotspot.function,
        f"{share(hotspot.self_share.before)} → {share(hotspot.self_share.after)} of CPU samples",
    )


def _caller(hotspot: Hotspot) -> tuple[str, str, str]:
    whole = hotspot.total_share
    return (
        f"{_points(whole.delta, whole.ci).replace('pp', 'points')} of CPU samples",
        hotspot.function,
        f"{share(whole.before)} → {share(whole.after)} with what it calls",
    )


def _tone(cost: Change) -> str:
    """Colour only what is beyond chance: the interval leaves zero out."""
    low, high = cost.ci
    return "up" if low > 0 else "down" if high < 0 else ""


def coverage(evidence: Evidence) -> str:
    """How much of the processes' CPU time the profiles saw, or why they name no function."""
    if evidence.profile_note:
        return f"No function is named: {evidence.profile_note}."
    sides = (evidence.profile_coverage_before, evidence.profile_coverage_after)
    if None in sides:
        return ""
    before, after = (share(side) for side in sides)
    if max(side or 0.0 for side in sides) > 1.2:
        return (
            f"The profiles hold more CPU time than the processes spent ({before} before, {after} "
            "after): shares are from the profiles, times per request from the processes."
        )
    return f"Profiles cover {before} of the CPU time before and {after} after."


def _line(hotspot: Hotspot, source: str, scale: Scale) -> HotspotLine:
    file = short(hotspot.file)
    place = f"{file}:{hotspot.line}" if hotspot.line else file
    cost = hotspot.per_request
    digits = _digits(cost, scale)
    sides = (number(value * scale.factor, digits) for value in (cost.before, cost.after))
    return HotspotLine(
        hotspot=hotspot,
        place=place,
        href=code(source, hotspot.file, hotspot.line),
        tone=_tone(cost),
        self_share=f"{share(hotspot.self_share.before)} → {share(hotspot.self_share.after)}",
        self_change=_points(hotspot.self_share.delta, hotspot.self_share.ci),
        total_share=f"{share(hotspot.total_share.before)} → {share(hotspot.total_share.after)}",
        per_request=f"{' → '.join(sides)} {scale.symbol}",
        per_request_change=change(cost, scale),
        samples=f"{hotspot.samples_before:,} / {hotspot.samples_after:,}",
    )


def _digits(cost: Change, scale: Scale) -> int:
    half = (cost.ci[1] - cost.ci[0]) / 2 * scale.factor
    return decimals(cost.delta * scale.factor, half)


def _points(delta: float, ci: Interval) -> str:
    half = (ci[1] - ci[0]) / 2 * 100
    digits = min(decimals(delta * 100, half), 2)
    return f"{signed(delta * 100, digits)} pp (± {number(half, digits)})"


def _more(calls: float) -> str:
    return "0" if round(calls, 1) == 0 else signed(calls, 0 if abs(calls) >= 10 else 1)


def _times(amount: float) -> str:
    return number(amount, 0 if amount >= 10 or amount == int(amount) else 1)
