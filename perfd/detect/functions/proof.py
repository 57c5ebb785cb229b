"""The proof of a function's rise: shares by the hour, the functions around it, the flame graph."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from perfd.detect.flame import flame
from perfd.detect.functions.comparison import Comparison, detectable
from perfd.detect.functions.rise import Cost
from perfd.detect.functions.table import Array, FunctionTable
from perfd.detect.hotspots import hotspots
from perfd.detect.profile_diff import ProfileDiff
from perfd.detect.profile_side import Paths, profile_side
from perfd.detect.tails import NORMAL_95
from perfd.model.evidence import Evidence, FlameNode, Hotspot, MetricRow, Track
from perfd.model.finding import Effect, Estimate
from perfd.model.histogram import EMPTY
from perfd.model.profile import Function, ProfileWindow, Symbols

NO_COST = (1.0, 1.0)  # where a request's CPU is not known, shares are compared
UNIT = "share"
METRIC = "share"


def estimates(
    counts: Comparison, table: FunctionTable, at: int, versions: tuple[str, str]
) -> tuple[Estimate, Estimate]:
    """Both sides with their intervals; counts are samples."""
    middle, end = table.time(at), table.time(table.cells)
    first = table.time(int(np.argmax(np.isfinite(table.samples))))
    return (
        _side(counts, counts.k0, counts.n0, (first, middle), versions[0]),
        _side(counts, counts.k1, counts.n1, (middle, end), versions[1]),
    )


def effect(counts: Comparison) -> Effect:
    """The ratio of the shares with its interval; none of a function that is new."""
    if counts.k0 <= 0.0:
        return Effect(None, None, counts.delta)
    reach = NORMAL_95 * counts.shift_error
    ends = float(np.exp(counts.shift - reach)), float(np.exp(counts.shift + reach))
    return Effect(counts.after / counts.before, ends, counts.delta)


def profiles(
    windows: Sequence[ProfileWindow], symbols: Symbols, at: float, cost: Cost | None
) -> ProfileDiff | None:
    """Both sides of the profiles around the change at a time."""
    paths = Paths(symbols)
    before = profile_side([w for w in windows if w.start < at], paths)
    after = profile_side([w for w in windows if w.start >= at], paths)
    if before is None or after is None:
        return None
    costs = NO_COST if cost is None else (cost.before, cost.after)
    return ProfileDiff(before, after, costs, (None, None))


def picture(
    diff: ProfileDiff, symbols: Symbols, function: Function
) -> tuple[tuple[Hotspot, ...], tuple[FlameNode, ...]]:
    """Hotspots with the function first, and the flame graph."""
    return hotspots(diff, symbols, function), flame(diff, symbols)


def row(before: Estimate, after: Estimate, counts: Comparison, alpha: float) -> MetricRow:
    """The share, with the smallest rise that would have been found."""
    least = detectable(counts.before, counts.n0, counts.n1, counts.phi, alpha)
    mde = 1.0 + least / counts.before if counts.before > 0.0 else None
    return MetricRow(METRIC, UNIT, before, after, effect(counts), True, True, mde)


def track(k: Array, table: FunctionTable, function: Function, *, own: bool) -> Track:
    """The share by the hour."""
    shares = k / table.samples
    points = tuple(
        (table.time(cell), float(value)) for cell, value in enumerate(shares) if np.isfinite(value)
    )
    name = "self share of CPU samples" if own else "share of CPU samples"
    return Track(name, "ratio", function.name, points)


def evidence(
    finding_id: str,
    rows: Sequence[MetricRow],
    tracks: Sequence[Track],
    pictured: tuple[tuple[Hotspot, ...], tuple[FlameNode, ...]],
    checks: Sequence[object],
) -> Evidence:
    """Complete in itself."""
    return Evidence(
        finding_id=finding_id,
        rows=tuple(rows),
        histogram_before=EMPTY,
        histogram_after=EMPTY,
        timeline=(),
        hotspots=pictured[0],
        flame=pictured[1],
        calls=(),
        exemplars_before=(),
        exemplars_after=(),
        resources=tuple(tracks),
        checks=tuple(checks),  # type: ignore[arg-type]
        rule=None,
    )


def _side(
    counts: Comparison, k: float, n: float, span: tuple[float, float], version: str
) -> Estimate:
    reach = NORMAL_95 * counts.variance(k, n) ** 0.5
    share = k / n
    return Estimate(
        share, (max(share - reach, 0.0), min(share + reach, 1.0)), int(n), *span, version
    )
